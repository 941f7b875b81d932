"""The nearest embeddings are those that comparing all would find, whatever has changed since the file was made."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlite_utils import Database as UtilsDatabase
from sqlite_utils import Migrations

from curated.search.index import VectorIndex, floats
from curated.search.merging import merged
from curated.state.migrations import m001_photos_and_moves
from curated.state.schema import open_database
from curated.state.store import Store
from curated.state.vectors import Vectors
from tests.support.filing_world import World

MODEL, SIZE = "newer-1", 32


class Library:
    """Pictures that are nothing but embeddings."""

    def __init__(self, base: Path) -> None:
        self.path = base / "curated.db"
        self.cache = base / "cache"
        self.database = open_database(self.path)
        self.store = Store(self.database)
        self.vectors = Vectors(self.database)
        self.chance = np.random.default_rng(0)

    def vector(self, near: int = 0) -> np.ndarray:
        """One of a few clusters: many are about as near as another."""
        centre = np.random.default_rng(near % 5).standard_normal(SIZE)
        made = centre + self.chance.standard_normal(SIZE) * (0.02 if near % 2 else 0.5)
        return (made / np.linalg.norm(made)).astype(np.float16)

    def add(self, count: int, model: str = MODEL) -> None:
        first = self.database.execute("SELECT coalesce(max(id), 0) + 1 FROM photo").fetchone()[0]
        with self.database.write() as connection:
            for number in range(first, first + count):
                connection.execute(
                    "INSERT INTO photo (id, sha256, original_path, original_name, path, name, status, size, mtime_ns, "
                    "device, inode, arrived_at) VALUES (?, ?, ?, '', ?, '', 'filed', 1, 1, 1, 1, '2026-01-01')",
                    (number, f"{number:064x}", b"/o%d" % number, b"/p%d" % number),
                )
                self.store.set_embedding(number, model, self.vector(number).tobytes())

    def remove(self, photo_id: int) -> None:
        with self.database.write() as connection:
            connection.execute("DELETE FROM photo WHERE id = ?", (photo_id,))

    def index(self, few: int = 0) -> VectorIndex:
        return VectorIndex(self.vectors, MODEL, self.cache, few)

    def check(self, index: VectorIndex, limit: int = 10, without: tuple[int, ...] = ()) -> None:
        for number in range(3):
            wanted = self.vector(number).astype(np.float32)
            found = index.nearest(wanted, limit, without)
            exact = {id_: float(floats(vector, half=True) @ wanted) for id_, vector in self.vectors.every(MODEL)}
            assert len(found) == min(limit, len(exact) - len([each for each in without if each in exact]))
            assert [cosine for _, cosine in found] == pytest.approx([exact[id_] for id_, _ in found], abs=1e-6)
            best = sorted((value for id_, value in exact.items() if id_ not in without), reverse=True)[:limit]
            assert [cosine for _, cosine in found] == pytest.approx(best, abs=1e-6)
            assert not {id_ for id_, _ in found} & set(without)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    yield made
    made.database.close()


@pytest.mark.parametrize("few", [0, 10_000])
@pytest.mark.parametrize("limit", [1, 7, 500])
def test_the_nearest_are_those_that_comparing_all_finds(library: Library, few: int, limit: int) -> None:
    library.add(400)
    library.add(5, "another")
    library.check(library.index(few), limit)
    library.check(library.index(few), limit, without=(1, 3, 5, 999))
    assert library.index().path.exists() is (few == 0)


def test_nothing_is_near_in_an_empty_library(library: Library) -> None:
    assert library.index().nearest(library.vector().astype(np.float32), 5) == []
    library.add(3, "another")
    assert library.index().nearest(library.vector().astype(np.float32), 5) == []


def test_what_changes_is_found_without_writing_the_file_anew(library: Library) -> None:
    library.add(300)
    library.check(library.index())
    written = library.index().path.stat().st_mtime_ns
    index = library.index(few=50)
    library.add(20)
    library.check(index)
    for photo_id in (2, 4, 310):
        library.remove(photo_id)
    library.check(index)
    library.store.set_embedding(7, MODEL, library.vector(0).tobytes())
    library.check(index)
    # The last id is given again to another picture.
    library.remove(320)
    library.add(1)
    library.check(index)
    library.check(library.index(few=50))
    assert library.index().path.stat().st_mtime_ns == written
    library.add(60)
    library.check(library.index(few=50))
    assert library.index().path.stat().st_mtime_ns > written


def test_a_database_that_was_put_back_is_not_taken_for_the_one_that_was_searched(library: Library) -> None:
    library.add(100)
    library.database.close()
    shutil.copy(library.path, library.path.with_name("backup.db"))
    library.add(50)
    library.check(library.index())
    library.database.close()
    shutil.copy(library.path.with_name("backup.db"), library.path)
    library.add(50)
    library.check(library.index())


@pytest.mark.parametrize("damage", [b"", b"{}", b"no header", b"half"])
def test_a_damaged_file_is_made_anew(library: Library, damage: bytes) -> None:
    library.add(100)
    library.check(library.index())
    path = library.index().path
    path.write_bytes(path.read_bytes()[:-7] if damage == b"half" else damage)
    library.check(library.index())
    assert path.stat().st_size > 4096
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_cache_that_cannot_be_written_only_costs_time(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    library.add(100)
    library.cache.write_text("a file")
    library.check(library.index())
    assert "no room to keep" in caplog.text


def test_vectors_of_another_length_or_with_no_number_are_passed_over(library: Library) -> None:
    library.add(50)
    library.store.set_embedding(20, MODEL, b"\0\0" * 5)
    library.store.set_embedding(21, MODEL, np.full(SIZE, np.nan, np.float16).tobytes())
    wanted = library.vector(1).astype(np.float32)
    found = [id_ for id_, _ in library.index().nearest(wanted, 5)]
    assert not {20, 21} & set(found)
    assert len(found) == 5
    assert len(library.index(few=100).nearest(wanted, 100)) == 48
    assert library.index().nearest(np.ones(7, np.float32), 5) == []


def test_embeddings_are_counted_and_their_changes_kept(library: Library) -> None:
    library.add(5)
    library.add(2, "another")
    assert library.vectors.models() == {MODEL: 5, "another": 2}
    stamp = library.vectors.stamp()
    assert stamp is not None
    assert library.vectors.changed_since(stamp) == []
    library.store.set_embedding(1, MODEL, b"\0\0" * SIZE)
    library.store.set_embedding(1, "another", b"\0\0" * SIZE)
    library.remove(6)
    assert library.vectors.changed_since(stamp) == [1, 6]
    assert library.vectors.models() == {MODEL: 5, "another": 2}
    assert set(library.vectors.of_photo(1)) == {MODEL, "another"}
    library.remove(1)
    assert library.vectors.models() == {MODEL: 4, "another": 1}


def test_embeddings_of_an_older_database_are_known_after_the_migration(tmp_path: Path) -> None:
    first = Migrations("curated")
    first()(m001_photos_and_moves)
    path = tmp_path / "curated.db"
    connection = sqlite3.connect(path, isolation_level=None)
    first.apply(UtilsDatabase(connection, execute_plugins=False))
    connection.execute("PRAGMA user_version = 1")
    connection.execute(
        "INSERT INTO photo (id, sha256, original_path, original_name, path, name, status, size, mtime_ns, device, "
        "inode, arrived_at) VALUES (1, 'a', x'00', '', x'00', '', 'filed', 1, 1, 1, 1, '')"
    )
    connection.execute("INSERT INTO embedding VALUES (1, 'm', x'0000')")
    connection.close()
    with open_database(path) as database:
        assert Vectors(database).models() == {"m": 1}
        assert Vectors(database).stamp() is not None


def test_found_by_both_comes_before_found_by_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    photos = [
        world.file([world.put(f"{name}.jpg", name)], [world.library / f"{name}.jpg"])[0]
        for name in ("words", "both", "near")
    ]
    words, both, near = photos
    hits = merged(world.store, [(words, 9.0), (both, 1.0)], [(near.id, 0.9), (both.id, 0.5), (999, 0.4)], 10)
    assert [hit.photo.id for hit in hits] == [both.id, words.id, near.id]
    assert (hits[0].words, hits[0].likeness) == (1.0, 0.5)
    assert (hits[1].words, hits[1].likeness, hits[2].words) == (9.0, None, None)
    assert [hit.score for hit in merged(world.store, [(words, 9.0), (both, 1.0)], [], 1)] == [9.0]
    world.close()
