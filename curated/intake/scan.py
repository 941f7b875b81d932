"""What lies in a folder now, without opening anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from curated.config import Watch
from curated.intake.names import is_ignored, is_temporary

_SPECIALS = {
    stat.S_IFLNK: "a symbolic link is not followed",
    stat.S_IFIFO: "a FIFO is not opened",
    stat.S_IFSOCK: "a socket is not opened",
    stat.S_IFBLK: "a device is not opened",
    stat.S_IFCHR: "a device is not opened",
}


@dataclass(frozen=True, slots=True)
class Stat:
    """What of a file must stand still before it counts as whole."""

    size: int
    mtime_ns: int
    ctime_ns: int
    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stat:
        """The same of an lstat."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino)


@dataclass(slots=True)
class Scan:
    """Every regular file that may be taken, the folders seen, and what was left out with the reason."""

    files: dict[Path, Stat] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    specials: dict[Path, str] = field(default_factory=dict)


def scan(root: Path, settings: Watch) -> Scan:
    """The state of `root`; sub-folders as configured, symbolic links never followed. Raises OSError for the root."""
    found = Scan()
    _enter(root, root, settings, found, top=True)
    return found


def look(root: Path, path: Path, settings: Watch) -> Iterator[tuple[Path, Stat]]:
    """The regular file at `path`, or all below it if it is a folder: what an event's path stands for."""
    relative = path.relative_to(root)
    if any(is_temporary(part) for part in relative.parts) or (len(relative.parts) > 1 and not settings.recursive):
        return
    try:
        status = path.lstat()
    except OSError:
        return
    if stat.S_ISREG(status.st_mode):
        if not is_ignored(str(relative), path.name, settings.ignore):
            yield path, Stat.of(status)
    elif stat.S_ISDIR(status.st_mode) and settings.recursive:
        found = Scan()
        _enter(root, path, settings, found, top=False)
        yield from found.files.items()


def _enter(root: Path, folder: Path, settings: Watch, found: Scan, *, top: bool) -> None:
    try:
        with os.scandir(folder) as entries:
            found.folders.add(folder)
            for entry in entries:
                _take(root, entry, settings, found)
    except OSError as error:
        if top:
            raise
        if not isinstance(error, FileNotFoundError):
            found.specials[folder] = f"the folder cannot be read: {error.strerror}"


def _take(root: Path, entry: os.DirEntry[str], settings: Watch, found: Scan) -> None:
    path = Path(entry.path)
    if is_temporary(entry.name) or is_ignored(str(path.relative_to(root)), entry.name, settings.ignore):
        return
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return  # it went between the listing and the look: not there is what the next scan says, too
    if stat.S_ISREG(status.st_mode):
        found.files[path] = Stat.of(status)
    elif stat.S_ISDIR(status.st_mode):
        if settings.recursive:
            _enter(root, path, settings, found, top=False)
    else:
        found.specials[path] = _SPECIALS.get(stat.S_IFMT(status.st_mode), "no regular file")
