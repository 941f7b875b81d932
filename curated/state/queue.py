"""In which order pictures come up for review, and which: ids only, each order read from an index that holds it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from curated.domain import Kind, Status
from curated.state.database import Database, Value
from curated.state.rows import marks, to_text

Order = Literal["keep", "least", "uncertain", "new", "date"]
ORDERS: tuple[Order, ...] = ("new", "date", "keep", "least", "uncertain")

# Duplicates have a screen of their own; what failed, was trashed or is missing is shown when it is asked for.
REVIEWED = (Status.FILED, Status.REVIEW)

# The index of each order, and the order itself. `least` is `keep` from its end, those without a score last.
_BY: dict[Order, tuple[str, str]] = {
    "new": ("photo_filed", "filed_at DESC, id DESC"),
    "date": ("photo_taken", "taken_at DESC, id DESC"),
    "keep": ("photo_keep", "keep_score DESC, id DESC"),
    "uncertain": ("photo_uncertain", "ask DESC, id DESC"),
}
_UNREVIEWED = "verdict IS NULL AND confirmed IS NULL"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which pictures: of a category and those below it, of a kind, of a status, those nobody has decided on."""

    category: str | None = None
    kind: Kind | None = None
    status: Status | None = None
    unreviewed: bool = True


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Of so many pictures so many have a verdict or a confirmed category."""

    done: int
    total: int


class ReviewQueue:
    """Reads only; every method is one statement, or two."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def ids(self, which: Filter, order: Order, limit: int | None = None) -> list[int]:
        """The pictures' ids in that order."""
        most = -1 if limit is None else limit
        where, parameters = _where(which)
        if order == "least":
            scored = self._ids("photo_keep", f"{where} AND keep_score IS NOT NULL", "keep_score, id", parameters, most)
            left = most - len(scored) if limit is not None else -1
            if not left:
                return scored
            return scored + self._ids("photo_keep", f"{where} AND keep_score IS NULL", "id DESC", parameters, left)
        index, by = _BY[order]
        return self._ids(index, where, by, parameters, most)

    def filed_since(self, which: Filter, moment: datetime) -> list[int]:
        """Those that were filed since then, the oldest first."""
        where, parameters = _where(which)
        return self._ids(
            "photo_filed", f"{where} AND filed_at >= ?", "filed_at, id", [*parameters, to_text(moment)], -1
        )

    def reviewed(self, which: Filter) -> Reviewed:
        """How many of them, decided on or not, there are, and how many are decided on."""
        where, parameters = _where(which, unreviewed=False)
        row = self.database.execute(
            f"SELECT count(*) AS total, coalesce(sum(NOT ({_UNREVIEWED})), 0) AS done "
            f"FROM photo INDEXED BY photo_filed WHERE {where}",
            parameters,
        ).fetchone()
        return Reviewed(int(row["done"]), int(row["total"]))

    def like(self, photo_ids: Sequence[int], which: Filter) -> list[int]:
        """Those of these pictures that are shown under that filter, in the order given."""
        where, parameters = _where(which)
        found: set[int] = set()
        for start in range(0, len(photo_ids), 500):
            some = list(photo_ids[start : start + 500])
            rows = self.database.execute(
                f"SELECT id FROM photo WHERE id IN ({marks(some)}) AND {where}", [*some, *parameters]
            )
            found.update(row["id"] for row in rows.fetchall())
        return [photo_id for photo_id in photo_ids if photo_id in found]

    def _ids(self, index: str, where: str, by: str, parameters: Sequence[Value], limit: int) -> list[int]:
        rows = self.database.execute(
            f"SELECT id FROM photo INDEXED BY {index} WHERE {where} ORDER BY {by} LIMIT ?", [*parameters, limit]
        )
        return [row[0] for row in rows.fetchall()]


def _where(which: Filter, *, unreviewed: bool | None = None) -> tuple[str, list[Value]]:
    statuses = (which.status,) if which.status is not None else REVIEWED
    parts, parameters = [f"status IN ({marks(statuses)})"], list[Value](status.value for status in statuses)
    if which.category is not None:
        # "/" + 1 is "0": the sub-categories are the names from `category/` up to `category0`.
        parts.append("(category = ? OR category >= ? AND category < ?)")
        parameters += [which.category, f"{which.category}/", f"{which.category}0"]
    if which.kind is not None:
        parts.append("kind = ?")
        parameters.append(which.kind)
    if which.unreviewed if unreviewed is None else unreviewed:
        parts.append(_UNREVIEWED)
    return " AND ".join(parts), parameters
