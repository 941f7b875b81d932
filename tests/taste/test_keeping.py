"""What a training says of itself must be so."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from curated.domain import Status
from curated.state.labels import Labels
from curated.taste import Taste, predict, trainings
from curated.taste.figures import Figures
from curated.taste.keeping import learn_taste
from curated.taste.tasks import TasteTask
from tests.support.filing_world import NOON, World
from tests.taste.test_predict import MODEL, SIZE, add

GOOD = np.eye(SIZE)[0] * 2


def label(world: World, number: int, chance: np.random.Generator, noise: float = 1.0) -> None:
    for place in range(number):
        look, verdict = (GOOD, "keep") if place % 2 else (-GOOD, "trash")
        add(world, look + chance.normal(size=SIZE) * noise, verdict)


def test_the_stored_model_says_what_the_training_said(world: World) -> None:
    chance = np.random.default_rng(0)
    label(world, 60, chance)
    ids = [add(world, chance.normal(size=SIZE) * 2) for _ in range(30)]
    predict(Labels(world.database))
    taste = Taste.newest(world.database)
    assert taste.embedder == MODEL
    for photo_id in ids:
        vector = world.store.embedding(photo_id)[1]
        assert world.store.get(photo_id).keep_score == pytest.approx(float(taste.chances([vector])[0]), abs=1e-4)


def test_what_earns_no_trust_sorts_nothing_and_says_how_many_more_labels_it_wants(world: World) -> None:
    chance = np.random.default_rng(1)
    for number in range(40):
        add(world, chance.normal(size=SIZE), "keep" if number % 2 else "trash")
    unlabelled = add(world, chance.normal(size=SIZE))
    figures = predict(Labels(world.database))
    assert not figures.earns_trust
    assert figures.more_labels > 0
    assert world.store.get(unlabelled).keep_score is None
    assert [photo.id for photo in world.store.photos(sort="uncertain", limit=1)] == [unlabelled]


def test_probabilities_are_calibrated(world: World) -> None:
    """A fifth of the verdicts are mistakes: chances near 0 and 1 would be wrong far too often."""
    chance = np.random.default_rng(2)
    for number in range(240):
        verdict = "keep" if (number % 2) ^ (chance.random() < 0.2) else "trash"
        add(world, (GOOD if number % 2 else -GOOD) + chance.normal(size=SIZE), verdict)
    figures = predict(Labels(world.database))
    assert figures.earns_trust
    assert sum(each.pictures for each in figures.calibration) == 240
    assert np.mean([abs(each.said - each.kept) for each in figures.calibration]) < 0.08, figures.calibration
    assert figures.brier < 0.2


def test_a_taste_that_is_only_of_dates_and_sizes_earns_no_trust(world: World) -> None:
    """Its embedding knows what the size tells better: it must not be said to have learnt a look."""
    chance = np.random.default_rng(3)
    for number in range(120):
        keep = number % 2
        photo = add(world, (GOOD if keep else -GOOD) * 0.2 + chance.normal(size=SIZE), "keep" if keep else "trash")
        world.database.execute("UPDATE photo SET size = ? WHERE id = ?", (5_000_000 if keep else 2_000, photo))
    figures = predict(Labels(world.database))
    assert figures.facts_auc > 0.95
    assert figures.facts_auc > figures.auc
    assert not figures.earns_trust


def test_more_labels_make_a_longer_and_rising_curve(world: World) -> None:
    label(world, 160, np.random.default_rng(4), noise=3.0)
    curve = predict(Labels(world.database)).curve
    assert [point.labels for point in curve] == [20, 40, 80, 128], "each fold learns from four fifths"
    assert curve[-1].auc > curve[0].auc


def curve_of_noise(verdicts: list[int], groups: list[int]) -> list[int]:
    """How many labels each point of the curve is by, where the look has nothing to do with the verdicts."""
    chance = np.random.default_rng(10)
    task = TasteTask(
        embedder=MODEL,
        vectors=[chance.normal(size=SIZE).astype(np.float16).tobytes() for _ in verdicts],
        verdicts=verdicts,
        groups=groups,
        facts=[[float(chance.normal())] for _ in verdicts],
    )
    return [point.labels for point in learn_taste(task).figures.curve]


def test_a_point_of_the_curve_tells_how_many_labels_it_really_took() -> None:
    """Groups of thirty stay together: twenty labels are not to be had."""
    verdicts = [number // 30 % 2 for number in range(600)]
    counts = curve_of_noise(verdicts, [number // 30 for number in range(600)])
    assert all(count >= 60 for count in counts), "one group of either verdict at the least"
    assert counts == sorted(set(counts))


def test_no_point_of_the_curve_is_by_more_labels_than_the_last() -> None:
    """A burst of seventy among a hundred labels: with it, a drawing has more than the folds."""
    verdicts = [number % 2 for number in range(30)] + [1] * 70
    counts = curve_of_noise(verdicts, [*range(30), *[100] * 70])
    assert counts == sorted(set(counts)), counts


def test_facts_that_tell_only_by_their_ratio_are_a_baseline_to_be_beaten(world: World) -> None:
    """Who trashes what is heavily compressed has no eye for looks; neither bytes nor pixels alone tell it."""
    chance = np.random.default_rng(11)
    for number in range(120):
        keep = number % 2
        photo = add(world, chance.normal(size=SIZE), "keep" if keep else "trash")
        pixels = 10 ** chance.uniform(5, 7.5)
        size = pixels * (0.4 if keep else 0.25) * 1.2 ** chance.normal()
        side = int(pixels**0.5)
        world.database.execute(
            "UPDATE photo SET size = ?, width = ?, height = ? WHERE id = ?", (int(size), side, side, photo)
        )
    assert predict(Labels(world.database)).facts_auc > 0.9


def test_every_training_is_remembered(world: World) -> None:
    chance = np.random.default_rng(5)
    label(world, 40, chance)
    first = predict(Labels(world.database))
    label(world, 20, chance)
    second = predict(Labels(world.database))
    assert trainings(world.database) == [first, second]
    assert (first.labels, second.labels) == (40, 60)


def test_pictures_of_other_embedders_have_no_score(world: World) -> None:
    chance = np.random.default_rng(6)
    label(world, 40, chance)
    other = add(world, chance.normal(size=SIZE))
    world.database.execute("UPDATE embedding SET model = 'another' WHERE photo_id = ?", (other,))
    predict(Labels(world.database))
    assert world.store.get(other).keep_score is None


def test_scores_of_what_is_labelled_or_gone_meanwhile_are_forgotten(world: World) -> None:
    chance = np.random.default_rng(7)
    label(world, 60, chance)
    ids = [add(world, GOOD) for _ in range(3)]
    predict(Labels(world.database))
    assert all(world.store.get(each).keep_score for each in ids)
    world.store.set_status(ids[0], Status.MISSING, "gone")
    world.database.execute("UPDATE photo SET verdict = 'keep' WHERE id = ?", (ids[1],))
    predict(Labels(world.database))
    assert [world.store.get(each).keep_score is None for each in ids] == [True, True, False]


def test_asking_goes_round_the_looks_before_it_asks_for_one_again(world: World) -> None:
    """Thirty looks of ten pictures each, all of them doubtful: the first thirty asked for show most looks."""
    chance = np.random.default_rng(8)
    label(world, 60, chance, noise=0.5)
    looks = {}
    for look in range(30):
        middle = np.concatenate([[0.0], chance.normal(size=SIZE - 1) * 4])
        for _ in range(10):
            looks[add(world, middle + chance.normal(size=SIZE) * 0.1)] = look
    predict(Labels(world.database))
    first = [photo.id for photo in world.store.photos(sort="uncertain", limit=25)]
    assert len({looks[photo_id] for photo_id in first}) >= 20


@pytest.mark.parametrize(
    ("auc", "low", "facts", "gain_low", "wanted"),
    [(0.9, 0.8, 0.6, 0.2, 25), (0.7, 0.45, 0.5, -0.05, 267), (0.4, 0.3, 0.5, -0.2, 100)],
)
def test_how_many_more_labels_follows_from_the_width_of_the_interval(
    auc: float, low: float, facts: float, gain_low: float, wanted: int
) -> None:
    """Trust goes by intervals of 3 standard errors, half again as wide as those that are shown."""
    figures = Figures(
        embedder="x", kept=50, trashed=50, groups=100, auc=auc, auc_low=low, auc_high=1.0, facts_auc=facts,
        gain_low=gain_low, average_precision=0.5, base_rate=0.5, brier=0.2, base_brier=0.25, regularisation=0.1,
    )  # fmt: skip
    assert figures.more_labels == wanted


def test_what_an_older_taste_scores_while_it_learns_is_scored_anew(world: World) -> None:
    label(world, 60, np.random.default_rng(9))
    good, gone = add(world, GOOD), add(world, GOOD)
    labels = Labels(world.database)
    predict(labels)

    def clock() -> datetime:
        """Asked when all that was there has a score, and before that is kept."""
        labels.set_score(good, 0.01, 0.01)
        world.database.execute("UPDATE photo SET keep_score = 0.02 WHERE id = ?", (gone,))
        world.database.execute("DELETE FROM embedding WHERE photo_id = ?", (gone,))
        return NOON

    predict(labels, clock)
    assert world.store.get(good).keep_score > 0.5
    assert world.store.get(gone).keep_score is None, "nothing can be said of it any more"


def test_what_comes_in_while_it_learns_has_its_chance_too(world: World) -> None:
    label(world, 60, np.random.default_rng(9))
    early, late = add(world, GOOD), []

    def clock() -> datetime:
        """Asked when the training has ended, and again when all that was there has a score."""
        late.append(add(world, GOOD))
        return NOON

    predict(Labels(world.database), clock)
    assert len(late) == 2
    assert all(world.store.get(each).keep_score > 0.5 for each in (early, *late))
