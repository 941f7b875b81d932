"""All embeddings of one model, and what has changed among them since they were last looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curated.state.database import Database
from curated.state.rows import marks

_AT_ONCE = 500
_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """A point in the history of the embeddings; two with equal fields are the same point."""

    number: int
    mark: int


class Vectors:
    """Embeddings as (photo id, float16 bytes); every method is one statement, or pages of one."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def models(self) -> dict[str, int]:
        """How many pictures have an embedding by each model, the most first."""
        rows = self.database.execute("SELECT model, pictures FROM embedder WHERE pictures > 0 ORDER BY pictures DESC")
        return {row["model"]: row["pictures"] for row in rows}

    def of_photo(self, photo_id: int) -> dict[str, bytes]:
        """The picture's embeddings by model."""
        rows = self.database.execute("SELECT model, vector FROM embedding WHERE photo_id = ?", (photo_id,))
        return {row["model"]: row["vector"] for row in rows}

    def every(self, model: str) -> Iterator[tuple[int, bytes]]:
        """All of the model, by id."""
        last = -1
        while page := self.database.execute(
            "SELECT photo_id, vector FROM embedding WHERE photo_id > ? AND model = ? ORDER BY photo_id LIMIT ?",
            (last, model, _PAGE),
        ).fetchall():
            yield from ((row["photo_id"], row["vector"]) for row in page)
            last = page[-1]["photo_id"]

    def some(self, model: str, ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Those of the pictures named that there are, in no order."""
        for start in range(0, len(ids), _AT_ONCE):
            part = ids[start : start + _AT_ONCE]
            rows = self.database.execute(
                f"SELECT photo_id, vector FROM embedding WHERE photo_id IN ({marks(part)}) AND model = ?",
                (*part, model),
            )
            yield from ((row["photo_id"], row["vector"]) for row in rows.fetchall())

    def stamp(self) -> Stamp | None:
        """Now; None where there has never been an embedding."""
        row = self.database.execute("SELECT stamp, mark FROM embedding_change ORDER BY stamp DESC LIMIT 1").fetchone()
        return Stamp(row["stamp"], row["mark"]) if row else None

    def knows(self, stamp: Stamp) -> bool:
        """Whether that was a point of this database's history."""
        row = self.database.execute("SELECT mark FROM embedding_change WHERE stamp = ?", (stamp.number,)).fetchone()
        return row is not None and row["mark"] == stamp.mark

    def changed_since(self, stamp: Stamp) -> list[int]:
        """Ids of the pictures whose embeddings were set or removed since, each once."""
        rows = self.database.execute(
            "SELECT DISTINCT photo_id FROM embedding_change WHERE stamp > ? ORDER BY photo_id", (stamp.number,)
        )
        return [row["photo_id"] for row in rows]
