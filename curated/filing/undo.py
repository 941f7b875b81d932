"""Taking moves back, however old they are: newest first, by the same road as any other move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from curated.domain import Move, Photo, Purpose, Status
from curated.errors import FilingError, NotFound, SourceChanged
from curated.files import Disk, Identity
from curated.filing.filed import companions, unchanged
from curated.filing.filer import Filer, PlannedFile
from curated.filing.legs import free_targets, identity_of
from curated.state.database import Value
from curated.state.decisions import Decisions
from curated.state.journal import Columns
from curated.state.rows import marks, printable, to_text
from curated.state.store import Store

Outcome = Literal["undone", "renamed", "changed", "failed"]

# What a picture was before it was put into the library: taken back to there, it is out of the daemon's hands.
_OUTSIDE = frozenset({Status.ARRIVING, Status.UNDONE})


@dataclass(frozen=True, slots=True)
class UndoSelection:
    """Which moves to take back; exactly one is given.

    `last` so many moves; all `since` a moment; all that put pictures into the `category`, or one below it, that they
    are in now; the newest one of each of `photo_ids`; these `move_ids`, which alone may name an undo (taking that back
    is redo).
    Later moves of the same pictures that stand in the way go with them, but for `photo_ids` and `move_ids`. With one
    half of a choice of keeper goes the other, but for `move_ids`: else both pictures would be left in Duplicates.
    """

    last: int | None = None
    since: datetime | None = None
    category: str | None = None
    photo_ids: tuple[int, ...] = ()
    move_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        given = [self.last is not None, self.since is not None, self.category is not None]
        if sum([*given, bool(self.photo_ids), bool(self.move_ids)]) != 1:
            raise ValueError("an undo selects by exactly one of last, since, category, photo_ids, move_ids")


@dataclass(frozen=True, slots=True)
class UndoStep:
    """What became of one move, or in a dry run would.

    `renamed`: taken back under the next free name, its old place being taken. `changed`: left alone because the
    file is gone or has other content. `failed`: left alone because it could not be moved.
    """

    move_id: int
    photo_id: int | None
    file: Path
    place: Path
    outcome: Outcome
    detail: str = ""

    @property
    def taken_back(self) -> bool:
        """Whether it was (would be) taken back."""
        return self.outcome in ("undone", "renamed")


@dataclass(frozen=True, slots=True)
class UndoReport:
    """Every move that was selected, in the order it was taken back."""

    steps: tuple[UndoStep, ...]
    dry_run: bool

    @property
    def undone(self) -> int:
        """How many were (would be) taken back."""
        return sum(step.taken_back for step in self.steps)


def undo(filer: Filer, selection: UndoSelection, *, dry_run: bool = False) -> UndoReport:
    """Take the selected moves back; what cannot be is reported and left as it is.

    Pictures come back to where they were with the row they had; one that came from outside the library gets the
    status `undone`, so that it is left alone there. Folders are made again. Every undo is a move itself.
    """
    with filer.alone():
        moves = select(filer, selection)
        blocked: set[int] = set()
        steps = []
        imagined = _Imagined() if dry_run else None
        for move in moves:
            if move.photo_id in blocked:
                step = _step(move, "failed", "a later move of the same picture could not be taken back")
            else:
                step = _undo_one(filer, move, imagined)
            if move.photo_id is not None and not step.taken_back:
                blocked.add(move.photo_id)
            steps.append(step)
    return UndoReport(tuple(steps), dry_run)


def select(filer: Filer, selection: UndoSelection) -> list[Move]:
    """The moves that are selected and still in force, newest first."""
    if selection.move_ids:
        where = f"id IN ({marks(selection.move_ids)})"
        return filer.journal.in_force(where, *selection.move_ids)
    return _with_other_halves(filer, _selected(filer, selection))


def _selected(filer: Filer, selection: UndoSelection) -> list[Move]:
    journal = filer.journal
    not_undo = "purpose <> 'undo'"
    if selection.last is not None:
        return journal.in_force(not_undo, limit=selection.last)
    if selection.since is not None:
        return journal.in_force(f"{not_undo} AND created_at >= ?", to_text(selection.since))
    if selection.category is not None:
        category = selection.category
        found = journal.in_force(
            f"{not_undo} AND photo_id IN (SELECT id FROM photo WHERE category = ? OR category >= ? AND category < ?)",
            *(category, f"{category}/", f"{category}0"),  # "/" + 1 is "0"
        )
        return list(_down_to_category(found, selection.category))
    wanted: list[Value] = list(selection.photo_ids)
    newest: dict[int | None, Move] = {}
    for move in journal.in_force(f"{not_undo} AND photo_id IN ({marks(wanted)})", *wanted):
        newest.setdefault(move.photo_id, move)
    return list(newest.values())


def _with_other_halves(filer: Filer, moves: list[Move]) -> list[Move]:
    """The moves, and of each choice of a keeper that is among them the rest, unless that picture moved on since."""
    there = {move.id for move in moves}
    wanted = {each for step in Decisions(filer.database).keeper_moves() if step & there for each in step - there}
    for move_id in wanted:
        for move in filer.journal.in_force("id = ?", move_id):
            newest = filer.journal.in_force("photo_id = ?", move.photo_id, limit=1)
            if newest == [move]:
                moves.append(move)
    return sorted(moves, key=lambda move: move.id, reverse=True)


def _down_to_category(moves: list[Move], category: str) -> Iterator[Move]:
    """Of each photo's moves, newest first, those down to the one that brought it into the category."""
    entered: set[int | None] = set()
    for move in moves:
        if move.photo_id in entered:
            continue
        if _is_in(move.after, category) and not _is_in(move.before, category):
            entered.add(move.photo_id)
        yield move


