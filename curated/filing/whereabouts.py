"""Where a file of a move is, by what the disk shows: asked after a crash, and of a step that was cut short."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from curated.domain import MoveFile, MoveState
from curated.files import Disk, Entry, is_temporary
from curated.filing.legs import Leg, Place, drop_old_name

_NOT_IT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.EINVAL, errno.ELOOP})


def find(disk: Disk, file: MoveFile) -> Leg | None:
    """Where the file is, from names, identities and, where those do not settle it, content; None if nowhere.

    A file that has both its names, because a link was made and the old name not yet removed, loses the old one.
    """
    leg = Leg(file)
    source, target = disk.look(file.source), disk.look(file.target)
    at_source = _is_it(disk, file, file.source, source)
    if at_source and source is not None:
        leg = _as_it_is(leg, source)
    if leg.stays:
        return replace(leg, place=Place.TARGET, arrived=source) if at_source else None
    if file.temporary is not None:
        return _find_copy(disk, replace(leg, crosses=True), file.temporary, leg if at_source else None)
    if source is not None and source.same_file(target) and file.state is MoveState.LANDING:
        drop_old_name(disk, file.source, file.target)
        return replace(leg, place=Place.TARGET, arrived=target)
    if at_source:
        return leg
    return replace(leg, place=Place.TARGET, arrived=target) if _is_it(disk, file, file.target, target) else None


def _find_copy(disk: Disk, leg: Leg, temporary: Path, at_source: Leg | None) -> Leg | None:
    file = leg.file
    copy, target = disk.look(temporary), disk.look(file.target)
    source_gone = disk.look(file.source) is None
    was_named = file.state in (MoveState.LANDING, MoveState.LANDED)
    if copy is not None:
        if was_named and copy.same_file(target):
            drop_old_name(disk, temporary, file.target)
            return replace(leg, place=Place.LANDED, arrived=target)
        # While the source is there a copy is worth nothing; without it, it is the last one.
        if source_gone and not has_content(disk, file, temporary):
            return None
        return replace(leg, place=Place.COPIED if source_gone else Place.PARTIAL)
    if was_named and target is not None and target.regular:
        released = source_gone and file.state is MoveState.LANDED
        if released or has_content(disk, file, file.target):
            return replace(leg, place=Place.LANDED, arrived=target)
    return at_source


def _as_it_is(leg: Leg, source: Entry) -> Leg:
    """The leg with its source's present identity: device numbers may change over a restart, content does not."""
    at = source.identity
    return replace(leg, file=replace(leg.file, device=at.device, inode=at.inode, size=at.size, mtime_ns=at.mtime_ns))


def _is_it(disk: Disk, file: MoveFile, path: Path, entry: Entry | None) -> bool:
    if entry is None or not entry.regular or entry.identity.size != file.size:
        return False
    if (entry.identity.device, entry.identity.inode) != (file.device, file.inode):
        return has_content(disk, file, path)
    return path == file.target or entry.identity.mtime_ns == file.mtime_ns or has_content(disk, file, path)


def has_content(disk: Disk, file: MoveFile, path: Path) -> bool:
    """Whether a regular file with the content of this one lies there."""
    try:
        return disk.digest(path).sha256 == file.sha256
    except OSError as error:
        if error.errno in _NOT_IT:
            return False
        raise


def files_below(root: Path) -> Iterator[Path]:
    """Every regular file below the folder that is not hidden, and our own hidden copies; links are not followed."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") and not is_temporary(name):
                continue
            path = Path(folder, name)
            try:
                found = path.lstat()
            except FileNotFoundError:  # gone since the folder was listed
                continue
            if stat.S_ISREG(found.st_mode):
                yield path
