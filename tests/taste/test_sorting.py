"""What a category is said to be worth holds on pictures that its threshold was not chosen by."""

from __future__ import annotations

import numpy as np

from curated.taste.sorting import _chosen, _Said, learn_categories
from curated.taste.tasks import CategoryFigures, CategoryTask

SIZE = 8


def task(vectors: np.ndarray, labels: list[int], groups: list[int] | None = None, ruled: int = 0) -> CategoryTask:
    return CategoryTask(
        embedder="x",
        categories=["Photos", "Plans"],
        vectors=[each.astype(np.float16).tobytes() for each in vectors],
        rules=[[0.9, 0.0]] * len(labels),
        ruled=[ruled] * len(labels),
        labels=labels,
        groups=groups or list(range(len(labels))),
        precision=0.9,
    )


def learnt(asked: CategoryTask) -> dict[str, CategoryFigures]:
    return {each.category: each for each in learn_categories(asked).figures}


def test_what_can_be_told_apart_files_by_itself() -> None:
    chance = np.random.default_rng(0)
    labels = [number % 2 for number in range(60)]
    vectors = np.asarray([np.eye(SIZE)[label] * 4 + chance.normal(size=SIZE) for label in labels])
    for figures in learnt(task(vectors, labels)).values():
        assert figures.precision >= 0.9
        assert figures.filed >= 25
        assert figures.threshold <= 1


def test_noise_is_given_no_threshold_however_common_the_category() -> None:
    """Of a category that holds 85 % anyway, luck makes nine in ten right in every sixth training."""
    given = 0
    for seed in range(10):
        chance = np.random.default_rng(seed)
        labels = [int(chance.random() < 0.85) for _ in range(100)]
        for figures in learnt(task(chance.normal(size=(100, SIZE)), labels)).values():
            assert (figures.filed == 0) == (figures.threshold > 1)
            assert figures.filed == 0 or figures.precision >= 0.9
            given += figures.filed > 0
    assert given == 0


def test_twenty_pictures_of_one_burst_prove_as_much_as_one() -> None:
    chance = np.random.default_rng(1)
    middle = [np.eye(SIZE)[label] * 4 for label in (0, 1)]
    singles = [number % 2 for number in range(12)]
    labels = [*singles, *[0] * 20, *[1] * 20]
    vectors = np.asarray([middle[label] + chance.normal(size=SIZE) * 0.1 for label in labels])
    apart = [*range(12), *[100] * 20, *[200] * 20]
    alone = learnt(task(vectors, labels))["Photos"]
    together = learnt(task(vectors, labels, apart))["Photos"]
    assert alone.filed > 0
    assert together.filed == 0, "seven pictures at the most are too few to be sure of nine in ten"


def test_what_the_rules_are_worth_is_by_what_they_would_really_file() -> None:
    chance = np.random.default_rng(2)
    labels = [number % 2 for number in range(40)]
    figures = learnt(task(chance.normal(size=(40, SIZE)), labels, ruled=-1))
    assert (figures["Photos"].rules_filed, figures["Photos"].rules_precision) == (0, 0.0)
    figures = learnt(task(chance.normal(size=(40, SIZE)), labels, ruled=0))
    assert (figures["Photos"].rules_filed, figures["Photos"].rules_precision) == (40, 0.5)


def test_the_strength_that_judges_a_picture_was_not_chosen_by_it() -> None:
    folds = np.array([0, 0, 1, 1])
    by_weak, by_strong = _Said(np.full((4, 1), 0.1), folds), _Said(np.full((4, 1), 0.2), folds)
    # The weak one suits the first fold, the strong one the second.
    quality = np.array([[0.0, 0.0, -9.0, -9.0], [-5.0, -5.0, 0.0, 0.0]])
    chosen = _chosen([by_weak, by_strong], quality)
    assert chosen.chances[:, 0].tolist() == [0.2, 0.2, 0.1, 0.1]
