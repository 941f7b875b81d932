"""Carrying out what was decided: the files follow the rows, in the order of the keys, by the journal's road.

The daemon, each open review and the command line may all do it at the same time: whoever holds the filing lock does the
next one, and a program that is killed in between is finished by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from curated.config import Config
from curated.domain import Move, Photo, Purpose
from curated.errors import FilingError, FolderUnusable, NotFound
from curated.filing import Filer, UndoSelection, undo
from curated.filing.filed import unmounted
from curated.review.hand import Review, category_place
from curated.review.twins import TwinHand
from curated.state.decisions import Action, Decisions, MadeDecision, as_columns
from curated.state.rows import printable
from curated.state.store import Store

# The moves of each sort of decision that moves files.
_PURPOSES: dict[Action, tuple[Purpose, ...]] = {
    "trash": (Purpose.TRASH,),
    "keep": (Purpose.RESTORE,),
    "undecided": (Purpose.RESTORE,),
    "file": (Purpose.CORRECT,),
    "keeper": (Purpose.DUPLICATE, Purpose.CORRECT),
    "distinct": (Purpose.CORRECT,),
}


@dataclass(frozen=True, slots=True)
class Carried:
    """One decision whose file has followed, or could not: `problem` says why, "" where it did."""

    decision: MadeDecision
    photo: Photo | None
    problem: str = ""


class Carrier:
    """Carries out owed decisions one at a time."""

    def __init__(self, config: Config, filer: Filer) -> None:
        self._config = config
        self._filer = filer
        self._review = Review(config, filer)
        self._twins = TwinHand(config, filer)
        self._store = Store(filer.database)
        self._decisions = Decisions(filer.database)

    @property
    def owes(self) -> bool:
        """Whether anything is still to be done."""
        return self._decisions.next_owed() is not None

    def carry(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Carried]:
        """Do what is owed until nothing is, or `stop` says so; what cannot be done is given up with its reason.

        Raises FolderUnusable, with the decision still owed, where the library cannot be used, StateError if the
        database cannot be written.
        """
        while not stop() and (made := self._decisions.next_owed()) is not None:
            library = self._config.folders.library_path
            if why := unmounted(library, self._store) or self._unwritable(library):
                raise FolderUnusable(library, why)
            with self._filer.alone():
                # Another process may have done it, or the person taken it back, while this one waited for the lock.
                present = self._decisions.get(made.id)
                if present is None or present.wanted == present.applied or present.problem is not None:
                    continue
                carried = self._carry_out(present)
            yield carried

    def _unwritable(self, library: Path) -> str:
        """Why nothing can be put there, or ""."""
        try:
            return "" if self._filer.disk.writable(library) else "cannot be written"
        except OSError as error:
            return f"does not answer: {error.strerror}"

    def _carry_out(self, made: MadeDecision) -> Carried:
        try:
            self._filer.settle(made.photo_id)
            photo = self._store.get(made.photo_id)
            base = self._begin(made)
            move_id = None
            if made.wanted:
                move_id = self._forward(made, photo, base)
            else:
                self._back(made, base)
        except FolderUnusable:
            raise
        except (FilingError, NotFound) as error:
            problem = printable(str(error))  # SQLite takes no undecodable bytes
            photo_now = self._photo(made)
            if made.action == "distinct" and not made.wanted and photo_now is not None:
                self._twins.not_taken_back(made, photo_now)
            self._decisions.fail(made, problem, self._filer.clock())
            return Carried(made, photo_now, problem)
        self._decisions.finish(made, self._filer.clock(), applied=made.wanted, move_id=move_id)
        return Carried(made, self._photo(made))

    def _begin(self, made: MadeDecision) -> int:
        """The picture's newest move before its file was touched for this, by whichever program began with it."""
        if made.base is not None:
            return made.base
        newest = self._filer.journal.last(made.photo_id)
        base = newest.id if newest else 0
        self._decisions.begin(made.id, base)
        return base

    def _forward(self, made: MadeDecision, photo: Photo, base: int) -> int | None:
        """Move the file; the id of the move, None where it was in its place already."""
        if not self._in_place(made, photo, base):
            self._act(made, photo)
        move = self._move_of(made, base)
        return move.id if move else None

    def _move_of(self, made: MadeDecision, base: int) -> Move | None:
        """The move of this decision, if it is in force: the noted one, or that of a program killed before it noted."""
        journal = self._filer.journal
        if made.move_id is not None and (noted := journal.in_force("id = ?", made.move_id)):
            return noted[0]
        since = journal.in_force("photo_id = ? AND id > ?", made.photo_id, base)
        return next((move for move in reversed(since) if _is_for(move, made.action)), None)

    def _act(self, made: MadeDecision, photo: Photo) -> None:
        # The row has the marks already; what taking the move back restores are those before.
        before = as_columns(made.before)
        match made.action:
            case "trash":
                self._review.place_by(photo, "trash", before)
            case "keep":
                self._review.place_by(photo, "keep", before)
            case "undecided":
                self._review.place_by(photo, None, before)
            case "file":
                self._review.file_as(photo, made.argument or "", new=True, before=before)
            case "rename":
                self._review.rename(photo, made.argument or "")
            case "keeper":
                self._twins.keeper(made, photo)
            case "distinct":
                self._twins.distinct(made, photo)

    def _in_place(self, made: MadeDecision, photo: Photo, base: int) -> bool:
        if made.action == "rename":  # not by the name, which may have got a number
            return self._move_of(made, base) is not None
        if made.action != "file":
            return False  # the others look for themselves
        name, folder = category_place(self._config, made.argument or "")
        there = photo.category == name and photo.path.parent == self._config.folders.library_path / folder
        # Where the rules have filed it there meanwhile, that a person says so is still to be noted.
        return there and photo.confirmed is not None

    def _back(self, made: MadeDecision, base: int) -> None:
        # Taken back already, by `curated undo` or by a program that was killed right after: nothing is left to do.
        if (move := self._move_of(made, base)) is not None:
            if made.action == "distinct":
                self._twins.check_way_back(made, move)
            self._take_back(move.id)
        match made.action:
            case "keeper":
                self._twins.keeper_back(made)
            case "distinct":
                self._twins.distinct_back(made)

    def _take_back(self, move_id: int) -> None:
        report = undo(self._filer, UndoSelection(move_ids=(move_id,)))
        for step in report.steps:
            if not step.taken_back:
                raise FilingError(step.file, step.detail)

    def _photo(self, made: MadeDecision) -> Photo | None:
        try:
            return self._store.get(made.photo_id)
        except NotFound:
            return None


def _is_for(move: Move, action: Action) -> bool:
    """Whether a decision of that sort makes such a move."""
    if action == "rename":
        return move.purpose is Purpose.CORRECT and "category" not in move.after
    return move.purpose in _PURPOSES[action]
