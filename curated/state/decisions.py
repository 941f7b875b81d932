"""What a person decided, a row for each picture of each key press: undone and redone by step, carried out later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from curated.state.database import Database, Value
from curated.state.rows import marks, to_text

Action = Literal[
    "keep", "trash", "undecided", "confirm", "file", "rename", "protect", "unprotect", "keeper", "distinct"
]
ACTIONS: tuple[Action, ...] = get_args(Action)

# The photo's columns that a decision changes at once; its place changes when the file has been moved.
Marks = Mapping[str, str | int | None]
_COLUMNS = frozenset({"verdict", "confirmed", "protected", "chosen", "twin_of", "twin_kind", "twin_distance"})
# What still has to be done on disk.
OWED = "wanted <> applied AND problem IS NULL"


@dataclass(frozen=True, slots=True)
class NewDecision:
    """One picture's part of a step; `moves` says whether its file has to move for it.

    `argument` is its own, where the pictures of one step have several.
    """

    photo_id: int
    before: Marks
    after: Marks
    moves: bool
    argument: str | None = None


@dataclass(frozen=True, slots=True)
class MadeDecision:
    """One row. `wanted`: not undone. `applied`: the file is where the decision puts it, by the move `move_id`.

    `base` is the newest move of the picture before the file was touched, None unless that was begun and not noted as
    done: then `applied` is not known. `problem` says why it could not be carried out.
    """

    id: int
    step: int
    photo_id: int
    action: Action
    argument: str | None
    before: Marks
    after: Marks
    wanted: bool
    applied: bool
    move_id: int | None
    base: int | None
    problem: str | None
    at: str


@dataclass(frozen=True, slots=True)
class Step:
    """One key press: undone and redone as a whole."""

    number: int
    action: Action
    argument: str | None
    photo_ids: tuple[int, ...]


class Decisions:
    """The only SQL on `decision`; every method is one statement or one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, action: Action, argument: str | None, new: Sequence[NewDecision], at: datetime) -> Step:
        """Record a step and change the rows of its pictures at once; what was undone before can be redone no more."""
        with self.database.write() as connection:
            connection.execute("UPDATE decision SET undone = 2 WHERE undone = 1")
            step = int(connection.execute("SELECT coalesce(max(step), 0) + 1 FROM decision").fetchone()[0])
            turn = _next_turn(connection)
            for offset, each in enumerate(new):
                connection.execute(
                    "INSERT INTO decision (step, photo_id, action, argument, before, after, moves, wanted, applied, "
                    "turn, at) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
                    (
                        step, each.photo_id, action, each.argument or argument, json.dumps(dict(each.before)),
                        json.dumps(dict(each.after)), int(each.moves), int(not each.moves), turn + offset, to_text(at),
                    ),
                )  # fmt: skip
                _set(connection, each.photo_id, each.after, at)
        return Step(step, action, argument, tuple(each.photo_id for each in new))

    def undo(self, at: datetime) -> Step | None:
        """Take the last step back that is in force; None where there is none."""
        return self._turn_back("SELECT max(step) FROM decision WHERE undone = 0", undone=1, at=at)

    def redo(self, at: datetime) -> Step | None:
        """Bring the last step back that was undone; None where there is none or something else was decided since."""
        return self._turn_back("SELECT min(step) FROM decision WHERE undone = 1", undone=0, at=at)

    def _turn_back(self, which: str, *, undone: int, at: datetime) -> Step | None:
        with self.database.write() as connection:
            number = connection.execute(which).fetchone()[0]
            if number is None:
                return None
            # What of the step could not be carried out takes no part: its marks were put back.
            rows = connection.execute(
                "SELECT * FROM decision WHERE step = ? AND undone = ? ORDER BY id", (number, 1 - undone)
            ).fetchall()
            made = [_decision(row) for row in rows]
            turn = _next_turn(connection)
            for offset, each in enumerate(reversed(made) if undone else made):
                _turn(connection, each, wanted=not undone, undone=undone, turn=turn + offset, at=at)
        return Step(int(number), made[0].action, made[0].argument, tuple(each.photo_id for each in made))

    def owed(self, photo_id: int) -> list[MadeDecision]:
        """What still has to be done on disk for the picture, in the order in which it was wanted."""
        rows = self.database.execute(f"SELECT * FROM decision WHERE photo_id = ? AND {OWED} ORDER BY turn", (photo_id,))
        return [_decision(row) for row in rows.fetchall()]

    def next_owed(self) -> MadeDecision | None:
        """What has to be done next on disk, or None."""
        row = self.database.execute(f"SELECT * FROM decision WHERE {OWED} ORDER BY turn LIMIT 1").fetchone()
        return _decision(row) if row else None

    def owed_count(self) -> int:
        """How many decisions still have to be carried out."""
        return int(self.database.execute(f"SELECT count(*) FROM decision WHERE {OWED}").fetchone()[0])

    def get(self, decision_id: int) -> MadeDecision | None:
        """The row as it is now."""
        row = self.database.execute("SELECT * FROM decision WHERE id = ?", (decision_id,)).fetchone()
        return _decision(row) if row else None

    def of_step(self, step: int) -> list[MadeDecision]:
        """The rows of a step as they are now."""
        rows = self.database.execute("SELECT * FROM decision WHERE step = ? ORDER BY id", (step,))
        return [_decision(row) for row in rows.fetchall()]

    def keeper_moves(self) -> list[frozenset[int]]:
        """The ids of the moves of each choice of a keeper that has moved more than one picture."""
        steps: dict[int, set[int]] = {}
        for row in self.database.execute(
            "SELECT step, move_id FROM decision WHERE action = 'keeper' AND move_id IS NOT NULL"
        ).fetchall():
            steps.setdefault(row["step"], set()).add(row["move_id"])
        return [frozenset(moves) for moves in steps.values() if len(moves) > 1]

    def begin(self, decision_id: int, base: int) -> None:
        """Note, before the file is touched, which move of the picture was its newest."""
        with self.database.write() as connection:
            connection.execute("UPDATE decision SET base = ? WHERE id = ?", (base, decision_id))

    def finish(self, made: MadeDecision, at: datetime, *, applied: bool, move_id: int | None) -> None:
        """The file is where it should be; marks that later decisions made on the row are put back."""
        with self.database.write() as connection:
            connection.execute(
                "UPDATE decision SET applied = ?, move_id = ?, base = NULL WHERE id = ?",
                (int(applied), move_id, made.id),
            )
            later = connection.execute(
                "SELECT after FROM decision WHERE photo_id = ? AND id > ? AND wanted AND problem IS NULL ORDER BY id",
                (made.photo_id, made.id),
            )
            for row in later.fetchall():
                _set(connection, made.photo_id, json.loads(row["after"]), at)

    def fail(self, made: MadeDecision, problem: str, at: datetime) -> None:
        """It cannot be done: the marks say again what the disk shows, and it is no longer owed.

        One that could not be taken back is in force again: its picture is where it put it, in the trash for instance.
        Who is the keeper is changed of all its pictures or of none: what was done of the step already is owed back.
        """
        there, then = (made.after, made.before) if made.wanted else (made.before, made.after)
        with self.database.write() as connection:
            connection.execute(
                "UPDATE decision SET problem = ?, undone = 2, wanted = applied WHERE id = ?", (problem, made.id)
            )
            _exchange(connection, made.photo_id, there, then, at)
            # The former keeper's part is the first: the chosen one's, still to come, looks for itself whether it can.
            if made.action == "keeper" and not (made.wanted and made.argument != str(made.photo_id)):
                _call_off(connection, made, at)

    def in_force(self, action: Action, contents: Iterable[str], besides: int) -> list[tuple[str, str]]:
        """(sha256, argument) of each decision of that sort in force on pictures with these contents, but for one."""
        wanted = list(contents)
        rows = self.database.execute(
            "SELECT sha256, argument FROM photo JOIN decision ON decision.photo_id = photo.id "
            f"WHERE sha256 IN ({marks(wanted)}) AND action = ? AND wanted AND decision.id <> ?",
            (*wanted, action, besides),
        )
        return [(row["sha256"], row["argument"] or "") for row in rows.fetchall()]

    def problems(self, limit: int) -> list[MadeDecision]:
        """What could not be carried out, the newest first."""
        rows = self.database.execute(
            "SELECT * FROM decision WHERE problem IS NOT NULL ORDER BY id DESC LIMIT ?", (limit,)
        )
        return [_decision(row) for row in rows.fetchall()]

    def last_pictures(self, limit: int) -> list[int]:
        """The pictures decided on last, the newest first, each once."""
        rows = self.database.execute(
            "SELECT photo_id FROM decision WHERE undone = 0 GROUP BY photo_id ORDER BY max(id) DESC LIMIT ?", (limit,)
        )
        return [row["photo_id"] for row in rows.fetchall()]


