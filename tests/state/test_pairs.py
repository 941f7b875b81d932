"""What tells pictures apart, groups, and pairs that are no duplicates."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from curated.domain import Status
from curated.state.database import Database
from curated.state.pairs import Likeness, Pairs
from curated.state.store import Store
from tests.state.conftest import Maker
from tests.support.filing_world import NOON

MOMENT = datetime(2024, 5, 1, 12, 0, 0)


@pytest.fixture
def pairs(database: Database) -> Pairs:
    return Pairs(database)


def ids(photos) -> list[int]:
    return [photo.id for photo in photos]


def test_twins_are_looked_for_among_what_is_in_the_library(pairs: Pairs, make: Maker) -> None:
    hashes = {"phash": "00ff00ff00ff00ff", "phash_wide": "0" * 64, "pixel_hash": "p"}
    for status in (Status.FAILED, Status.UNDONE, Status.MISSING, Status.ARRIVING):
        make(status=status, **hashes)
    make(status=Status.FILED)
    kept = [make(status=s, **hashes) for s in (Status.TRASHED, Status.FILED, Status.REVIEW, Status.DUPLICATE)]
    assert sorted(pairs.hashes()) == [(photo.id, "00ff00ff00ff00ff") for photo in kept]
    assert pairs.with_pixels("p") == ids(kept)
    assert pairs.with_pixels("q") == []
    found = pairs.fingerprint(kept[0].id)
    assert found is not None
    assert (found.sha256, found.pixel_hash, found.text) == (kept[0].sha256, "p", "")
    assert pairs.fingerprint(1) is None
    assert pairs.fingerprint(99) is None


def test_a_picture_with_a_border_is_found_by_what_the_border_encloses_too(pairs: Pairs, make: Maker) -> None:
    photo = make(phash="00ff00ff00ff00ff", phash_wide="0" * 64)
    likeness = Likeness(b"grey", "0f0f0f0f0f0f0f0f", "model-1", bytes(32))
    pairs.set_likeness(photo.id, Likeness(b"old"))
    pairs.set_likeness(photo.id, likeness)
    assert sorted(pairs.hashes()) == [(photo.id, "00ff00ff00ff00ff"), (photo.id, "0f0f0f0f0f0f0f0f")]
    assert pairs.likeness(photo.id) == likeness
    assert list(pairs.codes()) == [(photo.id, "model-1", bytes(32))]
    found = pairs.fingerprint(photo.id)
    assert found is not None
    assert found.likeness == likeness
    assert pairs.likeness(99) is None


def test_a_duplicates_keeper_may_change_and_the_group_follows(pairs: Pairs, store: Store, make: Maker) -> None:
    first, second, third = make(), make(), make()
    store.set_twin(second.id, first.id, "near", 2)
    store.set_status(second.id, Status.DUPLICATE, "")
    assert [(each.keeper.id, ids(each.duplicates)) for each in pairs.groups()] == [(first.id, [second.id])]
    store.set_status(first.id, Status.DUPLICATE, "")
    store.set_twin(first.id, third.id, "near", 1)
    assert [(each.keeper.id, ids(each.duplicates)) for each in pairs.groups()] == [(third.id, [first.id, second.id])]
    for member in (first, second, third):
        group = pairs.group(member.id)
        assert group is not None
        assert group.keeper.id == third.id
    assert pairs.group(make().id) is None


def test_a_duplicate_of_a_duplicate_is_in_the_group_of_its_keeper_and_in_no_other(
    pairs: Pairs, store: Store, make: Maker
) -> None:
    keeper, between, last = make(), make(), make()
    for photo, head in ((between, keeper), (last, between)):
        store.set_status(photo.id, Status.DUPLICATE, "")
        store.database.execute("UPDATE photo SET twin_of = ?, twin_kind = 'near' WHERE id = ?", (head.id, photo.id))
    assert pairs.heads() == [keeper.id]
    found = pairs.group(last.id)
    assert found is not None
    assert (found.keeper.id, ids(found.duplicates)) == (keeper.id, [between.id, last.id])
    assert set(pairs.contents(keeper.id)) == {keeper.id, between.id, last.id}
    pairs.gather(last.id)
    assert store.get(last.id).twin_of == keeper.id
    store.set_status(keeper.id, Status.DUPLICATE, "")
    store.database.execute("UPDATE photo SET twin_of = ? WHERE id = ?", (last.id, keeper.id))
    assert [(each.keeper.id, ids(each.duplicates)) for each in pairs.groups()] == [(keeper.id, [between.id, last.id])]


def test_a_burst_is_a_group_whose_pictures_all_stay_filed(pairs: Pairs, store: Store, make: Maker) -> None:
    head, second, third = make(), make(), make()
    pairs.set_burst(second.id, head.id, 9)
    pairs.set_burst(third.id, head.id, 9)
    group = pairs.group(second.id)
    assert group is not None
    assert (group.keeper.id, group.duplicates, ids(group.burst)) == (second.id, (), [head.id, third.id])
    assert store.get(second.id).status is Status.FILED


def test_photos_taken_near_a_moment_are_found_by_an_index(pairs: Pairs, make: Maker, database: Database) -> None:
    near = make(kind="photo", taken_at=MOMENT + timedelta(seconds=5))
    make(kind="photo", taken_at=MOMENT + timedelta(seconds=50))
    make(kind="screenshot", taken_at=MOMENT)
    make(kind="photo", taken_at=MOMENT, status=Status.DUPLICATE)
    assert pairs.taken_near(MOMENT, timedelta(seconds=10)) == [near.id]
    plan = database.execute(
        "EXPLAIN QUERY PLAN SELECT id FROM photo WHERE taken_at BETWEEN ? AND ? AND +kind = 'photo' "
        "AND +status IN ('filed', 'review') LIMIT 40",
        ("a", "b"),
    ).fetchall()
    assert "photo_taken (taken_at>? AND taken_at<?)" in plan[0]["detail"]


def test_what_is_distinct_is_so_both_ways_and_can_be_forgotten(pairs: Pairs) -> None:
    pairs.set_distinct("b", ["a", "c", "b"], NOON)
    pairs.set_distinct("a", ["b"], NOON)
    assert pairs.distinct_from("b") == {"a", "b", "c"}
    assert pairs.distinct_from("a") == {"b"}
    pairs.forget_distinct("a", ["b"])
    assert pairs.distinct_from("b") == {"b", "c"}
    assert pairs.distinct_from("a") == frozenset()
