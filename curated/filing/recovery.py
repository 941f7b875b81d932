"""Finishing or taking back what a crash left half done, by what the disk shows and never by assumption."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curated.domain import Move, MoveState, Purpose
from curated.errors import FilingError, StateError
from curated.files import Disk, FilingLock
from curated.filing.journey import Journey
from curated.filing.legs import Place, identity_of
from curated.filing.steps import Token, random_token
from curated.filing.whereabouts import files_below, find
from curated.state.database import Database
from curated.state.journal import Clock, Journal, Placed, utc_now


def filing_lock(database: Database) -> FilingLock:
    """The lock that goes with this database."""
    return FilingLock(database.path.with_name(database.path.name + ".filing"))


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What became of the open moves: `waiting` ones have a folder that is not there, `stuck` ones an error."""

    finished: tuple[Move, ...] = ()
    aborted: tuple[Move, ...] = ()
    waiting: tuple[Move, ...] = ()
    stuck: tuple[tuple[Move, str], ...] = ()


def recover(
    database: Database,
    disk: Disk,
    *,
    roots: Sequence[Path] = (),
    clock: Clock = utc_now,
    token: Token = random_token,
) -> RecoveryReport:
    """Close every open move. A move of which any file has left its place is finished if all can, else taken back.

    `roots` are the folders whose disks may be away: a file that is found nowhere is waited for while its root is not
    there or is bare, and given up otherwise; below no root, it is waited for while its folder is not there. Safe at
    any time and from any process: it waits for a move under way. Run again it finds nothing to do. Raises StateError
    if the database cannot be written.
    """
    journal = Journal(database, clock)
    finished: list[Move] = []
    aborted: list[Move] = []
    waiting: list[Move] = []
    stuck: list[tuple[Move, str]] = []
    with filing_lock(database).held():
        for move in journal.open_moves():
            try:
                result = close_move(journal, disk, move, token, roots)
            except sqlite3.Error as error:
                raise StateError(f"{database.path}: cannot be written: {error}") from error
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


def close_move(
    journal: Journal, disk: Disk, move: Move, token: Token = random_token, roots: Sequence[Path] = ()
) -> Move | None:
    """The move, finished or taken back by what the disk shows; None if that must wait for a folder to come back.

    The caller holds the filing lock. Raises OSError, FilingError or sqlite3.Error, and the move is still open.
    """
    if move.purpose is Purpose.EMPTY:
        return _recover_removal(journal, disk, move, roots)
    found = [(file, find(disk, file)) for file in move.files]
    legs = [leg for _, leg in found if leg is not None]
    lost = [file for file, leg in found if leg is None]
    journey = Journey(journal, disk, move, legs, token)
    journey.doubt()
    if lost:
        if any(_is_away(disk, path, roots) for file in lost for path in (file.source, file.target)):
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
        if journey.released:
            raise
        return journey.back(f"interrupted, and cannot be finished: {error}")


def _recover_removal(journal: Journal, disk: Disk, move: Move, roots: Sequence[Path]) -> Move | None:
    if any(_is_away(disk, file.source, roots) for file in move.files):
        return None
    for folder in {file.source.parent for file in move.files}:
        if disk.folder(folder) is not None:
            disk.sync_folder(folder)
    return close_removal(journal, disk, move, "interrupted")


def close_removal(journal: Journal, disk: Disk, move: Move, problem: str = "") -> Move:
    """Close the removal of a picture from the trash by what is left of it; the closed move.

    The picture is removed after its companions: as long as it is there, it is in the trash, with those that are left.
    """
    primary, others = move.files[0], move.files[1:]
    if disk.look(primary.source) is None:
        return journal.finish(move, None, problem)
    at = identity_of(primary)
    left = tuple(file.source for file in others if disk.look(file.source) is not None)
    note = f"{problem}; what is left stays in the trash"
    return journal.abort(move, note, Placed(primary.source, at.device, at.inode, at.size, at.mtime_ns, left))


def _is_away(disk: Disk, path: Path, roots: Sequence[Path]) -> bool:
    """Whether a file may be missing only because its disk is: an empty root is where a disk should be mounted."""
    root = next((root for root in roots if path.is_relative_to(root)), None)
    if root is None:
        return disk.folder(path.parent) is None
    return disk.folder(root) is None or next(files_below(root), None) is None