def as_columns(marks: Marks) -> dict[str, str | None]:
    """Marks as a move writes them: with the move, `curated undo` takes them back as well."""
    return {name: None if value is None else str(value) for name, value in marks.items()}


def _next_turn(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(turn), 0) + 1 FROM decision").fetchone()[0])


def _turn(
    connection: sqlite3.Connection, each: MadeDecision, *, wanted: bool, undone: int, turn: int, at: datetime
) -> None:
    """Have it no longer wanted, or wanted again, and its marks say so."""
    # What moves no file is applied as soon as it is wanted, and no longer as soon as it is not. Where the file was
    # about to be touched, nobody knows whether it was: whoever carries out looks.
    connection.execute(
        "UPDATE decision SET undone = ?2, wanted = ?1, turn = ?3, "
        "applied = iif(moves, iif(base IS NULL, applied, 1 - ?1), ?1) WHERE id = ?4",
        (int(wanted), undone, turn, each.id),
    )
    there, then = (each.before, each.after) if wanted else (each.after, each.before)
    _exchange(connection, each.photo_id, there, then, at)


def _call_off(connection: sqlite3.Connection, failed: MadeDecision, at: datetime) -> None:
    """Turn the rest of a step back that cannot be done to its end; it is never undone or redone again."""
    rows = connection.execute(
        "SELECT * FROM decision WHERE step = ? AND id <> ? AND wanted = ? AND problem IS NULL ORDER BY id",
        (failed.step, failed.id, int(failed.wanted)),
    ).fetchall()
    turn = _next_turn(connection)
    for offset, row in enumerate(rows):
        _turn(connection, _decision(row), wanted=not failed.wanted, undone=2, turn=turn + offset, at=at)


