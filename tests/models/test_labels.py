"""ImageNet's labels as names: sure ones only, in plain words, none that embarrass."""

import numpy as np
import pytest

from curated.models.lite.labels import BLOCKED, animal_chances, best_labels, likelihoods, names, usable_label


def chances(**likely: float) -> np.ndarray:
    row = np.zeros((1, 1000), np.float32)
    for name, chance in likely.items():
        row[0, names().index(name.replace("_", " "))] = chance
    return row


def test_there_is_a_name_for_every_class() -> None:
    assert len(names()) == 1000


def test_likelihoods_sum_to_one() -> None:
    logits = np.random.default_rng(0).normal(0, 9, (4, 1000)).astype(np.float32)
    np.testing.assert_allclose(likelihoods(logits).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("label", sorted(BLOCKED & set(names())))
def test_a_blocked_label_is_never_said(label: str) -> None:
    assert usable_label([(label, 0.999)], 0.5, 0) is None


@pytest.mark.parametrize("label", ["gorilla", "baboon", "hippopotamus", "ballplayer"])
def test_people_are_called_no_names(label: str) -> None:
    assert usable_label([(label, 0.999)], 0.5, 1) is None


def test_an_unsure_label_is_not_said() -> None:
    assert usable_label([("castle", 0.49)], 0.5, 0) is None
    assert usable_label([("castle", 0.51)], 0.5, 0) == "castle"
    assert usable_label([("castle", 0.51)], 0.5, 2) is None
    assert usable_label([], 0.5, 0) is None


def test_an_unsure_breed_is_a_dog() -> None:
    assert best_labels(chances(beagle=0.4, basset=0.35))[0][0] == ("dog", pytest.approx(0.75))
    assert best_labels(chances(beagle=0.9, basset=0.05))[0][0][0] == "beagle"
    assert best_labels(chances(jeep=0.3, convertible=0.3))[0][0][0] == "car"


def test_labels_are_in_the_words_people_use() -> None:
    assert best_labels(chances(beacon=0.9))[0][0][0] == "lighthouse"


def test_animals_are_known_as_such() -> None:
    assert animal_chances(np.vstack([chances(tabby=0.8, castle=0.2), chances(castle=1.0)])) == pytest.approx([0.8, 0])
