"""Corrections teach categories, and only as far as they are right on pictures that were not learnt from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from curated.config import Config, from_dict
from curated.domain import KINDS, Findings, Picture, Reading, Status
from curated.errors import NotFound
from curated.pipeline.judgement import Judgement
from curated.state.labels import Labels
from curated.taste import learn_categories
from curated.taste.background import Trainer
from tests.support.clock import wait_until
from tests.support.filing_world import NOON, World
from tests.taste.test_predict import MODEL, SIZE, add

LOOKS = {"Photos": 0, "Memes": 1, "Plans": 2}


def look(category: str, chance: np.random.Generator, noise: float = 0.5) -> np.ndarray:
    return np.eye(SIZE)[LOOKS[category]] * 4 + chance.normal(size=SIZE) * noise


def confirm(world: World, category: str, vector: np.ndarray, kind: str = "photo", score: float = 0.9) -> int:
    """A picture that the models take for `kind` and a person filed as `category`."""
    photo_id = add(world, vector)
    at = (NOON + timedelta(milliseconds=photo_id)).isoformat(timespec="microseconds")
    world.database.execute(
        "UPDATE photo SET category = ?, confirmed = ?, kind = ?, kind_scores = ?, people = 0, pixel_hash = 'x', "
        "phash = 'x', phash_wide = 'x', models = ? WHERE id = ?",
        (
            category,
            at,
            kind,
            json.dumps(scores(kind, score)),
            json.dumps({"embedder": MODEL}),
            photo_id,
        ),
    )
    return photo_id


def confirm_each(world: World, number: int, chance: np.random.Generator, *categories: str) -> None:
    """So many pictures of each of these categories (by default Plans and Photos), in turn, that look like it."""
    for _ in range(number):
        for category in categories or ("Plans", "Photos"):
            confirm(world, category, look(category, chance))


def scores(kind: str, score: float = 0.9) -> dict[str, float]:
    return {each: score if each == kind else (1 - score) / 4 for each in KINDS}


def reading(vector: np.ndarray, kind: str = "photo") -> Reading:
    findings = Findings(
        sha256="0" * 64, profile="lite", models={"embedder": MODEL}, kind_scores=scores(kind), people=0,
        people_score=1.0, boxes=(), labels=(), caption="a thing", text="",
        embedding=vector.astype(np.float16).tobytes(),
    )  # fmt: skip
    return Reading(Picture("0" * 64, "", "", "", 640, 480, "JPEG", ".jpg", 1.0), findings)


def decided(world: World, config: Config, vector: np.ndarray, kind: str = "photo"):
    return Judgement(config, world.database).decide(reading(vector, kind), world.unsorted / "IMG_1.jpg")


@pytest.mark.own_process
def test_what_the_rules_get_wrong_is_learnt_from_corrections_and_filed_by_itself(world: World) -> None:
    """The models take plans for photos; a person has filed them under a category of their own."""
    chance = np.random.default_rng(0)
    confirm_each(world, 30, chance)
    before = decided(world, Config(), look("Plans", chance))
    assert (before.category, before.status) == ("Photos", Status.FILED)
    figures = {each.category: each for each in learn_categories(Labels(world.database), Config())}
    assert figures["Plans"].precision > 0.9
    assert figures["Photos"].rules_precision == 0.5
    after = decided(world, Config(), look("Plans", chance))
    assert (after.category, after.folder, after.status) == ("Plans", "Plans", Status.FILED)
    assert "learnt from 30 confirmed pictures" in after.reason
    assert decided(world, Config(), look("Photos", chance)).category == "Photos"


def test_where_neither_rules_nor_learning_are_right_often_enough_the_picture_goes_to_review(world: World) -> None:
    """What a person filed has nothing to do with the look: nothing can be learnt, and the rules are half right."""
    chance = np.random.default_rng(1)
    for number in range(40):
        confirm(world, ("Photos", "Plans")[number % 2], chance.normal(size=SIZE))
    figures = {each.category: each for each in learn_categories(Labels(world.database), Config())}
    assert figures["Photos"].filed < 10
    found = decided(world, Config(), chance.normal(size=SIZE))
    assert found.status is Status.REVIEW
    assert "of 40 confirmed pictures that was right only 50 %" in found.reason.replace("50%", "50 %")


def test_categories_that_nobody_corrected_are_left_to_the_rules(world: World) -> None:
    chance = np.random.default_rng(2)
    confirm_each(world, 12, chance)
    learn_categories(Labels(world.database), Config())
    meme = decided(world, Config(), chance.normal(size=SIZE) * 0.1, kind="meme")
    assert (meme.category, meme.status) == ("Memes", Status.FILED)


def test_a_category_that_too_few_have_confirmed_is_not_taken_for_one_that_was_learnt(world: World) -> None:
    """Memes look most like plans here, and a person has confirmed three of them: the rules are right of all."""
    chance = np.random.default_rng(11)
    for _ in range(30):
        confirm(world, "Plans", look("Plans", chance), kind="document")
        confirm(world, "Photos", look("Photos", chance))
    for _ in range(3):
        confirm(world, "Memes", look("Plans", chance), kind="meme")
    config = from_dict(
        {"category": [{"name": name, "kind": kind} for name, kind in (("Photos", "photo"), ("Memes", "meme"))]}, "test"
    )
    figures = {each.category: each for each in learn_categories(Labels(world.database), config)}
    assert all(each.files for each in figures.values())
    meme = decided(world, config, look("Plans", chance), kind="meme")
    assert (meme.category, meme.status) == ("Memes", Status.FILED)
    # No rule files documents here: what was learnt does.
    assert decided(world, config, look("Plans", chance), kind="document").category == "Plans"


def test_what_the_rules_hide_behind_a_category_that_nobody_confirms_is_said(world: World) -> None:
    """Only what was wrong is corrected: no photo is ever confirmed, and photos would all be taken for plans."""
    chance = np.random.default_rng(12)
    for _ in range(30):
        confirm(world, "Plans", look("Plans", chance))
        confirm(world, "Memes", look("Memes", chance), kind="meme")
    figures = {each.category: each for each in learn_categories(Labels(world.database), Config())}
    assert (figures["Plans"].behind, figures["Plans"].filed) == ("Photos", 0)
    memes = figures["Memes"]
    assert (memes.behind, memes.filed) == ("", 0), "of all that it is asked about, the rules are right already"
    assert (memes.rules_filed, memes.rules_precision) == (30, 1.0)
    assert decided(world, Config(), look("Photos", chance)).category == "Photos"


def test_what_prompts_have_said_is_kept_and_learnt_from(world: World) -> None:
    """The prompts are always right and the rules' other scores say nothing: with them the rules file all of it."""
    chance = np.random.default_rng(13)
    config = from_dict(
        {
            "decide": {"category_margin": 0.2},
            "category": [
                {"name": "Plans", "kind": "photo", "prompts": ["a plan"]},
                {"name": "Photos", "kind": "photo", "prompts": ["a photo"]},
            ],
        },
        "test",
    )
    ids = [confirm(world, ("Photos", "Plans")[number % 2], chance.normal(size=SIZE)) for number in range(40)]
    world.database.execute("UPDATE photo SET profile = 'full'")
    unknown = {each.category: each for each in learn_categories(Labels(world.database), config)}
    assert [each.rules_filed for each in unknown.values()] == [0, 0], "rows from before the prompts were kept"
    for photo_id in ids:
        said = replace(world.store.get(photo_id), category_scores={world.store.get(photo_id).category: 0.9})
        world.store.update(said)
    known = {each.category: each for each in learn_categories(Labels(world.database), config)}
    assert [(each.rules_filed, each.rules_precision) for each in known.values()] == [(20, 1.0), (20, 1.0)]
    assert known["Plans"].precision > 0.9


