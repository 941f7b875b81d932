"""Disks that fail from a step on, fail after having done what they were asked, or let somebody else in between."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from curated.files import Disk
from tests.support.filing_disks import CHANGING, FailingDisk, Step, WrappedDisk

# Questions are answered wrongly in two ways, changes refused in all.
ASKED = (errno.EIO, errno.EACCES)
REFUSED = (errno.EACCES, errno.EROFS, errno.EIO, errno.EXDEV, errno.ENOSPC, errno.EINVAL)


def codes_for(step: Step) -> tuple[int, ...]:
    """The errors that a call may answer with."""
    return REFUSED if step.name in CHANGING else ASKED


def failing_from(number: int, code: int, inner: Disk) -> Disk:
    """A disk that refuses everything from that step on."""
    return FailingDisk(lambda step: step.number >= number, code, inner, for_ever=True)


class DoneButFailedDisk(WrappedDisk):
    """Does what it is asked at one step, and answers EIO: a reply that got lost on the way."""

    def __init__(self, at: int, inner: Disk) -> None:
        super().__init__(inner)
        self._at = at

    def after(self, step: Step) -> None:
        if step.number == self._at:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(step.paths[0]))


class MeddledDisk(WrappedDisk):
    """Somebody else does something right before a step."""

    def __init__(self, at: int, meddle: Callable[[], object], inner: Disk) -> None:
        super().__init__(inner)
        self._at = at
        self._meddle = meddle

    def before(self, step: Step) -> None:
        if step.number == self._at:
            self._meddle()


class RoomyDisk(WrappedDisk):
    """Says that there is room, so that it is the writing that finds out."""

    def free_space(self, folder: Path) -> int:
        super().free_space(folder)
        return 1 << 40


class RottenDisk(WrappedDisk):
    """One copy reads back with another first byte, of the same size and time: a bad sector, a bad cable."""

    def __init__(self, at: int, inner: Disk) -> None:
        super().__init__(inner)
        self._at = at

    def after(self, step: Step) -> None:
        if step.number == self._at:
            target = step.paths[1]
            found = target.stat()
            target.write_bytes(b"!" + target.read_bytes()[1:])
            os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
