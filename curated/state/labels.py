"""What a predictor learns from, and the scores it gives: verdicts, embeddings, twins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curated.domain import JUDGED
from curated.state.database import Database
from curated.state.rows import marks


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture as a predictor sees it; `vector` is float16 bytes, `twin_of` the head of its group."""

    photo_id: int
    vector: bytes
    verdict: str | None
    twin_of: int | None


class Labels:
    """Verdicts with the embeddings of one model; every method is one statement or one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def embedder(self) -> str | None:
        """The model that most labelled pictures have an embedding of; of two, the one that judged them last."""
        row = self.database.execute(
            "SELECT embedding.model AS model FROM photo JOIN embedding ON embedding.photo_id = photo.id "
            "WHERE verdict IS NOT NULL GROUP BY embedding.model "
            "ORDER BY count(*) DESC, sum(embedding.model = json_extract(models, '$.embedder')) DESC LIMIT 1"
        ).fetchone()
        return str(row["model"]) if row else None

    def samples(self, embedder: str) -> Iterator[Sample]:
        """Every picture with an embedding of that model that is still somewhere, labelled or not."""
        rows = self.database.execute(
            "SELECT id, vector, verdict, twin_of FROM photo JOIN embedding ON photo_id = id AND model = ? "
            f"WHERE status IN ({marks(JUDGED)}) ORDER BY id",
            (embedder, *(status.value for status in JUDGED)),
        )
        for row in rows.fetchall():
            yield Sample(row["id"], row["vector"], row["verdict"], row["twin_of"])

    def set_keep_scores(self, scores: Sequence[tuple[int, float]]) -> None:
        """Keep the chance of being kept of each (photo id, score); those of all others are forgotten."""
        with self.database.write() as connection:
            connection.execute("UPDATE photo SET keep_score = NULL WHERE keep_score IS NOT NULL")
            connection.executemany(
                "UPDATE photo SET keep_score = ? WHERE id = ?", [(score, photo_id) for photo_id, score in scores]
            )
