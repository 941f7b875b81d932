"""`curated predict` at 300,000 pictures, how seldom luck earns trust, and how many labels a taste wants that may ask.

CURATED_BENCH_SEQUENCES sequences of twenty trainings each are tried for trust (default 200; some seconds a sequence).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.library import synthetic

PICTURES = int(os.environ.get("CURATED_BENCH_PICTURES", "300000"))
LABELS = 10_000
DIMENSIONS = 512
ROUND = 25
ROUNDS = 12
SEEDS = 5
SEQUENCES = int(os.environ.get("CURATED_BENCH_SEQUENCES", "200"))
FIRST, EVERY, TRAININGS = 40, 25, 20

Floats = npt.NDArray[np.float32]
Order = Callable[[Floats, Floats, np.random.Generator], npt.NDArray[np.int64]]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        _at_scale(Path(name))
    _luck()
    _simulate()


def _at_scale(folder: Path) -> None:
    chance = np.random.default_rng(0)
    looks = chance.normal(size=(200, DIMENSIONS)).astype(np.float32)
    direction = chance.normal(size=DIMENSIONS).astype(np.float32)
    with synthetic(folder, PICTURES) as database, database.write() as connection:
        for start in range(0, PICTURES, 10_000):
            members = chance.integers(len(looks), size=min(10_000, PICTURES - start))
            vectors = looks[members] + chance.normal(size=(len(members), DIMENSIONS)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            halves = [each.astype(np.float16).tobytes() for each in vectors]
            rows = [(start + number + 1, "bench-1", half) for number, half in enumerate(halves)]
            connection.executemany("INSERT INTO embedding VALUES (?, ?, ?)", rows)
            if start < LABELS:
                liking = vectors @ direction + chance.normal(size=len(vectors)) * 0.5
                verdicts = np.where(liking > 0, "keep", "trash")[: LABELS - start].tolist()
                given = [(verdict, start + number + 1) for number, verdict in enumerate(verdicts)]
                connection.executemany("UPDATE photo SET verdict = ? WHERE id = ?", given)
                connection.executemany("INSERT INTO verdict (verdict, photo_id, at) VALUES (?, ?, '')", given)
    config = folder / "config.toml"
    config.write_text('[folders]\nunsorted = "Unsorted"\nlibrary = "Library"\nstate = "state"\n')
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "curated", "predict", "--json"],
        env={**os.environ, "CURATED_CONFIG": str(config)},
        check=True,
        capture_output=True,
    )
    wall = time.perf_counter() - started
    figures = json.loads(done.stdout)
    # The command's own child is among the children of this process, too.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{PICTURES:,} pictures, {LABELS:,} labels, {DIMENSIONS} dimensions: {wall:.1f} s")
    print(f"most memory of one process: {peak:.0f} MiB")
    print(f"AUC {figures['auc']:.3f} ({figures['auc_low']:.3f} to {figures['auc_high']:.3f})")


def _luck() -> None:
    """Twenty trainings, each by 25 more labels: how many such sequences earn trust where there is nothing to learn."""
    # Forked processes would share the threads that numpy has begun.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for name, learns, signal in (
            ("keep or trash, noise", _tastes, 0.0),
            ("keep or trash, a real liking (AUC 0.76 at best)", _tastes, 1.0),
            ("two categories, noise", _categories, 0.0),
            ("two categories that can be told apart (AUC 0.98 at best)", _categories, 3.0),
        ):
            found = list(pool.map(learns, range(SEQUENCES), [signal] * SEQUENCES))
            once = sum(passed for passed, _ in found)
            trusted = sorted(labels for _, labels in found if labels)
            print(f"\n{name}: {SEQUENCES} sequences of {TRAININGS} trainings, {FIRST} to {_labels()[-1]} labels")
            print(f"would pass at least once: {once}; earn trust: {len(trusted)}", end="")
            print(f", half of them by {trusted[len(trusted) // 2]} labels" if trusted else "")


def _labels() -> list[int]:
    return [FIRST + EVERY * number for number in range(TRAININGS)]


def _drawn(seed: int, signal: float) -> tuple[list[bytes], list[int]]:
    """16 numbers each, the first of which tells of the labels; with odd seeds four of five labels are the same."""
    chance = np.random.default_rng(seed)
    number = _labels()[-1]
    labels = (chance.random(number) < (0.5, 0.8)[seed % 2]).astype(np.int64)
    labels[:10], labels[10:20] = 1, 0
    vectors = chance.normal(size=(number, 16))
    vectors[:, 0] += signal * labels
    return [each.astype(np.float16).tobytes() for each in vectors], labels.tolist()


def _tastes(seed: int, signal: float) -> tuple[bool, int]:
    """(Whether any training passed, by how many labels it earned trust or 0)."""
    from curated.taste.keeping import learn_taste
    from curated.taste.probation import Probation
    from curated.taste.tasks import TasteTask

    vectors, verdicts = _drawn(seed, signal)
    facts = np.random.default_rng(seed + 1_000_000).normal(size=(len(verdicts), 9)).tolist()
    passed, last = False, None
    for size in _labels():
        task = TasteTask("bench-1", vectors[:size], verdicts[:size], list(range(size)), facts[:size])
        passes = learn_taste(task).figures.passes
        passed |= passes
        last = Probation.gone_on(last, range(size)) if passes else None
        if last and last.over:
            return True, size
    return passed, 0


def _categories(seed: int, signal: float) -> tuple[bool, int]:
    """The same of the commoner of two categories, which the rules know nothing of."""
    from curated.taste.probation import Probation
    from curated.taste.sorting import learn_categories
    from curated.taste.tasks import CategoryTask

    vectors, labels = _drawn(seed, signal)
    passed, last = False, None
    for size in _labels():
        task = CategoryTask(
            embedder="bench-1", categories=["A", "B"], vectors=vectors[:size], rules=[[0.5, 0.5]] * size,
            ruled=[-1] * size, asked=[True] * size, labels=labels[:size], groups=list(range(size)), precision=0.9,
        )  # fmt: skip
        passes = learn_categories(task).figures[1].filed > 0
        passed |= passes
        last = Probation.gone_on(last, range(size)) if passes else None
        if last and last.over:
            return True, size
    return passed, 0


def _simulate() -> None:
    """A person answers for the pictures in the order given, some at a time; the AUC is on all the others."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    sets = {
        "scanned digits (scikit-learn's), kept: 2, 3, 5 and 8": (
            digits.data.astype(np.float32), np.isin(digits.target, (2, 3, 5, 8)).astype(np.int64)
        ),
        "2,000 points in 60 clusters of unequal size, a third of the clusters kept": _clusters(),
    }  # fmt: skip
    for name, (vectors, verdicts) in sets.items():
        print(f"\n{name}: AUC on the rest after so many labels (mean of {SEEDS})")
        print(f"{'labels':>18} " + " ".join(f"{(number + 1) * ROUND:>6}" for number in range(ROUNDS)))
        for order, choose in (("random", _random), ("uncertain", _uncertain), ("uncertain, spread", _spread)):
            curves = np.asarray([list(_person(vectors, verdicts, choose, seed)) for seed in range(SEEDS)])
            print(f"{order:>18} " + " ".join(f"{auc:>6.3f}" for auc in curves.mean(axis=0)))


