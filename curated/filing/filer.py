"""Making a move: the one door through which a user's file is ever moved."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curated.domain import Arrival, Move, Purpose
from curated.errors import FilingError, FolderUnusable, SourceChanged, StateError
from curated.files import Disk, Identity
from curated.filing.journey import Journey
from curated.filing.legs import Leg, free_targets
from curated.filing.recovery import close_move, filing_lock
from curated.filing.steps import Token, random_token
from curated.state.database import Database
from curated.state.journal import Clock, Columns, Journal, NewFile, utc_now

_FOLDER_REFUSES = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
_FILE_REFUSES = frozenset({errno.EACCES, errno.EPERM})
_SOURCE_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file to be moved: where to, and what it must still be when its turn comes."""

    role: Literal["primary", "companion"]
    source: Path
    target: Path
    identity: Identity
    sha256: str

    @classmethod
    def of(
        cls, arrival: Arrival, target: Path, sha256: str, role: Literal["primary", "companion"] = "primary"
    ) -> PlannedFile:
        """The plan for an arrival that was hashed."""
        return cls(role, arrival.path, target, Identity.of_arrival(arrival), sha256)


class Filer:
    """Moves assets by the protocol of `journey`, one at a time on this machine.

    `roots` are folders that are never made: a target below one that is not there is refused, because the disk it
    belongs to is not mounted.
    """

    def __init__(
        self,
        database: Database,
        disk: Disk,
        *,
        roots: Sequence[Path] = (),
        clock: Clock = utc_now,
        token: Token = random_token,
    ) -> None:
        self.database = database
        self.disk = disk
        self.journal = Journal(database, clock)
        self.clock = clock
        self._roots = tuple(roots)
        self._token = token
        self._lock = filing_lock(database)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nothing else on this machine files while this is held."""
        with self._lock.held():
            yield

    def settle(self, photo_id: int) -> None:
        """Finish or take back what a program that was killed left half done of this picture, so that its row is true.

        Raises FilingError where that must wait, StateError if the database cannot be written.
        """
        with self.alone():
            try:
                self._close_earlier(set(), photo_id)
            except OSError as error:
                why = f"an earlier move of picture {photo_id} cannot be finished: {error.strerror}"
                raise FilingError(self.database.path, why) from error
            except sqlite3.Error as error:
                raise self._unwritable(error) from error

    def move(
        self,
        files: Sequence[PlannedFile],
        *,
        purpose: Purpose,
        photo_id: int | None,
        after: Columns,
        before: Columns | None = None,
        reason: str,
        undoes: int | None = None,
    ) -> Move:
        """Move all the files of an asset or none; the closed move, with the names they really got.

        A move of the same files that was left open is finished or taken back first.

        The first file leads: all share its final stem. `after` are the photo's columns from now on; its path, name,
        identity and companions are filled in from the disk. `before` is what undo will restore; what is left out
        is read from the row. Where everything is in its place already only the row changes.

        Raises FolderUnusable, SourceChanged or FilingError with every file where it was, StateError if the
        database cannot be written. Where the disk will not take the files back either, the message says so and the
        move stays open, for the next one of these files or for recovery.
        """
        _check(files)
        if self.database.connection.in_transaction:
            raise RuntimeError("a move commits on its own; it cannot be part of another transaction")
        with self.alone():
            try:
                self._check_roots(files)
                self._close_earlier({path for file in files for path in (file.source, file.target)}, photo_id)
                targets = free_targets(self.disk, [(file.source, file.target) for file in files])
                planned = [_new_file(file, target) for file, target in zip(files, targets, strict=True)]
                move = self.journal.plan(purpose, photo_id, planned, before or {}, after, reason, undoes)
            except OSError as error:
                raise explain(error, files[0].source, files[0].target.parent, self.disk) from error
            except sqlite3.Error as error:
                raise self._unwritable(error) from error
            legs = [Leg(made, wanted=file.target) for made, file in zip(move.files, files, strict=True)]
            return self._travel(Journey(self.journal, self.disk, move, legs, self._token))

    def _travel(self, journey: Journey) -> Move:
        source, folder = journey.move.files[0].source, journey.move.files[0].target.parent
        problem: FilingError | StateError
        try:
            return journey.forward()
        except FilingError as error:
            problem, cause = error, error.__cause__
        except OSError as error:
            problem, cause = explain(error, source, folder, self.disk), error
        except sqlite3.Error as error:
            problem, cause = self._unwritable(error), error
        except StateError as error:
            problem, cause = error, error.__cause__
        if journey.released:
            raise StateError(f"{problem}; {source} was moved, which the next start will record") from cause
        try:
            journey.back(str(problem))
        except (OSError, sqlite3.Error, FilingError, StateError) as second:
            raise FilingError(
                source, f"{problem}; it could not be taken back yet ({second}), recovery will"
            ) from problem
        raise problem from cause

    def _close_earlier(self, paths: set[Path], photo_id: int | None) -> None:
        """Close what an earlier move of these files left open, so that no two moves ever speak of one file."""
        for move in self.journal.open_moves():
            touched = {path for file in move.files for path in (file.source, file.target, file.temporary)}
            if paths & touched or (photo_id is not None and photo_id == move.photo_id):
                closed = close_move(self.journal, self.disk, move, self._token)
                if closed is None:
                    raise FilingError(
                        move.files[0].source, "an earlier move of it waits for a folder that is not there"
                    )

    def _unwritable(self, error: sqlite3.Error) -> StateError:
        return StateError(f"{self.database.path}: cannot be written: {error}")

    def _check_roots(self, files: Sequence[PlannedFile]) -> None:
        for root in self._roots:
            if any(file.target.is_relative_to(root) for file in files) and self.disk.folder(root) is None:
                raise FolderUnusable(root, "is not there; is its disk mounted?")


def explain(error: OSError, source: Path, folder: Path, disk: Disk) -> FilingError:
    """What an OSError means for a move from `source` into `folder`, as the error that says so."""
    what = error.strerror or str(error)
    if error.errno in _FOLDER_REFUSES:
        try:
            if disk.folder(source.parent) is not None and not disk.writable(source.parent):
                return FilingError(source, f"its folder does not let files be taken out: {what}")
            # An immutable file or a sticky folder is no reason to give up the whole library.
            if error.errno in _FILE_REFUSES and disk.folder(folder) is not None and disk.writable(folder):
                return FilingError(source, f"cannot be moved to {folder}: {what}")
        except OSError:
            pass  # it answers nothing any more: unusable is the word
        return FolderUnusable(folder, what)
    if error.errno in _SOURCE_GONE:
        return SourceChanged(source, what)
    return FilingError(source, f"cannot be moved to {folder}: {what}")


def _check(files: Sequence[PlannedFile]) -> None:
    if not files or files[0].role != "primary" or any(file.role == "primary" for file in files[1:]):
        raise ValueError("a move has one primary file, and it comes first")
    if len({file.target for file in files}) < len(files) or len({file.source for file in files}) < len(files):
        raise ValueError("two files of a move cannot have the same source or target")
    if not all(path.is_absolute() for file in files for path in (file.source, file.target)):
        raise ValueError("moves are made between absolute paths")


def _new_file(file: PlannedFile, target: Path) -> NewFile:
    at = file.identity
    return NewFile(file.role, file.source, target, at.device, at.inode, at.size, at.mtime_ns, file.sha256)
