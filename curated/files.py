"""The disk, one step at a time: every call either happens whole or raises OSError, and none overwrites."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from curated.domain import Arrival
from curated.errors import StateError

# Hidden, so that file managers and our own watcher leave an unfinished copy alone.
TEMPORARY_PREFIX, TEMPORARY_SUFFIX = ".curated-", ".part"
NAME_BYTES = 255
# What file systems answer that cannot do RENAME_NOREPLACE (renameat2(2)) or hard links (link(2)).
FLAG_REFUSED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_CHUNK = 1 << 20
_ATTRIBUTE_REFUSED = frozenset(
    {errno.EOPNOTSUPP, errno.EPERM, errno.EACCES, errno.ENOSPC, errno.E2BIG, errno.ERANGE, errno.EINVAL, errno.ENODATA}
)
_RENAME_NOREPLACE = 1
_AT_FDCWD = -100


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one state of one file from any other without reading it."""

    device: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of_arrival(cls, arrival: Arrival) -> Identity:
        """The identity an arrival had when it settled."""
        return cls(signed(arrival.device), signed(arrival.inode), arrival.size, arrival.mtime_ns)

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        """The identity in a stat; numbers above 63 bits wrap, as SQLite's integers are signed."""
        return cls(signed(found.st_dev), signed(found.st_ino), found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands under a name; anything but a regular file is in the way, never ours."""

    identity: Identity
    regular: bool

    def same_file(self, other: Entry | None) -> bool:
        """Whether both names are one file, whatever it holds by now."""
        if other is None:
            return False
        mine, theirs = self.identity, other.identity
        return (mine.device, mine.inode) == (theirs.device, theirs.inode)


@dataclass(frozen=True, slots=True)
class Digest:
    """The content of a file, and the identity that it had from the first byte to the last."""

    identity: Identity
    sha256: str


class Disk(Protocol):
    """Every way in which filing touches the disk. Tests wrap it to fail or die at any call."""

    def look(self, path: Path) -> Entry | None:
        """What the name itself stands for (links are not followed); None if there is nothing."""
        ...

    def digest(self, path: Path) -> Digest:
        """The sha256 of a regular file, read from the disk. Raises ESTALE if it changes meanwhile."""
        ...

    def folder(self, path: Path) -> int | None:
        """The device a folder is on; None where there is no folder."""
        ...

    def writable(self, folder: Path) -> bool:
        """Whether names in the folder may be made and removed."""
        ...

    def free_space(self, folder: Path) -> int:
        """Bytes that may still be written there."""
        ...

    def make_folder(self, path: Path) -> None:
        """Make one folder; its parent must be there. An existing one is as good."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Rename; FileExistsError if the target is taken, FLAG_REFUSED where the file system cannot promise that."""
        ...

    def link(self, source: Path, target: Path) -> None:
        """Give the file a second name; FileExistsError if it is taken."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove one name."""
        ...

    def create(self, path: Path) -> None:
        """Make an empty file that only we may read; FileExistsError if the name is taken."""
        ...

    def copy(self, source: Path, target: Path) -> Digest:
        """Fill the file we made: data, mode, extended attributes, mtime, then fsync; what was read from the source."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Make the names in the folder last through a power cut."""
        ...


class RealDisk:
    """The Disk of this machine; `pulse` is called after each piece of a file that was read or copied."""

    def __init__(self, pulse: Callable[[], None] = lambda: None) -> None:
        self._pulse = pulse

    def look(self, path: Path) -> Entry | None:
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Entry(Identity.of(found), stat.S_ISREG(found.st_mode))

    def digest(self, path: Path) -> Digest:
        with _opened(path) as (descriptor, before):
            # Without this the pages just written would be compared, and not what the disk holds.
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            content = hashlib.sha256()
            while chunk := os.read(descriptor, _CHUNK):
                content.update(chunk)
                self._pulse()
            _check_unchanged(descriptor, before, path)
        return Digest(before, content.hexdigest())

    def folder(self, path: Path) -> int | None:
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return signed(found.st_dev) if stat.S_ISDIR(found.st_mode) else None

    def writable(self, folder: Path) -> bool:
        return os.access(folder, os.W_OK | os.X_OK, effective_ids=True) and not os.statvfs(folder).f_flag & os.ST_RDONLY

    def free_space(self, folder: Path) -> int:
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def make_folder(self, path: Path) -> None:
        path.mkdir(exist_ok=True)

    def rename(self, source: Path, target: Path) -> None:
        # Never os.rename: it overwrites without a word.
        if _renameat2 is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(source), None, str(target))
        old, new = os.fsencode(source), os.fsencode(target)
        if _renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(source), None, str(target))

    def link(self, source: Path, target: Path) -> None:
        os.link(source, target, follow_symlinks=False)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def create(self, path: Path) -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))

    def copy(self, source: Path, target: Path) -> Digest:
        with _opened(source) as (reading, before):
            writing = os.open(target, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                content = hashlib.sha256()
                while chunk := os.read(reading, _CHUNK):
                    content.update(chunk)
                    _write_all(writing, chunk)
                    self._pulse()
                _copy_attributes(reading, writing)
                _copy_mode_and_time(reading, writing)
                os.fsync(writing)
            finally:
                os.close(writing)
            _check_unchanged(reading, before, source)
        return Digest(before, content.hexdigest())

    def sync_folder(self, folder: Path) -> None:
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:
            os.sync()  # a folder that may be written but not read cannot be synced by itself
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network and FUSE file systems have no fsync for folders; there is nothing more to be had.
            if error.errno != errno.EINVAL:
                raise
        finally:
            os.close(descriptor)


class FilingLock:
    """One move at a time on this machine, so that a row open while it is held is one that a crash left.

    Two locks on one path shut each other out even in one thread.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it; calls by the same thread nest. Raises StateError if the lock file cannot be made."""
        with self._threads:
            if self._depth:
                yield
                return
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise StateError(f"{self.path}: cannot be locked: {error.strerror}") from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._depth = 1
                yield
            finally:
                self._depth = 0
                os.close(descriptor)


def signed(number: int) -> int:
    """A device or inode number as SQLite can keep it."""
    return number - (1 << 64) if number >= 1 << 63 else number


def is_temporary(name: str) -> bool:
    """Whether a file name is that of an unfinished copy of ours."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def open_regular(path: Path) -> int:
    """A descriptor for reading a regular file; OSError (EINVAL) for anything else, ELOOP for a symbolic link."""
    # O_NONBLOCK: opening a FIFO would otherwise wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


@contextmanager
def _opened(path: Path) -> Iterator[tuple[int, Identity]]:
    descriptor = open_regular(path)
    try:
        yield descriptor, Identity.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _check_unchanged(descriptor: int, before: Identity, path: Path) -> None:
    if Identity.of(os.fstat(descriptor)) != before:
        raise OSError(errno.ESTALE, "the file changed while it was read", str(path))


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _copy_attributes(reading: int, writing: int) -> None:
    """Copy what the target takes: a file system without attributes, or without leave to set them, is no failure."""
    try:
        names = os.listxattr(reading)
    except OSError as error:
        if error.errno in _ATTRIBUTE_REFUSED:
            return
        raise
    for name in names:
        with _refusal_ignored():
            os.setxattr(writing, name, os.getxattr(reading, name))


def _copy_mode_and_time(reading: int, writing: int) -> None:
    """Copy what the target can hold: a stick with FAT has no modes, and refuses to be given any."""
    found = os.fstat(reading)
    with _refusal_ignored():
        os.fchmod(writing, stat.S_IMODE(found.st_mode) & 0o777)
    with _refusal_ignored():
        os.utime(writing, ns=(found.st_atime_ns, found.st_mtime_ns))


@contextmanager
def _refusal_ignored() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _ATTRIBUTE_REFUSED:
            raise


def _load_renameat2() -> ctypes._NamedFuncPointer | None:
    function: ctypes._NamedFuncPointer | None = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
        function.restype = ctypes.c_int
    return function


_renameat2 = _load_renameat2()
