"""When a file is whole: nothing about it has changed for a while, and nobody holds it open for writing."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from curated.intake.scan import Stat


@dataclass(frozen=True, slots=True)
class _Watched:
    stat: Stat
    since: float


class Settler:
    """Files on their way to being whole; time is the monotonic clock's, never the file's.

    `is_open` says whether somebody holds a file open for writing; None where that cannot be told.
    """

    def __init__(self, seconds: float, is_open: Callable[[Path], bool | None]) -> None:
        self._seconds = seconds
        self._is_open = is_open
        self._watched: dict[Path, _Watched] = {}
        self._claimed: dict[Path, Stat] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def observe(self, path: Path, stat: Stat, now: float) -> None:
        """Say how a file looks now; one that looks otherwise than before starts anew."""
        if self._claimed.get(path) == stat:
            return
        known = self._watched.get(path)
        if known is None or known.stat != stat:
            self._watched[path] = _Watched(stat, now)

    def forget(self, path: Path) -> None:
        """The file is gone."""
        self._watched.pop(path, None)

    def release(self, path: Path) -> None:
        """The claim on a file has ended: if it is still there, it counts as new."""
        self._claimed.pop(path, None)

    def keep_only(self, present: set[Path]) -> None:
        """Forget every file that a full scan no longer saw."""
        for path in self._watched.keys() - present:
            del self._watched[path]

    def next_deadline(self) -> float | None:
        """When the first file may be whole."""
        return min((watched.since + self._seconds for watched in self._watched.values()), default=None)

    def watched(self) -> list[Path]:
        """The files that are not whole yet."""
        return list(self._watched)

    def whole(self, now: float, look: Callable[[Path], Stat | None]) -> list[tuple[Path, Stat]]:
        """The files that have become whole; each is claimed, and comes again only after `release`.

        `look` gives the present state: the last word before a file is taken.
        """
        due = [path for path, watched in self._watched.items() if now - watched.since >= self._seconds]
        taken: list[tuple[Path, Stat]] = []
        for path in sorted(due):
            watched, present = self._watched[path], look(path)
            if present is None:
                del self._watched[path]
            elif present != watched.stat or self._is_open(path):
                self._watched[path] = _Watched(present, now)
            else:
                del self._watched[path]
                self._claimed[path] = present
                taken.append((path, present))
        return taken

    def put_back(self, path: Path, stat: Stat, now: float) -> None:
        """A file that was taken waits a little longer, for what belongs to it."""
        self._claimed.pop(path, None)
        self._watched[path] = _Watched(stat, now)


def open_for_writing(path: Path) -> bool | None:
    """Whether any process has the file open for writing; None where the file system cannot tell.

    A read lease is refused with EAGAIN while a writer exists (fcntl(2), F_SETLEASE); it is given back at once.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    finally:
        os.close(descriptor)
    return False
