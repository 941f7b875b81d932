"""What is learnt from, and the scores it gives: verdicts, confirmed categories, embeddings, groups of twins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from curated.domain import JUDGED
from curated.state.database import Database
from curated.state.decisions import OWED
from curated.state.rows import from_text, marks, to_text

_AT_ONCE = 5_000
# Rows written in one transaction: others who write wait no longer than for these.
_WRITTEN_AT_ONCE = 2_000
_JUDGED = tuple(status.value for status in JUDGED)

# The first verdict since it last was another one.
_SINCE = (
    "coalesce((SELECT min(id) FROM verdict WHERE photo_id = photo.id AND id > coalesce((SELECT max(other.id) FROM "
    "verdict AS other WHERE other.photo_id = photo.id AND other.verdict IS NOT photo.verdict), 0)), "
    # `curated undo` gives an earlier verdict back without a word of its own.
    "(SELECT max(id) FROM verdict WHERE photo_id = photo.id AND verdict IS photo.verdict))"
)

# The picture is not about to leave its category by a decision that its file has not followed yet.
_FOLLOWED = f"NOT EXISTS (SELECT 1 FROM decision WHERE decision.photo_id = photo.id AND action = 'file' AND {OWED})"

# The chance of being kept, and how soon to ask about it, of each picture by its id.
Scores = dict[int, tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A labelled picture as a predictor sees it; `vector` is float16 bytes, `group` is shared by twins and bursts.

    `nth` grows with the time of the label; saying the same again makes it no newer. What is known without looking: when
    it was taken or arrived, its bytes, width, height, and the scores of its kinds as JSON.
    """

    photo_id: int
    vector: bytes
    label: str
    group: int
    nth: int
    taken_at: datetime | None
    size: int
    width: int
    height: int
    kind_scores: str


