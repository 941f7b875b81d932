"""What one more picture costs among 1,000 and among 300,000: twin search, row, move."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.library import synthetic
from curated.config import Duplicates
from curated.duplicates import TwinIndex, fingerprint_of
from curated.pipeline import Filed
from curated.state.store import Store

SIZES = (1_000, 300_000)
PICTURES = 200


def main() -> None:
    costs = {size: _one_size(size) for size in SIZES}
    ratio = costs[SIZES[1]] / costs[SIZES[0]]
    print(f"ratio of the cost of placing a picture, {SIZES[1]:,} : {SIZES[0]:,}: {ratio:.2f}")
    _lookup(1_000_000)


def _one_size(size: int) -> float:
    from tests.pipeline.conftest import Line
    from tests.support.filing_world import World
    from tests.support.readings import reading

    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        folder = Path(name)
        with synthetic(folder, size):
            pass
        world = World(folder)
        line = Line(world)
        admit, place = line.stages()
        times = []
        for number in range(PICTURES):
            path = world.put(f"IMG_9{number:05}.jpg", f"picture {number} of {size}")
            asset = line.asset(path)
            started = time.perf_counter()
            step = admit(asset)
            outcome = place(step.candidate, reading(step.candidate.sha256, caption=f"new one {number}"))
            times.append(time.perf_counter() - started)
            assert isinstance(outcome, Filed)
        world.close()
    median = statistics.median(times)
    print(f"{size:>9,} known: {median * 1000:.1f} ms a picture to admit, find no twin, file and record (median)")
    return median


def _lookup(size: int) -> None:
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name, synthetic(Path(name), 1_000) as database:
        store = Store(database)
        index = TwinIndex(Duplicates(), store)
        chance = np.random.default_rng(0)
        for value in chance.integers(0, 2**63, size - len(index), dtype=np.uint64):
            index.add(10_000_000, f"{int(value):016x}")
        wanted = fingerprint_of(next(store.photos(limit=1)))
        times = []
        for _ in range(50):
            started = time.perf_counter()
            index.find(wanted)
            times.append(time.perf_counter() - started)
    print(f"{size:>9,} hashes: {statistics.median(times) * 1000:.2f} ms for one twin search (median)")
