"""What lies in a folder now, without opening anything."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from curated.config import Watch
from curated.domain import Arrival
from curated.intake.assets import COMPANION_EXTENSIONS
from curated.intake.names import is_ignored, is_temporary
from curated.pictures.sniff import PICTURE_EXTENSIONS, RAW_EXTENSIONS

_SPECIALS = {
    stat.S_IFLNK: "a symbolic link is not followed",
    stat.S_IFIFO: "a FIFO is not opened",
    stat.S_IFSOCK: "a socket is not opened",
    stat.S_IFBLK: "a device is not opened",
    stat.S_IFCHR: "a device is not opened",
}
# Firefox and aria2 make the file under its final name at once and keep this one beside it until it is whole.
PARTNER_SUFFIXES = (".part", ".aria2")
_ENDINGS = "|".join(sorted(each[1:] for each in PICTURE_EXTENSIONS | RAW_EXTENSIONS | COMPANION_EXTENSIONS))
_FINAL_NAME = re.compile(rf"(?:\.syncthing\.|~syncthing~|[.~]+)?(.+\.(?:{_ENDINGS}))(?:[.~].*)?", re.IGNORECASE)


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

    def arrival(self, path: Path) -> Arrival:
        """The file as it is given out."""
        return Arrival(path, self.size, self.mtime_ns, self.device, self.inode)

    def same_content(self, other: Stat | Arrival | None) -> bool:
        """Whether it is the same file as then; a mere change of rights or links moves its ctime, too."""
        return other is not None and (self.size, self.mtime_ns, self.device, self.inode) == (
            other.size, other.mtime_ns, other.device, other.inode,
        )  # fmt: skip


@dataclass(slots=True)
class Scan:
    """Every regular file that may be taken, the folders seen, and what was left out with the reason."""

    files: dict[Path, Stat] = field(default_factory=dict)
    folders: dict[Path, int] = field(default_factory=dict)  # with their inodes
    specials: dict[Path, str] = field(default_factory=dict)


def present(path: Path) -> Stat | None:
    """How the regular file at `path` looks now; None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return Stat.of(status) if stat.S_ISREG(status.st_mode) else None


def scan(root: Path, settings: Watch, pulse: Callable[[], None] = lambda: None) -> Scan:
    """The state of `root`; sub-folders as configured, symbolic links never followed. Raises OSError for the root.

    `pulse` is called after each folder.
    """
    walk = _Walk(root, settings, pulse)
    walk.enter(root)
    return walk.finish()


def look(root: Path, path: Path, settings: Watch) -> Scan:
    """The same of one path below the root, and of all below it if it is a folder: what an event's path stands for."""
    walk = _Walk(root, settings)
    parts = path.relative_to(root).parts
    if len(parts) > 1 and not settings.recursive:
        return walk.found
    # A full scan would not enter a folder that is left out, either.
    if any(walk.leaves_out("/".join(parts[: count + 1]), name) for count, name in enumerate(parts)):
        return walk.found
    try:
        status = path.lstat()
    except OSError:
        return walk.found
    walk.take(path, status, lambda partner: os.path.lexists(f"{path}{partner}"))
    return walk.finish()


def unfinished(folder: Path) -> dict[Path, Stat]:
    """What files with temporary names in this folder will be called, as far as the name tells, and how they look now.

    Syncthing writes `.syncthing.a.mov.tmp`, rsync `.a.mov.Xk3bQ1`, browsers `a.mov.part`.
    """
    found: dict[Path, Stat] = {}
    try:
        with os.scandir(folder) as listing:
            names = [entry.name for entry in listing if is_temporary(entry.name)]
    except OSError:
        return found
    for name in names:
        final = _FINAL_NAME.fullmatch(name)
        stat = present(folder / name) if final and not name.startswith("._") else None  # macOS keeps those for ever
        if final and stat:
            found[folder / final[1]] = stat
    return found


class _Walk:
    def __init__(self, root: Path, settings: Watch, pulse: Callable[[], None] = lambda: None) -> None:
        self.found = Scan()
        self._pulse = pulse
        self._prefix = len(os.fspath(root).rstrip("/")) + 1
        self._settings = settings
        # A list instead of recursion: folders may be nested deeper than Python's stack.
        self._pending: list[Path] = []

    def leaves_out(self, relative: str, name: str) -> bool:
        ignore = self._settings.ignore
        return is_temporary(name) or (bool(ignore) and is_ignored(relative, name, ignore))

    def finish(self) -> Scan:
        while self._pending:
            folder = self._pending.pop()
            try:
                self.enter(folder)
            except FileNotFoundError:
                continue  # it went between the listing and the look: not there is what the next scan says, too
            except OSError as error:
                self.found.specials[folder] = f"the folder cannot be read: {error.strerror}"
        return self.found

    def enter(self, folder: Path) -> None:
        with os.scandir(folder) as listing:
            self.found.folders[folder] = os.stat(folder).st_ino
            entries = list(listing)
        partners = {entry.name for entry in entries if entry.name.endswith(PARTNER_SUFFIXES)}
        for entry in entries:
            self._take_entry(entry, partners)
        self._pulse()

    def _take_entry(self, entry: os.DirEntry[str], partners: set[str]) -> None:
        if self.leaves_out(entry.path[self._prefix :], entry.name):
            return
        path = Path(entry.path)
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            self.found.specials[path] = f"it cannot be looked at: {error.strerror}"
            return
        self.take(path, status, lambda partner: f"{entry.name}{partner}" in partners)

    def take(self, path: Path, status: os.stat_result, has_partner: Callable[[str], bool]) -> None:
        if stat.S_ISDIR(status.st_mode):
            if self._settings.recursive:
                self._pending.append(path)
        elif not stat.S_ISREG(status.st_mode):
            self.found.specials[path] = _SPECIALS.get(stat.S_IFMT(status.st_mode), "no regular file")
        else:
            partner = next((suffix for suffix in PARTNER_SUFFIXES if has_partner(suffix)), None)
            if partner is None:
                self.found.files[path] = Stat.of(status)
            else:
                self.found.specials[path] = f"{path.name}{partner} beside it says that its download is not finished"
