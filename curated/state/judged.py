"""Which models judged which pictures, and the word of newer ones put in its place."""

from __future__ import annotations

import json
from collections.abc import Mapping

from curated.domain import JUDGED, Reading
from curated.state.database import Database, Value
from curated.state.rows import READING_COLUMNS, marks, photo_to_columns, with_reading
from curated.state.store import Store


class Judged:
    """Pictures by the models that judged them; every method is one statement or one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def any(self, category: str | None = None) -> bool:
        """Whether any picture (of the category and those below it) has been judged."""
        where, parameters = _of(category)
        return self.database.execute(f"SELECT 1 FROM photo WHERE {where} LIMIT 1", parameters).fetchone() is not None

    def by_others(self, models: Mapping[str, str], category: str | None = None) -> list[tuple[str, list[int]]]:
        """(sha256, ids of the pictures with this content) of all that other models than these judged, oldest first."""
        where, parameters = _of(category)
        # Of the whole library every row has to be read, once and as they lie; of a category by its index, only its own.
        order = "id" if category is None else "+id"
        wanted, is_other = dict(models), dict[str, bool]()
        found: dict[str, list[int]] = {}
        for row in self.database.execute(
            f"SELECT id, sha256, models FROM photo WHERE {where} ORDER BY {order}", parameters
        ):
            said = row["models"]
            if said not in is_other:
                is_other[said] = json.loads(said) != wanted
            if is_other[said]:
                found.setdefault(row["sha256"], []).append(row["id"])
        return list(found.items())

    def set_reading(self, photo_id: int, reading: Reading, reason: str | None = None) -> None:
        """Write what the models say now, with the embedding; where the picture stands is not touched.

        `reason` is the new one for standing there, None leaves it.
        """
        store = Store(self.database)
        with self.database.write() as connection:
            columns = photo_to_columns(with_reading(store.get(photo_id), reading))
            chosen: dict[str, Value] = {name: columns[name] for name in READING_COLUMNS}
            if reason is not None:
                chosen["reason"] = reason
            assignments = ", ".join(f"{name} = ?" for name in chosen)
            connection.execute(f"UPDATE photo SET {assignments} WHERE id = ?", [*chosen.values(), photo_id])
            if reading.findings.embedding:
                store.set_embedding(photo_id, reading.findings.models["embedder"], reading.findings.embedding)


def _of(category: str | None) -> tuple[str, list[Value]]:
    # `+`: nearly all pictures have one of these statuses, so that an index of them saves nothing.
    where, parameters = f"+status IN ({marks(JUDGED)})", list[Value](status.value for status in JUDGED)
    if category is None:
        return where, parameters
    # "/" + 1 is "0": the sub-categories are the names from `category/` up to `category0`.
    return f"{where} AND (category = ? OR category >= ? AND category < ?)", [
        *parameters, category, f"{category}/", f"{category}0",
    ]  # fmt: skip