def _is_in(columns: Columns, category: str) -> bool:
    name = columns.get("category")
    return name is not None and f"{name}/".startswith(f"{category}/")


class _Imagined:
    """Where files would be after the moves of a dry run so far; on the disk, each is where it was."""

    def __init__(self) -> None:
        self._real: dict[int, Path] = {}
        self._at: dict[int, tuple[Path, ...]] = {}
        self._taken: set[Path] = set()
        self._vacated: set[Path] = set()

    def real_place(self, photo_id: int | None) -> Path | None:
        """Where the file of a picture that would have moved is."""
        return self._real.get(photo_id or 0)

    def move(self, disk: Disk, photo_id: int | None, files: Sequence[PlannedFile]) -> Path:
        """Where the first of the files would come to stand."""
        wanted = [(file.source, file.target) for file in files]
        targets = free_targets(disk, wanted, refused=self._taken, vacated=self._vacated)
        left = set(self._at.get(photo_id or 0, [source for source, _ in wanted]))
        self._taken.difference_update(left)
        self._taken.update(targets)
        self._vacated.update(left)
        self._vacated.difference_update(targets)
        if photo_id is not None:
            self._real[photo_id] = files[0].source
            self._at[photo_id] = targets
        return targets[0]


def _undo_one(filer: Filer, move: Move, imagined: _Imagined | None) -> UndoStep:
    """Take one move back, or only imagine it."""
    try:
        files = _files_back(filer, move, imagined.real_place(move.photo_id) if imagined else None)
        if imagined:
            return _back(move, files[0].source, imagined.move(filer.disk, move.photo_id, files))
        columns = _columns_back(move)
        made = filer.move(
            files,
            purpose=Purpose.UNDO,
            photo_id=move.photo_id,
            after=columns,
            reason=f"takes back move {move.id}",
            undoes=move.id,
        )
        if move.photo_id is not None and "verdict" in columns:
            Store(filer.database).set_verdict(move.photo_id, columns["verdict"], filer.clock())
    except SourceChanged as error:
        return _step(move, "changed", error.reason)
    except FilingError as error:
        return _step(move, "failed", error.reason)
    except OSError as error:
        return _step(move, "failed", f"cannot be looked at: {error.strerror}")
    return _back(move, files[0].source, made.files[0].target)


def _files_back(filer: Filer, move: Move, stands_in_for: Path | None) -> list[PlannedFile]:
    """The move's files from where they are now to where they were.

    `stands_in_for` is where the file really is in a dry run of several moves of one picture.
    """
    primary, others = move.files[0], move.files[1:]
    photo = _photo(filer, move)
    # The row first: fsck may have found the file elsewhere, or an undo of an undo given it another name.
    places = [place for place in (stands_in_for, photo.path if photo else None, primary.target) if place]
    found = next((place for place in places if filer.disk.look(place) is not None), primary.target)
    expected = identity_of(primary)
    if photo is not None and photo.path == found and photo.sha256 == primary.sha256:
        expected = Identity(photo.device, photo.inode, photo.size, photo.mtime_ns)
    main = unchanged(filer.disk, found, primary.source, expected, primary.sha256)
    there = [file.target for file in others]
    if photo is not None and len(photo.companions) == len(others):
        there = list(photo.companions)
    pairs = [(path, file.source) for path, file in zip(there, others, strict=True)]
    return [main, *companions(filer.disk, pairs)]


def _photo(filer: Filer, move: Move) -> Photo | None:
    if move.photo_id is None:
        return None
    try:
        return Store(filer.database).get(move.photo_id)
    except NotFound:
        return None


def _columns_back(move: Move) -> dict[str, str | None]:
    columns = dict(move.before)
    if columns.get("status") in _OUTSIDE:
        columns |= {"status": Status.UNDONE.value, "reason": "taken back by undo"}
    return columns


def _back(move: Move, file: Path, place: Path) -> UndoStep:
    wanted = move.files[0].source
    if place == wanted:
        return UndoStep(move.id, move.photo_id, file, place, "undone")
    detail = f"its old name {printable(wanted.name)} is taken"
    return UndoStep(move.id, move.photo_id, file, place, "renamed", detail)


def _step(move: Move, outcome: Outcome, detail: str) -> UndoStep:
    primary = move.files[0]
    return UndoStep(move.id, move.photo_id, primary.target, primary.source, outcome, detail)