def test_an_embedding_that_is_no_numbers_is_left_to_the_rules(world: World) -> None:
    chance = np.random.default_rng(14)
    confirm_each(world, 30, chance)
    learn_categories(Labels(world.database), Config())
    one_inf = look("Plans", chance)
    assert decided(world, Config(), one_inf).category == "Plans"
    assert decided(world, Config(), one_inf[:-1]).category == "Photos", "of another length"
    one_inf[5] = np.inf
    assert decided(world, Config(), one_inf).category == "Photos"


def test_rules_with_words_of_the_persons_own_always_hold(world: World) -> None:
    chance = np.random.default_rng(3)
    confirm_each(world, 20, chance)
    config = from_dict(
        {"category": [{"name": "Things", "words": ["thing"]}, {"name": "Photos", "kind": "photo"}]}, "test"
    )
    learn_categories(Labels(world.database), config)
    assert decided(world, config, look("Plans", chance)).category == "Things"


def test_an_embedding_of_another_model_is_left_to_the_rules(world: World) -> None:
    chance = np.random.default_rng(4)
    confirm_each(world, 20, chance)
    learn_categories(Labels(world.database), Config())
    one = reading(look("Plans", chance))
    other = replace(one, findings=replace(one.findings, models={"embedder": "another"}))
    found = Judgement(Config(), world.database).decide(other, world.unsorted / "IMG_1.jpg")
    assert found.category == "Photos"


