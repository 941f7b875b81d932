"""When a file is whole: nothing about it has changed for a while, and nobody holds it open for writing."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from curated.domain import Arrival
from curated.intake.scan import Stat

# A file that is still open is looked at again not sooner than this, however short the time to settle.
_SHORTEST_WAIT = 0.2


@dataclass(frozen=True, slots=True)
class _Watched:
    stat: Stat
    due: float


class Settler:
    """Files on their way to being whole; time is the monotonic clock's, never the file's.

    `is_open` says whether somebody holds a file open for writing; None where that cannot be told.
    """

    def __init__(self, seconds: float, is_open: Callable[[Path], bool | None]) -> None:
        self._seconds = seconds
        self._is_open = is_open
        self._watched: dict[Path, _Watched] = {}
        self._claimed: dict[Path, Stat] = {}
        # No file is due before this; the wait for it may end for nothing if that file went.
        self._soonest = math.inf

    def __len__(self) -> int:
        return len(self._watched)

    def observe(self, path: Path, stat: Stat, now: float) -> None:
        """Say how a file looks now; one that looks otherwise than before starts anew."""
        if stat.same_content(self._claimed.get(path)):
            self._watched.pop(path, None)
            return
        known = self._watched.get(path)
        if known is None or known.stat != stat:
            self._watch(path, stat, now + self._seconds)

    def forget(self, path: Path) -> None:
        """The file is gone."""
        self._watched.pop(path, None)

    def release(self, path: Path, stat: Stat | Arrival) -> None:
        """End the claim on a file as it was then; a claim on what it has become since stands."""
        claimed = self._claimed.get(path)
        if claimed is not None and claimed.same_content(stat):
            del self._claimed[path]

    def keep_only(self, seen: Mapping[Path, Stat]) -> None:
        """Forget every file, watched or claimed, that a full scan no longer saw."""
        for known in (self._watched, self._claimed):
            for path in known.keys() - seen.keys():
                del known[path]

    def next_deadline(self) -> float | None:
        """When the first file may be whole."""
        return self._soonest if self._watched else None

    def watched(self) -> dict[Path, Stat]:
        """The files that are not whole yet."""
        return {path: watched.stat for path, watched in self._watched.items()}

    def whole(self, now: float, look: Callable[[Path], Stat | None]) -> dict[Path, Stat]:
        """The files that have become whole; each is claimed, and comes again only after `release` or changed.

        `look` gives the present state, None where there is no regular file any more.
        """
        if now < self._soonest:
            return {}
        taken: dict[Path, Stat] = {}
        for path in sorted(path for path, watched in self._watched.items() if watched.due <= now):
            stat = self._watched[path].stat
            if look(path) == stat:
                is_open = self._is_open(path)
                if is_open:
                    self._watch(path, stat, now + max(self._seconds, _SHORTEST_WAIT))
                    continue
            # After the lease, too: a writer may have closed the file just before it was asked for.
            present = look(path)
            if present is None:
                del self._watched[path]
            elif present != stat:
                self._watch(path, present, now + max(self._seconds, _SHORTEST_WAIT))
            else:
                del self._watched[path]
                self._claimed[path] = taken[path] = present
        self._soonest = min((watched.due for watched in self._watched.values()), default=math.inf)
        return taken

    def _watch(self, path: Path, stat: Stat, due: float) -> None:
        self._watched[path] = _Watched(stat, due)
        self._soonest = min(self._soonest, due)


def open_for_writing(path: Path) -> bool | None:
    """Whether any process has the file open for writing; None where the file system cannot tell.

    A read lease is refused with EAGAIN while a writer exists (fcntl(2), F_SETLEASE); it is given back at once.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Should a writer come while the lease is held, the kernel says so with SIGIO, which would end the process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    finally:
        os.close(descriptor)
    return False
