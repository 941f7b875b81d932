"""What was learnt from a person, kept as arrays and figures: the newest few of each role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from curated.state.database import Database
from curated.state.rows import to_text

Role = Literal["taste", "category"]
_KEPT = 20


@dataclass(frozen=True, slots=True)
class Learnt:
    """One training: `payload` is the model and its figures, `seen` the newest label that it was trained on."""

    id: int
    role: Role
    at: str
    embedder: str
    seen: int
    payload: bytes


class LearntModels:
    """The only SQL on `learnt`; every method is one statement or one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, role: Role, embedder: str, seen: int, payload: bytes, at: datetime) -> int:
        """Keep a training; its id. Older ones beyond the last few are forgotten."""
        with self.database.write() as connection:
            cursor = connection.execute(
                "INSERT INTO learnt (role, at, embedder, seen, payload) VALUES (?, ?, ?, ?, ?)",
                (role, to_text(at), embedder, seen, payload),
            )
            connection.execute(
                "DELETE FROM learnt WHERE role = ? AND id NOT IN "
                "(SELECT id FROM learnt WHERE role = ? ORDER BY id DESC LIMIT ?)",
                (role, role, _KEPT),
            )
            return int(cursor.lastrowid or 0)

    def last(self, role: Role, limit: int) -> list[Learnt]:
        """The last trainings, the newest first."""
        rows = self.database.execute(
            "SELECT id, role, at, embedder, seen, payload FROM learnt WHERE role = ? ORDER BY id DESC LIMIT ?",
            (role, limit),
        )
        return [Learnt(**dict(row)) for row in rows.fetchall()]

    def newest(self, role: Role) -> Learnt | None:
        """The last training, or None."""
        return next(iter(self.last(role, 1)), None)

    def seen(self, role: Role) -> int:
        """The newest label that the last training was of, 0 where there is none; cheap, as `newest_id` is."""
        row = self.database.execute(
            "SELECT seen FROM learnt WHERE role = ? ORDER BY id DESC LIMIT 1", (role,)
        ).fetchone()
        return int(row["seen"]) if row else 0

    def newest_id(self, role: Role) -> int:
        """The last training's id, 0 where there is none; cheap enough to ask for each picture."""
        row = self.database.execute("SELECT max(id) FROM learnt WHERE role = ?", (role,)).fetchone()
        return int(row[0] or 0)