def test_too_few_or_twins_only_say_what_is_wanted(world: World) -> None:
    chance = np.random.default_rng(5)
    with pytest.raises(NotFound, match="two categories with 8 pictures"):
        learn_categories(Labels(world.database), Config())
    head = None
    for _ in range(20):
        confirm(world, "Photos", look("Photos", chance))
        photo = confirm(world, "Plans", look("Plans", chance))
        if head:
            world.store.set_twin(photo, head, "near", 1)
        head = head or photo
    with pytest.raises(NotFound, match="not all twins"):
        learn_categories(Labels(world.database), Config())


@pytest.mark.own_process
def test_learning_begins_by_itself_after_so_many_new_labels_and_not_before(world: World) -> None:
    chance = np.random.default_rng(6)
    config = from_dict({"taste": {"every": 60}}, "test")
    told: list[str] = []
    trainer = Trainer(config, world.database, told.append)
    for number in range(59):
        add(world, look("Photos" if number % 2 else "Memes", chance), "keep" if number % 2 else "trash")
    assert not trainer.train_if_due()
    add(world, look("Memes", chance), "trash")
    unlabelled = add(world, look("Photos", chance))
    assert trainer.train_if_due()
    wait_until(lambda: told, "the training to end", seconds=60)
    trainer.wait()
    assert told[0].startswith("learnt from 60 verdicts: AUC")
    assert world.store.get(unlabelled).keep_score > 0.5
    assert not trainer.train_if_due()


def test_a_correction_of_what_was_confirmed_before_is_a_new_label(world: World) -> None:
    labels = Labels(world.database)
    chance = np.random.default_rng(9)
    ids = [confirm(world, "Photos", look("Photos", chance)) for _ in range(6)]
    seen = labels.newest_confirmed()
    assert labels.confirmed_since(seen) == 0
    later = (NOON + timedelta(seconds=5)).isoformat(timespec="microseconds")
    world.database.execute("UPDATE photo SET category = 'Plans', confirmed = ? WHERE id <= ?", (later, ids[3]))
    assert labels.confirmed_since(seen) == 4


def test_a_training_that_found_too_little_is_not_tried_again_at_once(world: World) -> None:
    chance = np.random.default_rng(7)
    trainer = Trainer(from_dict({"taste": {"every": 5}}, "test"), world.database)
    for _ in range(6):
        add(world, chance.normal(size=SIZE), "keep")
    assert trainer.train_if_due()
    trainer.wait()
    assert not trainer.train_if_due()


def test_a_new_picture_has_its_chance_as_soon_as_it_is_filed(world: World) -> None:
    chance = np.random.default_rng(8)
    for number in range(60):
        add(world, look("Photos" if number % 2 else "Memes", chance), "keep" if number % 2 else "trash")
    from curated.taste import predict

    predict(Labels(world.database))
    photo_id = add(world, look("Photos", chance))
    Judgement(Config(), world.database).score(photo_id, reading(look("Photos", chance)))
    assert world.store.get(photo_id).keep_score > 0.7
