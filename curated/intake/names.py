"""Names of files that are not there yet, or are nobody's pictures."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

_TEMPORARY_SUFFIXES = (
    ".part", ".crdownload", ".download", ".opdownload", ".tmp", ".temp", ".partial", ".filepart", ".!ut", ".aria2",
    ".swp", ".bak~", "~",
)  # fmt: skip
_TEMPORARY_PREFIXES = (".", "~", "._", ".~", "#")
_SYSTEM = frozenset(("thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "@eadir", "#recycle", "lost+found"))
_SYNC = ("~syncthing~", ".syncthing.", ".sync-conflict-tmp")


def is_temporary(name: str) -> bool:
    """Whether a program is still writing under this name, or the name is hidden or the system's."""
    lowered = name.lower()
    return (
        lowered.startswith(_TEMPORARY_PREFIXES)
        or lowered.endswith(_TEMPORARY_SUFFIXES)
        or lowered in _SYSTEM
        or any(mark in lowered for mark in _SYNC)
    )


def is_ignored(relative: str, name: str, globs: Sequence[str]) -> bool:
    """Whether one of the user's globs matches the name, or the path below the unsorted folder."""
    return any(fnmatch.fnmatch(name, glob) or fnmatch.fnmatch(relative, glob) for glob in globs)
