"""The journal of moves: the only SQL on `move` and `move_file`, and what a move changes of its photo's row."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from curated.domain import Move, MoveFile, MoveState, Purpose
from curated.state.database import Database, Value
from curated.state.rows import companions_to_text, from_text, printable, to_path, to_text, yield_path

Clock = Callable[[], datetime]
Columns = Mapping[str, str | None]

# The photo columns a move may change. Numbers travel as text: STRICT tables turn it back without loss.
_MOVABLE = frozenset(
    {"path", "name", "status", "category", "reason", "filed_at", "device", "inode", "size", "mtime_ns", "companions"}
    | {"verdict", "confirmed", "chosen", "extension", "twin_of", "twin_kind", "twin_distance"}
)
_PLACE = ("path", "name", "device", "inode", "size", "mtime_ns", "companions")
_REMOVED = (
    "EXISTS (SELECT 1 FROM move AS later WHERE later.photo_id = move.photo_id AND later.id > move.id "
    "AND later.purpose = 'empty' AND NOT later.open "
    "AND EXISTS (SELECT 1 FROM move_file WHERE move_id = later.id AND state = 'done'))"
)
_DONE = "EXISTS (SELECT 1 FROM move_file WHERE move_id = move.id AND state = 'done')"


def utc_now() -> datetime:
    """The present moment, with zone."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a picture's files came to stand, and the identity the main one has there."""

    path: Path
    device: int
    inode: int
    size: int
    mtime_ns: int
    companions: tuple[Path, ...] = ()

    def columns(self) -> dict[str, str | None]:
        """The photo columns that say so."""
        return {
            "path": os.fsdecode(self.path),
            "name": printable(self.path.stem),
            "device": str(self.device),
            "inode": str(self.inode),
            "size": str(self.size),
            "mtime_ns": str(self.mtime_ns),
            "companions": companions_to_text(self.companions),
        }


@dataclass(frozen=True, slots=True)
class NewFile:
    """One file of a move about to be planned."""

    role: Literal["primary", "companion"]
    source: Path
    target: Path
    device: int
    inode: int
    size: int
    mtime_ns: int
    sha256: str


