"""`curated predict` at the command line: what it says of good labels, and one line about bad ones."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import pytest

from curated.cli import predict as command
from curated.config import Config
from curated.state.labels import Labels
from curated.taste import learn_categories
from curated.taste.lock import training_lock
from tests.support.cli_home import Home
from tests.taste.test_background import fails
from tests.taste.test_categories import confirm, confirm_each, look
from tests.taste.test_keeping import label
from tests.taste.test_predict import SIZE, add

LABELS = {
    "one class only": ["keep"] * 30,
    "fewer than folds": ["keep", "trash"] * 2,
    "all in one group": ["keep", "trash"] * 15,
    "embeddings of mixed models": ["keep", "trash"] * 15,
    "no embeddings": ["keep", "trash"] * 15,
}
SAID = {
    "one class only": "30 kept and 0 trashed, at least 10 of each are wanted",
    "fewer than folds": "2 kept and 2 trashed, at least 10 of each are wanted",
    "all in one group": "the kept ones are twins in only 1 group, at least 5 are wanted",
    "embeddings of mixed models": "8 kept and 8 trashed, at least 10 of each are wanted; 14 more have a label, but "
    "embeddings of another model, damaged or none (`curated recurate` mends that)",
    "no embeddings": "0 kept and 0 trashed, at least 10 of each are wanted; 30 more have a label",
}


@pytest.mark.parametrize("what", LABELS)
def test_labels_that_nothing_can_be_learnt_from_are_one_line_and_nothing_is_changed(home: Home, what: str) -> None:
    world = home.world
    chance = np.random.default_rng(0)
    head = None
    for verdict in LABELS[what]:
        photo_id = add(world, chance.normal(size=SIZE), verdict, head if what == "all in one group" else None)
        head = head or photo_id
    if what == "embeddings of mixed models":
        world.database.execute("UPDATE embedding SET model = 'another' WHERE photo_id > 16")
    if what == "no embeddings":
        world.database.execute("DELETE FROM embedding")
    before = list(world.database.connection.iterdump())
    for options in ([], ["--json"]):
        result = home.run("predict", *options)
        assert (result.code, result.out) == (1, "")
        assert SAID[what] in result.err
        assert len(result.err.splitlines()) == 1
    assert list(world.database.connection.iterdump()) == before


def test_where_no_taste_can_be_learnt_no_category_is_either(home: Home) -> None:
    chance = np.random.default_rng(1)
    confirm_each(home.world, 10, chance, "Photos", "Plans")
    assert home.run("predict").code == 1
    assert not home.world.database.execute("SELECT * FROM learnt").fetchall()


def test_it_waits_for_another_training_and_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    label(home.world, 40, np.random.default_rng(3))
    with ExitStack() as other:
        assert other.enter_context(training_lock(home.world.database.path))
        says = command._waiting

        def ends() -> None:
            says()
            other.close()

        monkeypatch.setattr(command, "_waiting", ends)
        result = home.run("predict")
    assert (result.code, result.err) == (
        0, "Another program is training on these labels; waiting for it to end ...\n"
    )  # fmt: skip
    assert "20 kept, 20 trashed" in result.out


def test_what_was_learnt_of_the_taste_is_told_even_if_categories_fail(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(4)
    label(home.world, 40, chance)
    confirm_each(home.world, 8, chance, "Photos", "Plans")
    monkeypatch.setattr("curated.taste.categories.run", fails)
    result = home.run("predict")
    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert "the training failed: no memory" in result.err
    assert "20 kept, 20 trashed" in result.out
    assert "categories          the training failed: no memory" in result.out


def test_it_says_when_what_it_learnt_is_on_probation_and_when_no_longer(home: Home) -> None:
    chance = np.random.default_rng(2)
    label(home.world, 40, chance)
    add(home.world, np.ones(SIZE))
    first = home.run("predict")
    assert first.code == 0
    assert "On probation" in first.out
    assert "until a training by 25 more labels says the same" in first.out
    assert "on probation until 25 more verdicts bear it out" in home.run("status").out
    label(home.world, 26, chance)
    (second,) = home.run("predict", "--json").json
    assert (second["earns_trust"], second["on_probation"], second["scored"]) == (True, False, 1)
    assert ", trusted" in home.run("status").out


def test_status_says_what_becomes_of_what_was_not_learnt_well_enough(home: Home) -> None:
    """What was filed has nothing to do with the look; the rules are half right, and those by words always hold."""
    chance = np.random.default_rng(6)
    for number in range(40):
        confirm(home.world, ("Photos", "Plans")[number % 2], chance.normal(size=SIZE))
    learn_categories(Labels(home.world.database), Config())
    assert "Photos to the review, Plans by the rules" in home.run("status").out
    home.configure('[[category]]\nname = "Photos"\nwords = ["invoice"]')
    assert "Photos by the rules, Plans by the rules" in home.run("status").out


def test_it_says_what_to_confirm_so_that_a_category_can_be_told_from_what_the_rules_say(home: Home) -> None:
    chance = np.random.default_rng(5)
    label(home.world, 40, chance)
    for _ in range(10):
        confirm(home.world, "Plans", look("Plans", chance))
        confirm(home.world, "Figures", look("Memes", chance), kind="meme")
    said = home.run("predict").out
    assert (
        "Plans               10 confirmed; the rules say Photos of most, and too few of those are confirmed to tell "
        "them apart: confirm 8 of them, too (the rules alone never say so)"
    ) in said
