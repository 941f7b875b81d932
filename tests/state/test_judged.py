"""Which pictures other models have judged is found in one reading of them, of a category by its index."""

from __future__ import annotations

import json

from curated.state.judged import Judged
from tests.state.test_labels import plan_of
from tests.support.filing_world import World


def judged(world: World, category: str, model: str) -> int:
    number = world.database.execute("SELECT count(*) FROM photo").fetchone()[0]
    photo, _ = world.file([world.put(f"{number}.jpg", f"{number}")], [world.library / f"{number}.jpg"])
    world.database.execute(
        "UPDATE photo SET category = ?, models = ? WHERE id = ?", (category, json.dumps({"embedder": model}), photo.id)
    )
    return photo.id


def test_what_other_models_judged_is_found_oldest_first(world: World) -> None:
    old, _, below, elsewhere = (
        judged(world, category, model)
        for category, model in (("People", "a"), ("People", "b"), ("People/Solo", "a"), ("Peoples", "a"))
    )
    found = Judged(world.database)
    assert [ids for _, ids in found.by_others({"embedder": "b"})] == [[old], [below], [elsewhere]]
    assert [ids for _, ids in found.by_others({"embedder": "b"}, "People")] == [[old], [below]]
    assert not found.by_others({"embedder": "b"}, "Memes")


def test_the_whole_library_is_read_once_as_it_lies_and_of_a_category_only_its_own_pictures(world: World) -> None:
    found = Judged(world.database)
    assert plan_of(world, lambda: found.by_others({"embedder": "b"})) == ["SCAN photo"]
    plan = plan_of(world, lambda: found.by_others({"embedder": "b"}, "People"))
    assert not [detail for detail in plan if detail.startswith("SCAN")], plan
    assert [detail for detail in plan if "USING INDEX photo_category" in detail], plan