class Labels:
    """Labels with the embeddings of one model; every method is one statement or one transaction, but for the scores."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def embedder(self, column: str = "verdict") -> str | None:
        """The model that most labelled pictures have an embedding of; of two, the one that judged them last."""
        row = self.database.execute(
            # CROSS JOIN: from the labels, which are few, to their embeddings. SQLite would begin with all of these.
            "SELECT embedding.model AS model FROM photo CROSS JOIN embedding ON embedding.photo_id = photo.id "
            f"WHERE {_labelled(column)} GROUP BY embedding.model "
            "ORDER BY count(*) DESC, sum(embedding.model = json_extract(models, '$.embedder')) DESC LIMIT 1",
            _JUDGED,
        ).fetchone()
        return str(row["model"]) if row else None

    def number(self, column: str = "verdict") -> int:
        """How many pictures are labelled, whether they have an embedding or not."""
        # INDEXED BY: SQLite would count on an index of all pictures, because that has the statuses, too.
        return int(
            self.database.execute(
                f"SELECT count(*) FROM photo INDEXED BY photo_{column} WHERE {_labelled(column)}", _JUDGED
            ).fetchone()[0]
        )

    def labelled(self, embedder: str, column: str = "verdict") -> list[Sample]:
        """Every picture with a verdict (or, by `column` "confirmed", with a confirmed category) that is still there."""
        if column == "verdict":
            label, nth = "verdict", _SINCE
        else:
            label, nth = "category", "confirmed"
        groups = self._groups()
        rows = self.database.execute(
            f"SELECT photo.id AS id, vector, photo.{label} AS label, {nth} AS nth, "
            "coalesce(taken_at, arrived_at) AS taken_at, size, coalesce(width, 0) AS width, "
            "coalesce(height, 0) AS height, kind_scores "
            "FROM photo CROSS JOIN embedding ON embedding.photo_id = photo.id AND embedding.model = ? "
            f"WHERE {_labelled(column)}",
            (embedder, *_JUDGED),
        )
        samples = [
            Sample(
                photo_id=row["id"],
                vector=row["vector"],
                label=row["label"],
                group=groups.get(row["id"], row["id"]),
                nth=_nth(row["nth"]),
                taken_at=from_text(row["taken_at"]),
                size=row["size"],
                width=row["width"],
                height=row["height"],
                kind_scores=row["kind_scores"],
            )
            for row in rows.fetchall()
        ]
        # Sorted here: to have them in order SQLite would read all pictures.
        return sorted(samples, key=lambda sample: sample.photo_id)

    def _groups(self) -> dict[int, int]:
        """The one picture that each twin, and what was taken in one burst, leads to; the others are alone.

        A duplicate leads to its keeper, and that to the head of its burst: each of them looks like all.
        """
        heads = {
            row["id"]: row["twin_of"]
            for row in self.database.execute("SELECT id, twin_of FROM photo WHERE twin_of IS NOT NULL").fetchall()
        }
        groups: dict[int, int] = {}
        for photo_id, twin_of in heads.items():
            chain, head = {photo_id: 0}, twin_of
            while head in heads and head not in chain:
                chain[head] = len(chain)
                head = heads[head]
            # Of a ring the least stands for all, wherever one begins.
            groups[photo_id] = min([each for each in chain if chain[each] >= chain[head]] if head in chain else [head])
        return groups

    def unlabelled(self, embedder: str, after: int = 0) -> Iterator[list[tuple[int, bytes]]]:
        """(photo id, vector) of every picture without a verdict, above that id, some thousand at a time."""
        last = after
        while True:
            rows = self.database.execute(
                "SELECT id, vector FROM photo JOIN embedding ON photo_id = id AND model = ? "
                # `+`: read in order of the ids; by an index of the statuses all that is left is sorted for each page.
                f"WHERE id > ? AND +verdict IS NULL AND +status IN ({marks(_JUDGED)}) ORDER BY id LIMIT ?",
                (embedder, last, *_JUDGED, _AT_ONCE),
            ).fetchall()
            if not rows:
                return
            last = rows[-1]["id"]
            yield [(row["id"], row["vector"]) for row in rows]

    def vectors(self, embedder: str, photo_ids: Sequence[int]) -> dict[int, bytes]:
        """The vectors of those of these pictures that have one."""
        found: dict[int, bytes] = {}
        for start in range(0, len(photo_ids), 500):
            some = list(photo_ids[start : start + 500])
            rows = self.database.execute(
                f"SELECT photo_id, vector FROM embedding WHERE model = ? AND photo_id IN ({marks(some)})",
                (embedder, *some),
            )
            found.update((row["photo_id"], row["vector"]) for row in rows.fetchall())
        return found

    def scored(self) -> Scores:
        """Every picture that has a score, or is known to be asked about sooner or later."""
        rows = self.database.execute(
            "SELECT id, keep_score, ask FROM photo WHERE keep_score IS NOT NULL OR ask IS NOT NULL"
        ).fetchall()
        return {row["id"]: (row["keep_score"], row["ask"]) for row in rows}

    def set_scores(self, scores: Scores, before: Scores) -> None:
        """Keep these of each picture that has no verdict yet.

        Of those that had one `before`, and have none now, it is forgotten; what has been scored since then stays. Only
        rows that change are written, some at a time, so that nobody else who writes waits long.
        """
        changed = [(*found, photo_id) for photo_id, found in scores.items() if before.get(photo_id) != found]
        forgotten = [(photo_id, *found) for photo_id, found in before.items() if photo_id not in scores]
        # A verdict that came meanwhile has taken the place of the guess.
        self._write("UPDATE photo SET keep_score = ?, ask = ? WHERE id = ? AND verdict IS NULL", changed)
        self._write(
            "UPDATE photo SET keep_score = NULL, ask = NULL WHERE id = ? AND keep_score IS ? AND ask IS ?", forgotten
        )

    def _write(self, statement: str, rows: Sequence[tuple[int | float | None, ...]]) -> None:
        for start in range(0, len(rows), _WRITTEN_AT_ONCE):
            with self.database.write() as connection:
                connection.executemany(statement, rows[start : start + _WRITTEN_AT_ONCE])

    def set_score(self, photo_id: int, keep: float | None, ask: float) -> None:
        """Keep the chance of one picture, and how soon to ask about it."""
        with self.database.write() as connection:
            connection.execute(
                "UPDATE photo SET keep_score = ?, ask = ? WHERE id = ? AND verdict IS NULL", (keep, ask, photo_id)
            )

    def newest_verdict(self) -> int:
        """The number of the last verdict."""
        return int(self.database.execute("SELECT coalesce(max(id), 0) FROM verdict").fetchone()[0])

    def verdicts_since(self, number: int) -> int:
        """How many pictures' verdicts came after that one."""
        row = self.database.execute("SELECT count(DISTINCT photo_id) FROM verdict WHERE id > ?", (number,)).fetchone()
        return int(row[0])

    def newest_confirmed(self) -> int:
        """When a category was confirmed last, in microseconds since 1970; 0 where none was.

        What a file has still to follow is confirmed when it has, and counts from then on.
        """
        row = self.database.execute(
            f"SELECT max(confirmed) FROM photo WHERE confirmed IS NOT NULL AND {_FOLLOWED}"
        ).fetchone()
        return _nth(row[0])

    def confirmed_since(self, moment: int) -> int:
        """How many pictures' categories were confirmed after that moment (microseconds since 1970)."""
        after = to_text(datetime.fromtimestamp(moment / 1e6, UTC))
        row = self.database.execute(
            f"SELECT count(*) FROM photo WHERE confirmed > ? AND {_FOLLOWED}", (after,)
        ).fetchone()
        return int(row[0])


def _labelled(column: str) -> str:
    """The labelled pictures that are learnt from; its parameters are the statuses."""
    if column not in ("verdict", "confirmed"):
        raise ValueError(f"{column} is no label")
    # A category that nobody knows is no label. `+`: nearly all pictures have one of the statuses, few have a label.
    known = "" if column == "verdict" else f" AND category IS NOT NULL AND {_FOLLOWED}"
    return f"photo.{column} IS NOT NULL{known} AND +status IN ({marks(_JUDGED)})"


def _nth(value: int | str | None) -> int:
    """The number of a verdict, or the moment of a confirmation in microseconds since 1970."""
    if not isinstance(value, str):
        return value or 0
    moment = from_text(value)
    return round(moment.timestamp() * 1e6) if moment else 0
