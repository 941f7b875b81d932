"""Finishing or taking back what a crash left half done, by what the disk shows and never by assumption."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from pathlib import Path

from curated.domain import Move, MoveFile, MoveState, Purpose
from curated.errors import FilingError
from curated.files import Disk, Entry
from curated.filing.filer import filing_lock
from curated.filing.journey import Journey, Token, random_token
from curated.filing.legs import Leg, Place, drop_old_name
from curated.state.database import Database
from curated.state.journal import Clock, Journal, utc_now


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What became of the open moves: `waiting` ones have a folder that is not there, `stuck` ones an error."""

    finished: tuple[Move, ...] = ()
    aborted: tuple[Move, ...] = ()
    waiting: tuple[Move, ...] = ()
    stuck: tuple[tuple[Move, str], ...] = ()


def recover(database: Database, disk: Disk, *, clock: Clock = utc_now, token: Token = random_token) -> RecoveryReport:
    """Close every open move. A move of which any file has left its place is finished if all can, else taken back.

    Safe at any time and from any process: it waits for a move under way. Run again it finds nothing to do.
    """
    journal = Journal(database, clock)
    finished: list[Move] = []
    aborted: list[Move] = []
    waiting: list[Move] = []
    stuck: list[tuple[Move, str]] = []
    with filing_lock(database).held():
        for move in journal.open_moves():
            try:
                result = _recover_one(journal, disk, move, token)
            except (OSError, FilingError) as error:
                stuck.append((move, str(error)))
                continue
            if result is None:
                waiting.append(move)
            elif any(file.state is MoveState.DONE for file in result.files):
                finished.append(result)
            else:
                aborted.append(result)
    return RecoveryReport(tuple(finished), tuple(aborted), tuple(waiting), tuple(stuck))


def _recover_one(journal: Journal, disk: Disk, move: Move, token: Token) -> Move | None:
    """The closed move; None if that must wait for a folder to come back."""
    if move.purpose is Purpose.EMPTY:
        return _recover_removal(journal, disk, move)
    found = [(file, _find(disk, file)) for file in move.files]
    legs = [leg for _, leg in found if leg is not None]
    lost = [file for file, leg in found if leg is None]
    journey = Journey(journal, disk, move, legs, token)
    if lost:
        if any(disk.folder(path.parent) is None for file in lost for path in (file.source, file.target)):
            return None
        names = ", ".join(str(file.source) for file in lost)
        # Past this commit the sources may be gone already: there is no way back for the others.
        committed = any(file.state is MoveState.LANDED for file in move.files)
        if not (committed and any(leg.file.role == "primary" for leg in legs)):
            return journey.back(f"interrupted; found neither in its old nor in its new place: {names}")
    elif all(leg.place in (Place.SOURCE, Place.PARTIAL) for leg in legs):
        return journey.back("interrupted before anything had moved")
    try:
        return journey.forward()
    except (OSError, FilingError) as error:
        return journey.back(f"interrupted, and cannot be finished: {error}")


def _recover_removal(journal: Journal, disk: Disk, move: Move) -> Move | None:
    folders = {file.source.parent for file in move.files}
    if any(disk.folder(folder) is None for folder in folders):
        return None
    # The picture is removed after its companions: as long as it is there, the removal has not happened.
    if disk.look(move.files[0].source) is not None:
        return journal.abort(move, "interrupted; what is left stays in the trash")
    for folder in folders:
        disk.sync_folder(folder)
    return journal.finish(move, None)


def _find(disk: Disk, file: MoveFile) -> Leg | None:
    """Where the file is, from names, identities and, where those do not settle it, content; None if nowhere."""
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
        if source_gone and not _has_content(disk, file, temporary):
            return None
        return replace(leg, place=Place.COPIED if source_gone else Place.PARTIAL)
    if was_named and target is not None and target.regular:
        released = source_gone and file.state is MoveState.LANDED
        if released or _has_content(disk, file, file.target):
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
        return _has_content(disk, file, path)
    return path == file.target or entry.identity.mtime_ns == file.mtime_ns or _has_content(disk, file, path)


def _has_content(disk: Disk, file: MoveFile, path: Path) -> bool:
    try:
        return disk.digest(path).sha256 == file.sha256
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.EINVAL, errno.ELOOP):
            return False
        raise
