from __future__ import annotations

import numpy as np
import pytest

from curated.errors import NotFound
from curated.state.labels import Labels
from curated.taste import predict
from tests.support.filing_world import World
from tests.taste.test_predict import SIZE, add


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_many_labels_of_few_groups_of_twins_are_too_few(world: World, groups: int) -> None:
    chance = np.random.default_rng(3)
    heads: dict[int, int] = {}
    for number in range(20):
        add(world, chance.normal(size=SIZE), "keep")
        group = number % groups
        photo = add(world, chance.normal(size=SIZE), "trash", heads.get(group))
        heads.setdefault(group, photo)
    with pytest.raises(NotFound, match=f"20 kept and 20 trashed.* only {groups} group"):
        predict(Labels(world.database))


def test_five_groups_of_each_are_enough(world: World) -> None:
    chance = np.random.default_rng(4)
    heads: dict[int, int] = {}
    for number in range(40):
        group = number % 10
        photo = add(world, chance.normal(size=SIZE), "keep" if group % 2 else "trash", heads.get(group))
        heads.setdefault(group, photo)
    assert predict(Labels(world.database)).groups == 10


def test_uneven_groups_are_judged_as_well_as_can_be(world: World) -> None:
    """Groups of which one holds nearly all, and some both kept and trashed ones."""
    chance = np.random.default_rng(5)
    for verdict in ("keep", "trash"):
        head = None
        for _ in range(12):
            photo = add(world, chance.normal(size=SIZE), verdict, head)
            head = head or photo
        for _ in range(4):
            single = add(world, chance.normal(size=SIZE), verdict)
    for verdict in ("keep", "trash"):
        add(world, chance.normal(size=SIZE), verdict, single)
    assert predict(Labels(world.database)).groups == 10


def test_one_big_group_on_each_side_leaves_few_to_train_on_and_still_ends(world: World) -> None:
    chance = np.random.default_rng(6)
    for verdict in ("keep", "trash"):
        head = None
        for _ in range(6):
            photo = add(world, chance.normal(size=SIZE), verdict, head)
            head = head or photo
        for _ in range(4):
            add(world, chance.normal(size=SIZE), verdict)
    figures = predict(Labels(world.database))
    assert (figures.kept, figures.trashed, figures.groups) == (10, 10, 10)
