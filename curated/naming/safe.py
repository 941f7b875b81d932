"""Any text as a file name that every file system and shell can live with."""

from __future__ import annotations

import re
import unicodedata

# What Windows and SMB shares refuse, and both separators.
_REPLACED = {":": "-", "/": "-", "\\": "-", "|": "-", '"': "'", "<": "(", ">": ")", "*": "", "?": ""}
_RESERVED = re.compile(r"^(?:con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(?=$|\.)", re.IGNORECASE)
# Letters and symbols that show nothing: a name of them alone would look empty.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Dots hide a file, dashes make an option of it; Windows drops dots and blanks at the end.
_LEADING, _TRAILING = " .-", " ."
_RAGGED = " .-–—,;:_&+("


def safe_name(text: str, max_bytes: int, fallback: str = "picture") -> str:
    """The text as a file name without extension: NFC, at most `max_bytes` (8 or more) of UTF-8, never empty.

    Separators, control, invisible and direction-changing characters, leading dots and dashes, trailing dots,
    and the names Windows reserves are gone; bytes that are not UTF-8 are read as Western European letters. Doing
    it twice changes nothing.
    """
    text = "".join(char for char in _in_utf8(text) if _is_visible(char))
    text = unicodedata.normalize("NFC", text)
    text = "".join(_REPLACED.get(char, char) for char in text)
    text = " ".join(text.split()).lstrip(_LEADING).rstrip(_TRAILING)
    text = _cut(text, max_bytes)
    if _RESERVED.match(text):
        text = _cut(f"_{text}", max_bytes)
    return text or fallback


def _in_utf8(text: str) -> str:
    """The name with the bytes that `os.fsdecode` could not read made readable, other surrogates dropped."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    # A name cut inside a character is UTF-8 all the same; one without any such character is in an older coding.
    is_utf8 = any(char >= "\x80" and not "\ud800" <= char <= "\udfff" for char in text)
    return "".join(char if not "\ud800" <= char <= "\udfff" else "" if is_utf8 else _western(char) for char in text)


def _western(char: str) -> str:
    byte = ord(char) - 0xDC00
    return bytes((byte,)).decode("cp1252", "ignore") if 0x80 <= byte <= 0xFF else ""


def _is_visible(char: str) -> bool:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return char in "\t\n\r"
    # Cf: zero-width and bidirectional marks; the joiner that emoji need is no exception worth its danger.
    return category not in ("Cf", "Cs", "Co", "Cn") and char not in _BLANK


def _cut(text: str, max_bytes: int) -> str:
    """The longest beginning within the limit that ends between words, or between characters if it must."""
    if len(text.encode()) <= max_bytes:
        return text
    cut = text.encode()[:max_bytes].decode("utf-8", "ignore")
    while cut and unicodedata.category(text[len(cut)]).startswith("M"):
        cut = cut[:-1]
    if text[len(cut)] != " " and " " in cut and len(cut.rsplit(" ", 1)[0]) >= len(cut) // 2:
        cut = cut.rsplit(" ", 1)[0]
    return cut.rstrip(_RAGGED)
