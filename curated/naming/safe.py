"""Any text as a file name that every file system and shell can live with."""

from __future__ import annotations

import os
import re
import unicodedata

# What Windows and SMB shares refuse, and both separators; ":" becomes a dash-like colon would not be typable.
_REPLACED = {":": "-", "/": "-", "\\": "-", "|": "-", '"': "'", "<": "(", ">": ")", "*": "", "?": ""}
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(?=$|\.)", re.IGNORECASE)
_EDGES = " .-_,;'"


def safe_name(text: str, max_bytes: int, fallback: str = "picture") -> str:
    """The text as a file name without extension: NFC, at most `max_bytes` of UTF-8, never empty.

    Separators, control, invisible and direction-changing characters, leading dots and dashes, trailing dots,
    and the names Windows reserves are gone; bytes that are not UTF-8 show as their hex value. Doing it twice
    changes nothing.
    """
    text = os.fsencode(text).decode("utf-8", "backslashreplace") if _has_surrogates(text) else text
    text = unicodedata.normalize("NFC", text)
    text = "".join(_REPLACED.get(char, char) for char in text if _is_visible(char))
    text = " ".join(text.split()).strip(_EDGES)
    text = _cut(text, max_bytes).strip(_EDGES)
    text = unicodedata.normalize("NFC", text)
    if _RESERVED.match(text):
        text = _cut(f"_{text}", max_bytes)
    return text or fallback


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _is_visible(char: str) -> bool:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return char in "\t\n\r"
    # Cf: zero-width and bidirectional marks; the joiner that emoji need is no exception worth its danger.
    return category not in ("Cf", "Cs", "Co", "Cn")


def _cut(text: str, max_bytes: int) -> str:
    """The longest beginning within the limit that ends between words, or between characters if it must."""
    if len(text.encode()) <= max_bytes:
        return text
    cut = text.encode()[:max_bytes].decode("utf-8", "ignore")
    while cut and unicodedata.combining(text[len(cut)]):
        cut = cut[:-1]
    if text[len(cut)] != " " and " " in cut and len(cut.rsplit(" ", 1)[0]) >= len(cut) // 2:
        cut = cut.rsplit(" ", 1)[0]
    return cut