def _set(connection: sqlite3.Connection, photo_id: int, columns: Marks, at: datetime) -> None:
    if not columns:
        return
    if strange := set(columns) - _COLUMNS:
        raise ValueError(f"a decision does not change {', '.join(sorted(strange))}")
    names = list(columns)
    row = connection.execute("SELECT verdict FROM photo WHERE id = ?", (photo_id,)).fetchone()
    values: list[Value] = [columns[name] for name in names]
    assignments = ", ".join(f"{name} = ?" for name in names)
    connection.execute(f"UPDATE photo SET {assignments} WHERE id = ?", [*values, photo_id])
    if row is not None and "verdict" in columns and columns["verdict"] != row["verdict"]:
        connection.execute(
            "INSERT INTO verdict (photo_id, verdict, at) VALUES (?, ?, ?)", (photo_id, columns["verdict"], to_text(at))
        )


def _exchange(connection: sqlite3.Connection, photo_id: int, there: Marks, then: Marks, at: datetime) -> None:
    """Put the marks of `then` in the place of those of `there`; what somebody else has changed since stays."""
    if not then:
        return
    row = connection.execute(f"SELECT {', '.join(then)} FROM photo WHERE id = ?", (photo_id,)).fetchone()
    if row is not None:
        _set(connection, photo_id, {name: value for name, value in then.items() if row[name] == there.get(name)}, at)


def _decision(row: sqlite3.Row) -> MadeDecision:
    return MadeDecision(
        id=row["id"],
        step=row["step"],
        photo_id=row["photo_id"],
        action=row["action"],
        argument=row["argument"],
        before=json.loads(row["before"]),
        after=json.loads(row["after"]),
        wanted=bool(row["wanted"]),
        applied=bool(row["applied"]),
        move_id=row["move_id"],
        base=row["base"],
        problem=row["problem"],
        at=row["at"],
    )
