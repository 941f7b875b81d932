"""Luck passes a test now and then: what was learnt counts when a training by enough new labels says the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from curated.config import Config
from curated.domain import Status
from curated.state.labels import Labels
from curated.taste import learn_categories, learnt_categories, predict, trainings
from curated.taste.figures import Figures
from curated.taste.probation import Probation, earlier
from tests.support.filing_world import NOON, World
from tests.taste.test_categories import confirm_each, decided, look
from tests.taste.test_keeping import label
from tests.taste.test_predict import MODEL, SIZE, add

FIRST, EVERY, TRAININGS = 40, 25, 20


def figures_of(verdicts: np.ndarray, scores: np.ndarray) -> Figures:
    """Figures of a predictor with those scores; the facts are known to say nothing."""
    kept, trashed = scores[verdicts == 1], scores[verdicts == 0]
    auc = float((kept[:, None] > trashed[None]).mean())
    # DeLong 1988: the standard error of an AUC.
    above, below = (kept[:, None] > trashed[None]).mean(axis=1), (kept[:, None] > trashed[None]).mean(axis=0)
    error = float(np.sqrt(above.var(ddof=1) / len(kept) + below.var(ddof=1) / len(trashed)))
    return Figures(
        embedder="x", kept=len(kept), trashed=len(trashed), groups=len(verdicts), auc=auc, auc_low=auc - 1.96 * error,
        auc_high=auc + 1.96 * error, facts_auc=0.5, gain_low=auc - 0.5 - 1.96 * error, average_precision=0.5,
        base_rate=0.5, brier=0.2, base_brier=0.25, regularisation=0.1,
    )  # fmt: skip


@dataclass(frozen=True)
class Sequence:
    """Whether any training would have passed the test of one alone, and which first earned trust."""

    looked_good: bool
    trusted_at: int | None


def sequence(seed: int, signal: float) -> Sequence:
    chance = np.random.default_rng(seed)
    verdicts = np.arange(FIRST + EVERY * TRAININGS) % 2
    scores = chance.normal(size=len(verdicts)) + signal * verdicts
    last, looked_good, trusted_at = None, False, None
    for number in range(TRAININGS):
        labels = FIRST + EVERY * number
        found = figures_of(verdicts[:labels], scores[:labels])
        looked_good |= found.auc_low > 0.5 and found.gain_low > 0
        last = Probation.gone_on(last, range(labels)) if found.passes else None
        if last and last.over and trusted_at is None:
            trusted_at = labels
    return Sequence(looked_good, trusted_at)


def test_luck_that_is_tried_at_each_of_twenty_trainings_earns_trust_in_less_than_one_sequence_of_a_hundred() -> None:
    found = [sequence(seed, signal=0.0) for seed in range(600)]
    assert sum(each.looked_good for each in found) > 60, "one training alone is a bad judge"
    assert sum(each.trusted_at is not None for each in found) < 6


def test_a_real_liking_earns_trust_soon() -> None:
    """A signal of one standard deviation: an AUC of 0.76."""
    found = [sequence(seed, signal=1.0) for seed in range(100)]
    assert all(each.trusted_at is not None for each in found)
    assert np.median([each.trusted_at for each in found]) <= 120


def test_a_taste_is_on_probation_until_enough_new_labels_bear_it_out(world: World) -> None:
    chance = np.random.default_rng(0)
    label(world, 40, chance)
    unlabelled = add(world, np.eye(SIZE)[0] * 2)
    labels = Labels(world.database)
    first = predict(labels)
    assert (first.passes, first.on_probation, first.earns_trust, first.more_labels) == (True, True, False, 25)
    assert world.store.get(unlabelled).keep_score is None
    label(world, 10, chance)
    second = predict(labels)
    assert (second.on_probation, second.more_labels) == (True, 15)
    label(world, 15, chance)
    third = predict(labels)
    assert (third.earns_trust, third.more_labels, third.scored) == (True, 0, 1)
    assert world.store.get(unlabelled).keep_score > 0.5
    assert trainings(world.database)[-1].earns_trust, "it is stored with the model"


def test_trust_is_lost_at_once_and_has_to_be_earned_anew(world: World) -> None:
    chance = np.random.default_rng(1)
    label(world, 60, chance)
    unlabelled = add(world, np.eye(SIZE)[0] * 2)
    labels = Labels(world.database)
    assert predict(labels).earns_trust
    right = {photo_id: world.store.get(photo_id).verdict for photo_id in range(1, 61)}
    for photo_id in right:
        world.store.set_verdict(photo_id, "keep" if photo_id % 4 < 2 else "trash", NOON)
    assert not predict(labels).passes, "the person has changed their mind, and the look tells nothing any more"
    assert world.store.get(unlabelled).keep_score is None
    for photo_id, verdict in right.items():
        world.store.set_verdict(photo_id, verdict, NOON)
    assert predict(labels).on_probation


def test_a_taste_of_another_embedder_is_a_new_one(world: World) -> None:
    chance = np.random.default_rng(2)
    label(world, 40, chance)
    labels = Labels(world.database)
    assert predict(labels).on_probation
    world.database.execute("UPDATE embedding SET model = 'another'")
    assert predict(labels).probation == Probation(since=40, wanted=25, left=25)
    assert trainings(world.database)[0].embedder == MODEL


def test_hundreds_of_labels_need_not_wait_for_more_if_the_earlier_ones_say_the_same(world: World) -> None:
    label(world, 60, np.random.default_rng(3))
    assert predict(Labels(world.database)).earns_trust


@pytest.mark.parametrize(("labels", "before"), [(20, 0), (45, 20), (125, 100), (600, 500), (10_000, 2_000)])
def test_the_training_before_the_first_is_by_so_many_labels_fewer(labels: int, before: int) -> None:
    found = earlier([labelled(number) for number in range(labels)])
    assert [sample.nth for sample in found] == list(range(before))


def test_labels_given_at_one_moment_are_not_torn_apart() -> None:
    assert not earlier([labelled(7) for _ in range(100)])
    assert len(earlier([labelled(number // 10) for number in range(100)])) == 70


def labelled(nth: int) -> object:
    return type("Label", (), {"nth": nth})()


def test_a_category_files_by_itself_when_a_later_training_bears_it_out(world: World) -> None:
    """The models take plans for photos; a person has filed them under a category of their own."""
    chance = np.random.default_rng(4)
    confirm_each(world, 15, chance)
    labels = Labels(world.database)
    first = {each.category: each for each in learn_categories(labels, Config())}
    assert first["Plans"].on_probation
    assert first["Plans"].probation == first["Photos"].probation
    assert first["Plans"].probation.left == 25
    waiting = decided(world, Config(), look("Plans", chance))
    assert (waiting.category, waiting.status) == ("Review", Status.REVIEW), "the rules are poor, and nothing is proven"
    confirm_each(world, 13, chance)
    assert all(each.files for each in learn_categories(labels, Config()))
    assert all(each.files for each in learnt_categories(world.database)), "it is stored with the model"
    now = decided(world, Config(), look("Plans", chance))
    assert (now.category, now.status) == ("Plans", Status.FILED)
    # What a person files together has nothing to do with the look any more: the trust is lost at once.
    world.database.execute("UPDATE photo SET category = iif(id % 4 < 2, 'Photos', 'Plans')")
    assert not any(each.files for each in learn_categories(labels, Config()))
    assert decided(world, Config(), look("Plans", chance)).status is Status.REVIEW


def test_what_was_learnt_and_cannot_be_read_is_as_if_it_had_not_been_learnt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    chance = np.random.default_rng(5)
    label(world, 40, chance)
    predict(Labels(world.database))
    world.database.execute(
        "INSERT INTO learnt (role, at, embedder, seen, payload) VALUES ('category', '', '', 0, x'c1')"
    )
    world.database.execute("UPDATE learnt SET payload = x'c1'")
    assert trainings(world.database) == []
    assert learnt_categories(world.database) == []
    assert decided(world, Config(), look("Plans", chance)).category == "Photos"
    assert "`curated predict` learns it anew" in caplog.text
    assert predict(Labels(world.database)).passes
