"""Where the files of a move are, and the small questions a move asks of the disk."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from curated.domain import MoveFile
from curated.errors import FolderUnusable
from curated.files import Disk, Entry, Identity
from curated.filing.names import first_free


class Place(Enum):
    """Where one file of a move is."""

    SOURCE = auto()
    PARTIAL = auto()  # at its source, with an unfinished copy of ours beside the target
    COPIED = auto()  # at its source, with a whole, verified copy under a hidden name
    LANDED = auto()  # the copy has the target's name; the source is still there
    TARGET = auto()
    UNSURE = auto()  # a step was cut short: the disk must be asked


@dataclass(frozen=True, slots=True)
class Leg:
    """One file and where it is.

    `crosses` once it is known to need a copy; `arrived` is what was put under the target's name, `wanted` the
    target asked for, before any number.
    """

    file: MoveFile
    place: Place = Place.SOURCE
    crosses: bool = False
    arrived: Entry | None = None
    wanted: Path | None = None

    @property
    def stays(self) -> bool:
        """Whether the file is where it should be from the start."""
        return self.file.source == self.file.target

    @property
    def identity(self) -> Identity:
        """What the source must be."""
        return identity_of(self.file)


def identity_of(file: MoveFile) -> Identity:
    """The identity a file of a move had at its source (and has at its target if it was renamed there)."""
    return Identity(file.device, file.inode, file.size, file.mtime_ns)


def ensure_folder(disk: Disk, folder: Path) -> int:
    """The device of the folder, made with its parents where missing, each new name made to last."""
    missing = []
    device = disk.folder(folder)
    while device is None and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
        device = disk.folder(folder)
    for new in reversed(missing):
        disk.make_folder(new)
        disk.sync_folder(new.parent)
        device = disk.folder(new)
    if device is None:
        raise FolderUnusable(folder, "is not a folder")
    return device


def free_targets(
    disk: Disk, wanted: Sequence[tuple[Path, Path]], refused: Collection[Path] = (), vacated: Collection[Path] = ()
) -> tuple[Path, ...]:
    """Targets for (source, target) pairs under the first name that is free for all; a file's own place is free.

    `refused` are names that turned out to be taken although nothing could be seen there; `vacated` count as free.
    """
    sources = [source for source, _ in wanted]

    def is_free(targets: tuple[Path, ...]) -> bool:
        return all(
            target == source or target in vacated or (target not in refused and disk.look(target) is None)
            for source, target in zip(sources, targets, strict=True)
        )

    return first_free([target for _, target in wanted], is_free)


def drop_old_name(disk: Disk, old: Path, new: Path) -> None:
    """Remove the old one of a file's two names; left alone if it has become another file."""
    kept = disk.look(new)
    # Looked at last: whatever takes its name from here on cannot be told apart any more.
    entry = disk.look(old)
    if entry is not None and entry.same_file(kept):
        disk.unlink(old)
