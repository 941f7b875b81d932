"""Synthetic state for benchmarks: a database of many photos whose files do not exist."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from curated.domain import KINDS, Arrival, Status
from curated.state.database import Database
from curated.state.rows import photo_from_arrival, photo_to_columns
from curated.state.schema import open_database

_WORDS = "lake cat mountain street boat cake garden snow receipt invoice letter chart forest child window".split()
_FOLDERS = ("People/Solo", "People/Pair", "Photos", "Illustrations", "Screenshots", "Documents", "Memes")


@contextmanager
def synthetic(folder: Path, count: int) -> Iterator[Database]:
    """A database with `count` photos below `folder`/Library, made from one seed."""
    chance = random.Random(count)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with open_database(folder / "state" / "curated.db") as database:
        rows = [photo_to_columns(_photo(folder, number, chance, now)) for number in range(count)]
        names = list(rows[0])
        with database.write() as connection:
            connection.executemany(
                f"INSERT INTO photo ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                [list(row.values()) for row in rows],
            )
        yield database


def _photo(folder: Path, number: int, chance: random.Random, now: datetime):
    category = chance.choice(_FOLDERS)
    name = f"{' '.join(chance.sample(_WORDS, 3))} {number}"
    path = folder / "Library" / category / f"{name}.jpg"
    arrival = Arrival(folder / "Unsorted" / f"IMG_{number}.jpg", 1_000_000 + number, number, 1, number)
    return replace(
        photo_from_arrival(arrival, f"{number:064x}", now),
        path=path,
        name=name,
        status=Status.FILED if chance.random() < 0.95 else Status.REVIEW,
        category=category,
        kind=chance.choice(KINDS),
        caption=name,
        text=" ".join(chance.choices(_WORDS, k=20)),
        pixel_hash=f"{chance.getrandbits(256):064x}",
        phash=f"{chance.getrandbits(64):016x}",
        phash_wide=f"{chance.getrandbits(256):064x}",
        width=4000,
        height=3000,
        format="JPEG",
        filed_at=now + timedelta(seconds=number),
        reason="photo 0.95",
    )