class Journal:
    """Moves as rows: committed before the disk is touched, and again after."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self.database = database
        self.clock = clock

    # -- one move on its way -----------------------------------------------------------------------------

    def plan(
        self,
        purpose: Purpose,
        photo_id: int | None,
        files: Sequence[NewFile],
        before: Columns,
        after: Columns,
        reason: str,
        undoes: int | None = None,
    ) -> Move:
        """Commit a move that is about to be made. `before` is completed from the photo's row.

        `undoes` is marked as undone from now on; `abort` takes the mark back.
        """
        _check_columns({**before, **after})
        now = to_text(self.clock())
        with self.database.write() as connection:
            present = self._columns(photo_id, {*after, *_PLACE}) if photo_id is not None else {}
            cursor = connection.execute(
                "INSERT INTO move (photo_id, purpose, open, before, after, reason, created_at) "
                "VALUES (?, ?, 1, ?, ?, ?, ?)",
                (photo_id, purpose.value, _dump({**present, **before}), _dump(after), printable(reason), now),
            )
            move_id = int(cursor.lastrowid or 0)
            connection.executemany(
                "INSERT INTO move_file (move_id, role, source, target, device, inode, size, mtime_ns, sha256, "
                "state, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'planned', ?)",
                [
                    (
                        move_id,
                        file.role,
                        os.fsencode(file.source),
                        os.fsencode(file.target),
                        file.device,
                        file.inode,
                        file.size,
                        file.mtime_ns,
                        file.sha256,
                        now,
                    )
                    for file in files
                ],
            )
            if undoes is not None:
                connection.execute("UPDATE move SET undone_by = ? WHERE id = ?", (move_id, undoes))
            return self.get(move_id)

    def set_files(self, files: Iterable[MoveFile]) -> None:
        """Commit the present source, target, temporary and state of these files."""
        now = to_text(self.clock())
        rows = [
            (
                os.fsencode(file.source),
                os.fsencode(file.target),
                os.fsencode(file.temporary) if file.temporary else None,
                file.state.value,
                now,
                file.id,
            )
            for file in files
        ]
        with self.database.write() as connection:
            connection.executemany(
                "UPDATE move_file SET source = ?, target = ?, temporary = ?, state = ?, updated_at = ? WHERE id = ?",
                rows,
            )

    def finish(self, move: Move, placed: Placed | None, note: str = "") -> Move:
        """Close the move as done and write its columns to the photo, in one transaction; the closed move."""
        after = {**move.after, **(placed.columns() if placed else {})}
        with self.database.write() as connection:
            self._close(move, MoveState.DONE, note)
            connection.execute("UPDATE move SET after = ? WHERE id = ?", (_dump(after), move.id))
            # Taking back an undo (or a restore) brings what that one took back into force again.
            connection.execute(
                "UPDATE move SET undone_by = NULL WHERE undone_by IN (SELECT id FROM move WHERE undone_by = ?)",
                (move.id,),
            )
            if move.photo_id is not None:
                self.apply_columns(move.photo_id, after)
            return self.get(move.id)

    def abort(self, move: Move, note: str, elsewhere: Placed | None = None) -> Move:
        """Close the move as not made; the closed move.

        `elsewhere` says where the files are if that is not their old place, which may have been taken meanwhile.
        """
        with self.database.write() as connection:
            self._close(move, MoveState.ABORTED, note)
            connection.execute("UPDATE move SET undone_by = NULL WHERE undone_by = ?", (move.id,))
            if elsewhere is not None and move.photo_id is not None:
                self.apply_columns(move.photo_id, elsewhere.columns())
            return self.get(move.id)

    def _close(self, move: Move, state: MoveState, note: str) -> None:
        reason = "; ".join(part for part in (move.reason, printable(note)) if part)
        connection = self.database.connection
        connection.execute(
            "UPDATE move_file SET state = ?, updated_at = ? WHERE move_id = ?",
            (state.value, to_text(self.clock()), move.id),
        )
        connection.execute("UPDATE move SET open = 0, reason = ? WHERE id = ?", (reason, move.id))

    # -- the photo's row ---------------------------------------------------------------------------------

    def apply_columns(self, photo_id: int, columns: Columns) -> None:
        """Write these columns of the photo's row, in the caller's transaction if there is one.

        Another row that claims the new path is marked missing: the disk has just shown that its file is not there.
        """
        _check_columns(columns)
        if not columns:
            return
        values: list[Value] = [_value(name, text) for name, text in columns.items()]
        # The twin's row may have been forgotten since the move that is taken back.
        twin = "(SELECT id FROM photo WHERE id = ?)"
        assignments = ", ".join(f"{name} = {twin if name == 'twin_of' else '?'}" for name in columns)
        with self.database.write() as connection:
            if (path := columns.get("path")) is not None:
                yield_path(connection, Path(path), photo_id)
            connection.execute(f"UPDATE photo SET {assignments} WHERE id = ?", [*values, photo_id])

    def _columns(self, photo_id: int, names: Iterable[str]) -> dict[str, str | None]:
        wanted = sorted(names)
        row = self.database.execute(f"SELECT {', '.join(wanted)} FROM photo WHERE id = ?", (photo_id,)).fetchone()
        return {name: _text(row[name]) for name in wanted} if row else {}

    # -- looking back ------------------------------------------------------------------------------------

    def get(self, move_id: int) -> Move:
        """The move of that id. Raises LookupError."""
        for move in self._moves("id = ?", move_id):
            return move
        raise LookupError(f"no move {move_id}")

    def open_moves(self) -> list[Move]:
        """The moves a crash (or this moment) left unfinished, oldest first."""
        return list(self._moves("open ORDER BY id"))

    def in_force(self, where: str = "1", *parameters: Value, limit: int = -1) -> list[Move]:
        """Done moves that nothing has taken back and that can be, newest first; `where` narrows them."""
        return list(
            self._moves(
                f"NOT open AND undone_by IS NULL AND purpose <> 'empty' AND {_DONE} AND NOT {_REMOVED} AND ({where}) "
                "ORDER BY id DESC LIMIT ?",
                *parameters,
                limit,
            )
        )

    def done(self, photo_id: int) -> list[Move]:
        """Every done move of the photo, newest first, those taken back since among them."""
        return list(self._moves(f"photo_id = ? AND NOT open AND {_DONE} ORDER BY id DESC", photo_id))

    def last(self, photo_id: int, purpose: Purpose | None = None) -> Move | None:
        """The photo's newest done move, of that purpose if one is given, whether taken back since or not."""
        where = f"photo_id = ? AND coalesce(? = purpose, 1) AND NOT open AND {_DONE} ORDER BY id DESC LIMIT 1"
        return next(self._moves(where, photo_id, purpose.value if purpose else None), None)

    def _moves(self, where: str, *parameters: Value) -> Iterator[Move]:
        rows = self.database.execute(f"SELECT * FROM move WHERE {where}", parameters).fetchall()
        for row in rows:
            files = self.database.execute("SELECT * FROM move_file WHERE move_id = ? ORDER BY id", (row["id"],))
            yield _move(row, tuple(_move_file(file) for file in files))


def _move(row: sqlite3.Row, files: tuple[MoveFile, ...]) -> Move:
    created = from_text(row["created_at"])
    if created is None:
        raise ValueError(f"move {row['id']} has no time")
    return Move(
        id=row["id"],
        photo_id=row["photo_id"],
        purpose=Purpose(row["purpose"]),
        files=files,
        before=json.loads(row["before"]),
        after=json.loads(row["after"]),
        open=bool(row["open"]),
        undone_by=row["undone_by"],
        reason=row["reason"],
        created_at=created,
    )


def _move_file(row: sqlite3.Row) -> MoveFile:
    source, target = to_path(row["source"]), to_path(row["target"])
    if source is None or target is None:
        raise ValueError(f"file {row['id']} of move {row['move_id']} has no path")
    return MoveFile(
        id=row["id"],
        move_id=row["move_id"],
        role=row["role"],
        source=source,
        target=target,
        temporary=to_path(row["temporary"]),
        device=row["device"],
        inode=row["inode"],
        size=row["size"],
        mtime_ns=row["mtime_ns"],
        sha256=row["sha256"],
        state=MoveState(row["state"]),
    )


def _check_columns(columns: Columns) -> None:
    if unknown := sorted(set(columns) - _MOVABLE):
        raise ValueError(f"a move cannot change {', '.join(unknown)}")


def _dump(columns: Columns) -> str:
    # ASCII, so that names which are not UTF-8 survive as escaped surrogates.
    return json.dumps(dict(columns))


def _value(name: str, text: str | None) -> Value:
    if text is None:
        return None
    return os.fsencode(text) if name == "path" else printable(text)


def _text(value: Value) -> str | None:
    if value is None:
        return None
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)
