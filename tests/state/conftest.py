from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from curated.domain import Arrival, Photo, Status
from curated.state.database import Database
from curated.state.rows import photo_from_arrival
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.filing_world import NOON


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "state" / "curated.db") as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


class Maker:
    """Adds photos; each has a path and content of its own unless it is told otherwise."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = 0

    def __call__(self, path: Path | str | None = None, **changes: object) -> Photo:
        self._count += 1
        place = Path(path or f"/library/{self._count}.jpg")
        arrival = Arrival(place, self._count, 1, 1, self._count)
        photo = photo_from_arrival(arrival, f"{self._count:064x}", NOON)
        photo = replace(photo, **{"status": Status.FILED, "filed_at": NOON, **changes})
        return self._store.get(self._store.add(photo))


@pytest.fixture
def make(store: Store) -> Maker:
    return Maker(store)
