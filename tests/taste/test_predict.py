from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from curated.errors import NotFound
from curated.state.labels import Labels
from curated.taste import predict
from curated.taste.models import Taste
from tests.support.filing_world import NOON, World

SIZE = 16
MODEL = "scripted-1"


def add(world: World, vector: np.ndarray, verdict: str | None = None, twin_of: int | None = None) -> int:
    """A filed picture with that embedding."""
    number = world.database.execute("SELECT count(*) FROM photo").fetchone()[0]
    photo, _ = world.file([world.put(f"IMG_{number}.jpg", f"{number}")], [world.library / f"{number}.jpg"])
    world.store.set_embedding(photo.id, MODEL, vector.astype(np.float16).tobytes())
    if verdict:
        world.store.set_verdict(photo.id, verdict, NOON)
    if twin_of:
        world.store.set_twin(photo.id, twin_of, "near", 2)
    return photo.id


def thirty_of_each(world: World) -> tuple[np.ndarray, np.ndarray]:
    """What the kept look like, and the trashed; there are thirty of each."""
    chance = np.random.default_rng(0)
    good, bad = np.eye(SIZE)[0] * 3, -np.eye(SIZE)[0] * 3
    for _ in range(30):
        add(world, good + chance.normal(size=SIZE), "keep")
        add(world, bad + chance.normal(size=SIZE), "trash")
    return good, bad


@pytest.mark.own_process
def test_what_is_like_the_kept_scores_above_what_is_like_the_trashed(world: World) -> None:
    good, bad = thirty_of_each(world)
    like_good, like_bad = add(world, good), add(world, bad)
    figures = predict(Labels(world.database))
    assert (figures.kept, figures.trashed, figures.scored) == (30, 30, 2)
    assert figures.auc > 0.9
    assert figures.earns_trust
    scores = {photo.id: photo.keep_score for photo in world.store.photos(sort="keep")}
    assert scores[like_good] > 0.5 > scores[like_bad]
    assert next(iter(scores)) == like_good, "sorted by it"
    assert next(score for photo, score in scores.items() if photo not in (like_good, like_bad)) is None


def test_an_embedding_that_is_no_numbers_harms_nobody(world: World) -> None:
    good, _ = thirty_of_each(world)
    one_inf = good.copy()
    one_inf[3] = np.inf
    cut = np.frombuffer(good.astype(np.float16).tobytes()[:-1], np.uint8)
    unsound = (np.full(SIZE, np.nan), np.full(SIZE, np.inf), one_inf, -one_inf, good[:-1], np.zeros(0))
    for each in unsound:
        add(world, each, "keep")
    fine, broken = add(world, good), [add(world, each) for each in unsound]
    world.store.set_embedding(broken[-1], MODEL, cut.tobytes())
    figures = predict(Labels(world.database))
    assert (figures.kept, figures.trashed, figures.scored) == (30, 30, 1)
    assert figures.earns_trust
    assert (world.store.get(fine).keep_score or 0.0) > 0.5
    assert [world.store.get(each).keep_score for each in broken] == [None] * len(broken)
    taste = Taste.newest(world.database)
    assert taste is not None
    assert taste.opinion(float("nan")) == (None, 0.0)
    assert next(world.store.photos(sort="uncertain")).id == fine, "what nothing can be said of is asked about last"


def test_noise_earns_no_trust(world: World) -> None:
    chance = np.random.default_rng(1)
    for number in range(60):
        add(world, chance.normal(size=SIZE), "keep" if number % 2 else "trash")
    figures = predict(Labels(world.database))
    assert not figures.earns_trust


def test_twins_in_both_halves_would_flatter_and_do_not(world: World) -> None:
    """Each group has a look and a verdict of its own: only its own twins can tell the verdict."""
    chance = np.random.default_rng(2)
    heads = {}
    for group in range(30):
        look, verdict = chance.normal(size=SIZE) * 4, "keep" if group % 2 else "trash"
        for _ in range(3):
            photo = add(world, look + chance.normal(size=SIZE) * 0.01, verdict, heads.get(group))
            heads.setdefault(group, photo)
    grouped = predict(Labels(world.database))
    assert grouped.groups == 30
    assert grouped.auc < 0.75
    world.database.execute("UPDATE photo SET twin_of = NULL")
    leaking = predict(Labels(world.database))
    assert leaking.auc > grouped.auc + 0.2


def test_too_few_labels_say_how_many_are_wanted(world: World) -> None:
    for _ in range(12):
        add(world, np.ones(SIZE), "keep")
    with pytest.raises(NotFound, match="12 kept and 0 trashed, at least 10 of each"):
        predict(Labels(world.database))


def test_what_calls_it_imports_no_scikit_learn() -> None:
    code = "import sys, curated.taste, curated.cli.predict; print('sklearn' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.own_process
def test_a_file_named_like_a_module_in_the_working_directory_is_not_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sklearn.py").write_text("raise SystemExit('code of a stranger ran')")
    monkeypatch.chdir(tmp_path)
    chance = np.random.default_rng(6)
    for number in range(24):
        add(world, chance.normal(size=SIZE), "keep" if number % 2 else "trash")
    assert predict(Labels(world.database)).kept == 12
