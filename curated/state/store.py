"""What is known of pictures: reading and writing photo rows, embeddings, attempts, quarantine, settings."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from curated.domain import JUDGED, Photo, Status
from curated.errors import NotFound
from curated.state.database import Database, Value
from curated.state.rows import (
    PHOTO_COLUMNS,
    from_text,
    marks,
    photo_from_row,
    photo_to_columns,
    to_path,
    to_text,
    yield_path,
)

Sort = Literal["new", "keep", "uncertain"]

# Each is the order of an index of its own that holds the filters too (see migrations): it is read in order until there
# are enough, and nothing is sorted. A `+` keeps the planner from another index, after which it would have to sort.
_ORDER: Mapping[Sort, str] = {
    "new": "filed_at DESC, id DESC",
    "keep": "keep_score DESC, id DESC",
    "uncertain": "ask DESC, id DESC",
}
_IN_LIBRARY = (*JUDGED, Status.FAILED)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """A file that could not be taken yet: how often it was tried, why not, and when it is tried again."""

    path: Path
    size: int
    mtime_ns: int
    tries: int
    next_at: datetime
    reason: str


class Store:
    """The photos and everything about them; every method is one statement or one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # -- photos ------------------------------------------------------------------------------------------

    def add(self, photo: Photo, embedding: tuple[str, bytes] | None = None) -> int:
        """Insert a photo and its (model id, vector); the new id.

        Another row that claims its path is marked missing: the file there is now this one.
        """
        columns = photo_to_columns(photo)
        names = ", ".join(columns)
        with self.database.write() as connection:
            if photo.status is not Status.MISSING:
                yield_path(connection, photo.path)
            cursor = connection.execute(
                f"INSERT INTO photo ({names}) VALUES ({marks(columns)})", list(columns.values())
            )
            photo_id = int(cursor.lastrowid or 0)
            if embedding:
                self.set_embedding(photo_id, *embedding)
        return photo_id

    def update(self, photo: Photo, embedding: tuple[str, bytes] | None = None) -> None:
        """Write every column of the photo anew, but for the score: a training may have given one since it was read.

        With another embedding, what was said by the old one is forgotten.
        """
        columns = photo_to_columns(photo)
        del columns["keep_score"]
        if embedding:
            columns |= {"keep_score": None, "ask": None}
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self.database.write() as connection:
            if photo.status is not Status.MISSING:
                yield_path(connection, photo.path, photo.id)
            connection.execute(f"UPDATE photo SET {assignments} WHERE id = ?", [*columns.values(), photo.id])
            if embedding:
                self.set_embedding(photo.id, *embedding)

    def set_twin(self, photo_id: int, twin_of: int | None, kind: str | None, distance: int | None) -> None:
        """Link a photo to the one it duplicates; what pointed at it now points at that one too."""
        with self.database.write() as connection:
            connection.execute(
                "UPDATE photo SET twin_of = ?, twin_kind = ?, twin_distance = ? WHERE id = ?",
                (twin_of, kind, distance, photo_id),
            )
            if twin_of is not None:
                connection.execute("UPDATE photo SET twin_of = ? WHERE twin_of = ?", (twin_of, photo_id))

    def set_status(self, photo_id: int, status: Status, reason: str) -> None:
        """Change only where a photo stands."""
        with self.database.write() as connection:
            connection.execute("UPDATE photo SET status = ?, reason = ? WHERE id = ?", (status.value, reason, photo_id))

    def set_verdict(self, photo_id: int, verdict: str | None, at: datetime) -> None:
        """Record a verdict; the photo shows the last one, the history stays. The same again is no new one."""
        with self.database.write() as connection:
            connection.execute("UPDATE photo SET verdict = ? WHERE id = ?", (verdict, photo_id))
            connection.execute(
                "INSERT INTO verdict (photo_id, verdict, at) SELECT ?1, ?2, ?3 "
                "WHERE (SELECT verdict FROM verdict WHERE photo_id = ?1 ORDER BY id DESC LIMIT 1) IS NOT ?2",
                (photo_id, verdict, to_text(at)),
            )

    def forget(self, photo_id: int) -> None:
        """Delete the row of a photo whose file was never moved; moves that name it stay in the journal.

        It stays if one of them is still open: its file may be in the library already.
        """
        with self.database.write() as connection:
            connection.execute(
                "DELETE FROM photo WHERE id = ? AND NOT EXISTS (SELECT 1 FROM move WHERE photo_id = photo.id AND open)",
                (photo_id,),
            )

    def forget_arriving(self) -> int:
        """Delete the rows whose first move was taken back, for instance by recovery; how many there were.

        A row whose move is still open stays: its file may be in the library already. One that was filed before and
        taken back by undo keeps its verdict and first name: it becomes `undone` again, with a time that no file has,
        so that its file is filed under it.
        """
        closed = "status = 'arriving' AND id NOT IN (SELECT photo_id FROM move WHERE open AND photo_id IS NOT NULL)"
        with self.database.write() as connection:
            connection.execute(
                f"UPDATE photo SET status = 'undone', mtime_ns = -1 WHERE {closed} AND EXISTS (SELECT 1 FROM move "
                "JOIN move_file ON move_id = move.id WHERE photo_id = photo.id AND state = 'done')"
            )
            return connection.execute(f"DELETE FROM photo WHERE {closed}").rowcount

    def get(self, photo_id: int) -> Photo:
        """The photo of that id. Raises NotFound."""
        photo = self._one("id = ?", photo_id)
        if photo is None:
            raise NotFound(f"no picture has the id {photo_id}; `curated list` shows them")
        return photo

    def at_path(self, path: Path) -> Photo | None:
        """The photo whose file is at that path."""
        return self._one("path = ? AND status <> 'missing'", os.fsencode(path))

    def with_content(self, sha256: str) -> list[Photo]:
        """All photos with these very bytes, oldest first."""
        return list(self._photos("sha256 = ? ORDER BY id", sha256))

    def find(self, file_or_id: str) -> Photo:
        """The photo an id, a present path or an original path names. Raises NotFound."""
        if re.fullmatch(r"#?\d+", file_or_id) and not Path(file_or_id).exists():
            return self.get(int(file_or_id.removeprefix("#")))
        path = os.fsencode(Path(os.path.abspath(Path(file_or_id).expanduser())))  # noqa: PTH100 - keep links
        photo = self._one("path = ? ORDER BY id DESC", path) or self._one("original_path = ? ORDER BY id DESC", path)
        if photo is None:
            raise NotFound(f"{file_or_id}: not known; give an id or a path that `curated list` shows")
        return photo

    def photos(
        self,
        *,
        category: str | None = None,
        status: Status | None = None,
        sort: Sort = "new",
        limit: int | None = None,
    ) -> Iterator[Photo]:
        """Photos in the order asked for; those whose first move is still under way are left out."""
        where, parameters = ["+status <> 'arriving'"], list[Value]()
        if category is not None:
            # "/" + 1 is "0": the sub-categories are the names from `category/` up to `category0`.
            where.append("(+category = ? OR +category >= ? AND +category < ?)")
            parameters += [category, f"{category}/", f"{category}0"]
        if status is not None:
            where.append("+status = ?")
            parameters.append(status.value)
        parameters.append(-1 if limit is None else limit)
        return self._photos(f"{' AND '.join(where)} ORDER BY {_ORDER[sort]} LIMIT ?", *parameters)

    def with_status(self, *statuses: Status) -> Iterator[Photo]:
        """Photos of any of these statuses, `arriving` too, oldest first."""
        return self._photos(f"status IN ({marks(statuses)}) ORDER BY id", *(status.value for status in statuses))

    def any_below(self, folder: Path) -> bool:
        """Whether any photo should lie below that folder, by what the database says."""
        start = os.fsencode(folder)
        row = self.database.execute(
            f"SELECT 1 FROM photo WHERE status <> 'missing' AND +status IN ({marks(_IN_LIBRARY)}) "
            "AND path > ? AND path < ? LIMIT 1",
            (*(status.value for status in _IN_LIBRARY), start + b"/", start + b"0"),
        ).fetchone()
        return row is not None

    def search(self, query: str, limit: int) -> list[tuple[Photo, float]]:
        """Photos whose words match, best first, with a score (higher is better); the last word may be a prefix.

        Words are matched as typed: FTS5's own operators have no meaning here.
        """
        words = re.findall(r"\w+", query)
        if not words:
            return []
        match = " ".join(f'"{word}"' for word in words) + "*"
        rows = self.database.execute(
            f"SELECT {PHOTO_COLUMNS}, score FROM photo JOIN ("
            "SELECT rowid AS found, -bm25(photo_fts, 4.0, 3.0, 1.0, 2.0, 2.0) AS score FROM photo_fts "
            "WHERE photo_fts MATCH ? ORDER BY score DESC LIMIT ?) ON found = photo.id "
            "WHERE status <> 'arriving' ORDER BY score DESC, id",
            (match, limit),
        )
        return [(photo_from_row(row), float(row["score"])) for row in rows]

    def counts(self, column: Literal["status", "category", "kind"]) -> dict[str, int]:
        """How many photos there are of each value of the column."""
        rows = self.database.execute(
            f"SELECT {column} AS value, count(*) AS number FROM photo "
            f"WHERE status <> 'arriving' AND {column} IS NOT NULL GROUP BY {column} ORDER BY number DESC, value"
        )
        return {row["value"]: row["number"] for row in rows}

    def _one(self, where: str, *parameters: Value) -> Photo | None:
        row = self.database.execute(f"SELECT {PHOTO_COLUMNS} FROM photo WHERE {where} LIMIT 1", parameters).fetchone()
        return photo_from_row(row) if row else None

    def _photos(self, where: str, *parameters: Value) -> Iterator[Photo]:
        # Ids first, then the rows some at a time: a statement left half read would hold an old snapshot, on which
        # the next write fails at once with "database is locked".
        found = self.database.execute(f"SELECT id FROM photo WHERE {where}", parameters).fetchall()
        for start in range(0, len(found), _AT_ONCE):
            ids = [row["id"] for row in found[start : start + _AT_ONCE]]
            rows = self.database.execute(
                f"SELECT {PHOTO_COLUMNS} FROM photo WHERE id IN ({marks(ids)})", ids
            ).fetchall()
            by_id = {row["id"]: row for row in rows}
            yield from (photo_from_row(by_id[id_]) for id_ in ids if id_ in by_id)

    # -- embeddings ------------------------------------------------------------------------------------

    def set_embedding(self, photo_id: int, model: str, vector: bytes) -> None:
        """Keep a photo's embedding by that model, in place of an older one."""
        with self.database.write() as connection:
            # Not REPLACE, which would count the picture twice: it deletes without firing the trigger for that.
            connection.execute(
                "INSERT INTO embedding VALUES (?, ?, ?) "
                "ON CONFLICT (photo_id, model) DO UPDATE SET vector = excluded.vector",
                (photo_id, model, vector),
            )

    def embedding(self, photo_id: int) -> tuple[str, bytes] | None:
        """(model id, float16 bytes) of a photo's embedding."""
        row = self.database.execute(
            "SELECT model, vector FROM embedding WHERE photo_id = ? LIMIT 1", (photo_id,)
        ).fetchone()
        return (row["model"], row["vector"]) if row else None

    # -- attempts and quarantine -------------------------------------------------------------------------

    def attempt(self, path: Path) -> Attempt | None:
        """What was tried with that path, if it failed."""
        row = self.database.execute("SELECT * FROM attempt WHERE path = ?", (os.fsencode(path),)).fetchone()
        return _attempt(row) if row else None

    def attempts(self) -> list[Attempt]:
        """Every file that waits for another try, the soonest first."""
        return [_attempt(row) for row in self.database.execute("SELECT * FROM attempt ORDER BY next_at")]

    def set_attempt(self, attempt: Attempt, at: datetime) -> None:
        """Remember a failed try."""
        with self.database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO attempt (path, size, mtime_ns, tries, next_at, reason, last_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    os.fsencode(attempt.path),
                    attempt.size,
                    attempt.mtime_ns,
                    attempt.tries,
                    to_text(attempt.next_at),
                    attempt.reason,
                    to_text(at),
                ),
            )

    def clear_attempt(self, path: Path | None = None) -> int:
        """Forget the tries of one path, or of all; how many were forgotten."""
        with self.database.write() as connection:
            if path is None:
                return connection.execute("DELETE FROM attempt").rowcount
            return connection.execute("DELETE FROM attempt WHERE path = ?", (os.fsencode(path),)).rowcount

    def quarantine(self, sha256: str, reason: str, at: datetime) -> None:
        """Never give this content to the models again."""
        with self.database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?)", (sha256, reason, to_text(at)))

    def quarantined(self, sha256: str) -> str | None:
        """Why this content is kept from the models, or None."""
        row = self.database.execute("SELECT reason FROM quarantine WHERE sha256 = ?", (sha256,)).fetchone()
        return str(row["reason"]) if row else None

    def release(self, sha256: str | None = None) -> int:
        """Take content out of quarantine, one or all; how many."""
        with self.database.write() as connection:
            if sha256 is None:
                return connection.execute("DELETE FROM quarantine").rowcount
            return connection.execute("DELETE FROM quarantine WHERE sha256 = ?", (sha256,)).rowcount

    # -- settings ----------------------------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        """The value kept under that key."""
        row = self.database.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
        return str(row["value"]) if row else None

    def set_setting(self, key: str, value: str) -> None:
        """Keep a value under that key."""
        with self.database.write() as connection:
            connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))


def _attempt(row: sqlite3.Row) -> Attempt:
    path, next_at = to_path(row["path"]), from_text(row["next_at"])
    if path is None or next_at is None:
        raise ValueError("an attempt row has no path or time")
    return Attempt(path, row["size"], row["mtime_ns"], row["tries"], next_at, row["reason"])