def _clusters() -> tuple[Floats, npt.NDArray[np.int64]]:
    chance = np.random.default_rng(7)
    middles = chance.normal(size=(60, 64)) * 2
    kept = chance.random(60) < 1 / 3
    members = np.minimum(59, chance.geometric(0.05, 2_000) - 1)
    return (middles[members] + chance.normal(size=(2_000, 64)) * 1.5).astype(np.float32), kept[members].astype(np.int64)


def _person(vectors: Floats, verdicts: npt.NDArray[np.int64], choose: Order, seed: int) -> Iterator[float]:
    from sklearn.metrics import roc_auc_score

    from curated.taste.keeping import fit

    chance = np.random.default_rng(seed)
    labelled = chance.permutation(len(verdicts))[:ROUND]
    for _ in range(ROUNDS):
        rest = np.setdiff1d(np.arange(len(verdicts)), labelled)
        model = fit(vectors[labelled], verdicts[labelled], labelled)
        chances = model.chances(vectors[rest])
        yield float(roc_auc_score(verdicts[rest], chances))
        labelled = np.concatenate([labelled, rest[choose(vectors[rest], chances, chance)[:ROUND]]])


def _random(_vectors: Floats, chances: Floats, chance: np.random.Generator) -> npt.NDArray[np.int64]:
    return chance.permutation(len(chances))


def _uncertain(_vectors: Floats, chances: Floats, _chance: np.random.Generator) -> npt.NDArray[np.int64]:
    return np.argsort(np.abs(chances - 0.5), kind="stable")


def _spread(vectors: Floats, chances: Floats, _chance: np.random.Generator) -> npt.NDArray[np.int64]:
    from curated.taste.spreading import spread
    from curated.taste.tasks import SpreadTask
    from curated.taste.training import doubtful_among

    doubt = 0.5 - np.abs(chances - 0.5)
    most = np.argsort(-doubt, kind="stable")[: doubtful_among(len(doubt))]
    task = SpreadTask([each.astype(np.float16).tobytes() for each in vectors[most]], doubt[most].tolist())
    return most[spread(task).order]


if __name__ == "__main__":
    main()
