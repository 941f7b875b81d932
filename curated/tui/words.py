"""Text from files and people made fit for a terminal, and what was decided in words."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from rich.cells import cell_len, chop_cells, set_cell_size

from curated.state.decisions import Action

_UNSURE = dict.fromkeys([0x200C, 0x200D, 0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)])

_SAID: dict[Action, str] = {
    "keep": "kept",
    "trash": "put into the trash",
    "undecided": "left undecided",
    "confirm": "category confirmed",
    "file": "filed as",
    "rename": "renamed to",
    "protect": "protected",
    "unprotect": "no longer protected",
    "keeper": "made the keeper",
    "distinct": "no duplicates",
}


def plain(text: str) -> str:
    """The text on one line without anything a terminal would act on: control and format characters show escaped.

    Escape sequences begin with a control character; bidirectional overrides, which could make a name read as
    another, are format characters. Emoji are shown without joiners, variants and skin tones: terminals do not agree
    on how wide those are, and a line that is wider than it should be breaks the screen.
    """
    # Undecodable bytes are surrogates, which no terminal's encoding can write.
    return "".join(char if _harmless(char) else _escaped(char) for char in " ".join(text.translate(_UNSURE).split()))


def shown_path(path: Path) -> str:
    """The path as text for a terminal."""
    return plain(str(path))


def fitting(text: str, cells: int) -> str:
    """The text, already plain, in at most so many cells, with an ellipsis where it was cut."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, max(0, cells - 1)).rstrip() + "…" if cells > 0 else ""


def wrap(text: str, width: int, most: int) -> list[str]:
    """The text, already plain, in at most so many lines of so many cells."""
    lines = [""]
    for word in text.split(" "):
        for part in chop_cells(word, width) if cell_len(word) > width else [word]:
            joined = f"{lines[-1]} {part}" if lines[-1] else part
            if cell_len(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(part)
        if len(lines) > most:
            break
    if len(lines) > most:
        lines = [*lines[: most - 1], fitting(f"{lines[most - 1]} {lines[most]}…", width)]
        if not lines[-1].endswith("…"):
            lines[-1] = fitting(lines[-1], width - 1) + "…"
    return lines


def said(action: Action, argument: str | None, pictures: int, name: str = "") -> str:
    """What was decided: "3 pictures filed as Memes"; of one that is alone the `name`."""
    what = "1 picture" if pictures == 1 else f"{pictures:,} pictures"
    what = f"“{plain(name)}”" if name else what
    if action in ("keeper", "distinct"):  # its argument is for the program
        argument = None
    return " ".join(filter(None, (what, _SAID[action], plain(argument) if argument else "")))


def size_in_words(size: int) -> str:
    """ "3.2 MB"."""
    if size < 1000:
        return f"{size} bytes"
    for unit, factor in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if size < factor * 999.5:
            return f"{size / factor:.1f} {unit}" if size < factor * 9.95 else f"{size / factor:.0f} {unit}"
    return f"{size / 1e12:.1f} TB"


def _harmless(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn")


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
