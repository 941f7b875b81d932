"""Names of files that are not there yet, or are nobody's pictures."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

_TEMPORARY_SUFFIXES = (
    ".part", ".crdownload", ".download", ".opdownload", ".fdmdownload", ".tmp", ".temp", ".partial", ".filepart",
    ".kpart", ".!ut", ".!qb", ".bc!", ".aria2", ".xltd", ".ytdl", ".unfinished", ".swp", "~",
)  # fmt: skip
# Hidden files, and the locks of office programs.
_TEMPORARY_PREFIXES = (".", "~$", "~syncthing~")
_SYSTEM = frozenset(
    ("thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "@eadir", "#recycle", "$recycle.bin", "lost+found",
     "system volume information")
)  # fmt: skip


def is_temporary(name: str) -> bool:
    """Whether a program is still writing under this name, or the name is hidden or the system's."""
    lowered = name.lower()
    return (
        lowered.startswith(_TEMPORARY_PREFIXES)
        or lowered.endswith(_TEMPORARY_SUFFIXES)
        or lowered in _SYSTEM
        or (len(name) > 1 and name[0] == name[-1] == "#")  # Emacs
    )


def is_ignored(relative: str, name: str, globs: Sequence[str]) -> bool:
    """Whether one of the user's globs matches the name, or the path below the unsorted folder, in any case."""
    return any(fnmatch.fnmatchcase(text.lower(), glob.lower()) for glob in globs for text in (name, relative))
