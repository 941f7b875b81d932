"""Search by likeness over 1,000,000 embeddings: reading them, the file of codes, a search, a search after changes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from curated.search.index import VectorIndex, floats
from curated.state.database import Database
from curated.state.schema import open_database
from curated.state.vectors import Vectors

SIZE = 1_000_000
DIMENSIONS = 512
MODEL = "benchmark-1"
LIMIT = 100
RUNS = 20
CHANGES = 1_000
_BATCH = 10_000


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name, open_database(Path(name) / "curated.db") as base:
        chance = np.random.default_rng(0)
        centres = chance.standard_normal((200, DIMENSIONS), np.float32)
        # The pictures themselves play no part.
        base.execute("PRAGMA foreign_keys = OFF")
        for start in range(0, SIZE, _BATCH):
            _insert(base, start, _vectors(chance, centres, _BATCH))
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _measure(base, Path(name), SIZE, lambda count: _vectors(chance, centres, count))


def _measure(base: Database, folder: Path, size: int, make) -> None:
    vectors, wanted = Vectors(base), make(RUNS).astype(np.float32)
    print(f"{size:,} embeddings of {DIMENSIONS}: {base.path.stat().st_size / 1e6:,.0f} MB of database")
    _said("reading all of them from the database", lambda: sum(1 for _ in vectors.every(MODEL)))
    index = VectorIndex(vectors, MODEL, folder / "cache")
    _said("writing the file of codes, and a first search", lambda: index.nearest(wanted[0], LIMIT))
    print(f"{'the file':<58} {index.path.stat().st_size / 1e6:8,.0f} MB")
    _said("a first search by a process that finds the file", lambda: _open(base, folder).nearest(wanted[1], LIMIT))
    _median("a search", [lambda each=each: index.nearest(each, LIMIT) for each in wanted])
    _insert(base, size, make(CHANGES))
    _median(f"a search after {CHANGES:,} more", [lambda each=each: index.nearest(each, LIMIT) for each in wanted])
    exact = np.concatenate([floats(vector, half=True)[None] @ wanted[2] for _, vector in vectors.every(MODEL)])
    found = index.nearest(wanted[2], LIMIT)
    agree = np.allclose(np.sort(exact)[::-1][:LIMIT], [cosine for _, cosine in found], atol=1e-6)
    print(f"the same {LIMIT} as by comparing all: {'yes' if agree else 'NO'}")


def _vectors(chance: np.random.Generator, centres, count: int):
    """Unit vectors in clusters, as pictures of one kind are: cosines of about 0.6 within, 0 between."""
    made = centres[chance.integers(len(centres), size=count)] + chance.standard_normal((count, DIMENSIONS), np.float32)
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)


def _insert(base: Database, first: int, vectors) -> None:
    with base.write() as connection:
        connection.executemany(
            "INSERT INTO embedding VALUES (?, ?, ?)",
            [(first + number, MODEL, vector.tobytes()) for number, vector in enumerate(vectors)],
        )


def _open(base: Database, folder: Path) -> VectorIndex:
    return VectorIndex(Vectors(base), MODEL, folder / "cache")


def _said(what: str, action) -> None:
    wall, processor = time.perf_counter(), time.process_time()
    action()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{what:<58} {wall:8.3f} s ({processor:.3f} s of processor time)", flush=True)


def _median(what: str, actions) -> None:
    times = []
    for action in actions:
        wall, processor = time.perf_counter(), time.process_time()
        action()
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    wall, processor = (sorted(each)[len(times) // 2] for each in zip(*times, strict=True))
    print(f"{what:<58} {wall:8.3f} s ({processor:.3f} s of processor time; medians of {len(times)})", flush=True)


if __name__ == "__main__":
    main()
