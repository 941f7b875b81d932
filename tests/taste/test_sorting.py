"""What a category is said to be worth holds on pictures that its threshold was not chosen by."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from curated.taste.sorting import _chosen, _Said, learn_categories
from curated.taste.tasks import CategoryFigures, CategoryTask

SIZE = 8


def task(
    vectors: np.ndarray, labels: list[int], groups: list[int] | None = None, ruled: int = 0, asked: bool = True
) -> CategoryTask:
    return CategoryTask(
        embedder="x",
        categories=["Photos", "Plans"],
        vectors=[each.astype(np.float16).tobytes() for each in vectors],
        rules=[[0.9, 0.0]] * len(labels),
        ruled=[ruled] * len(labels),
        asked=[asked] * len(labels),
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


def two_looks(number: int) -> tuple[np.ndarray, list[int]]:
    """Pictures of Photos (0) and Plans (1) in turn, easily told apart."""
    chance = np.random.default_rng(4)
    labels = [each % 2 for each in range(number)]
    return np.asarray([np.eye(SIZE)[label] * 4 + chance.normal(size=SIZE) * 0.5 for label in labels]), labels


def test_pictures_of_a_category_too_small_to_be_learnt_are_mistakes_of_what_would_file_them() -> None:
    """Six of a third category look like Plans: nothing is known of it, and the model has only two answers."""
    vectors, labels = two_looks(40)
    third = np.tile(np.eye(SIZE)[1] * 4, (6, 1))
    alone = learnt(task(vectors, labels))["Plans"]
    beside = learnt(task(np.vstack([vectors, third]), [*labels, *[-1] * 6]))
    assert alone.precision == 1.0
    assert beside["Plans"].precision < 0.9
    assert beside["Plans"].filed == 0
    assert (beside["Photos"].precision, beside["Photos"].labels, beside["Plans"].labels) == (1.0, 20, 20)


def test_what_the_model_is_not_asked_about_is_none_of_its_merits() -> None:
    vectors, labels = two_looks(40)
    assert all(each.filed > 15 for each in learnt(task(vectors, labels)).values())
    assert [each.filed for each in learnt(task(vectors, labels, asked=False)).values()] == [0, 0]


@pytest.mark.parametrize("seed", range(4))
def test_a_common_category_is_not_told_from_what_the_model_is_never_asked_about(seed: int) -> None:
    """19 of 20 pictures that it is asked about belong there anyway; as many again, of a rule's own, do not."""
    chance = np.random.default_rng(seed)
    labels = [*(int(chance.random() > 0.95) for _ in range(200)), *[1] * 200]
    some = task(chance.normal(size=(400, SIZE)), labels)
    some = msgspec.structs.replace(some, asked=[number < 200 for number in range(400)])
    assert learnt(some)["Photos"].filed == 0


def test_twins_count_as_one_picture_in_every_figure() -> None:
    """Twenty twins that are right are one success."""
    vectors, labels = two_looks(40)
    vectors, labels = np.vstack([vectors, np.tile(np.eye(SIZE)[1] * 4, (20, 1))]), [*labels, *[1] * 20]
    plans = learnt(task(vectors, labels, [*range(40), *[100] * 20], ruled=1))["Plans"]
    assert 15 < plans.filed <= 21
    assert plans.recall == pytest.approx(plans.filed / 21)
    assert (plans.rules_filed, plans.rules_precision) == (41, pytest.approx(21 / 41))
