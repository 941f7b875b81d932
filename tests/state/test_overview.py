"""The library at a glance: each figure equals what is counted by hand, and is read from an index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from curated.domain import Status
from curated.review import Desk, Review
from curated.state.database import Database
from curated.state.overview import Judged, Overview, ToConfirm
from tests.review.test_desk import carry
from tests.review.test_hand import config_of, filed
from tests.state.conftest import Maker
from tests.support.filing_world import NOON, World


@pytest.fixture
def overview(database: Database) -> Overview:
    return Overview(database)


T = TypeVar("T")


def asked(database: Database, ask: Callable[[], T], *, scans: bool = False) -> T:
    """The answer, after a look at its plans: no table is read from end to end; a whole index may be, where `scans`."""
    statements: list[str] = []
    database.connection.set_trace_callback(statements.append)
    answer = ask()
    database.connection.set_trace_callback(None)
    assert statements
    for statement in statements:
        for row in database.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
            step = row["detail"]
            if step.startswith("SCAN") and "CONSTANT" not in step and "newest" not in step:
                assert scans, step
                assert "COVERING INDEX" in step or "decision_owed" in step  # which has only those owed
    return answer


def test_the_rate_counts_what_was_filed_in_each_minute(overview: Overview, make: Maker) -> None:
    for seconds in (0, 10, 70, 3_540, 3_541):
        make(filed_at=NOON - timedelta(seconds=seconds))
    make(filed_at=None, status=Status.FAILED)
    counted = asked(overview.database, lambda: overview.filed_per_minute(NOON + timedelta(seconds=30)))
    assert counted == (1, *[0] * 56, 1, 1, 1)


def test_what_was_filed_last_comes_first_and_what_is_in_the_trash_does_not_count(
    overview: Overview, make: Maker
) -> None:
    old = make(filed_at=NOON - timedelta(hours=1), category="Memes")
    new = make(filed_at=NOON, status=Status.REVIEW, category="Review", reason="not sure")
    make(filed_at=NOON + timedelta(hours=1), status=Status.TRASHED)
    make(filed_at=None, status=Status.FAILED)
    found = asked(overview.database, lambda: overview.last_filed(5), scans=True)
    assert [each.photo_id for each in found] == [new.id, old.id]
    assert overview.last_filed(1)[0].reason == "not sure"


def test_what_failed_is_listed_with_its_reason(overview: Overview, make: Maker) -> None:
    first = make(Path("/library/Failed/bad\udcff.jpg"), status=Status.FAILED, filed_at=None, reason="cut short")
    second = make(status=Status.FAILED, filed_at=None)
    make()
    found = asked(overview.database, lambda: overview.failed(5))
    assert [(each.photo_id, each.file) for each in found] == [(second.id, second.path), (first.id, first.path)]
    assert found[1].reason == "cut short"


def test_categories_are_counted_by_status(overview: Overview, make: Maker) -> None:
    for status in (Status.FILED, Status.FILED, Status.DUPLICATE):
        make(category="Memes", status=status)
    make(category=None, status=Status.FAILED)
    make(category="Memes", status=Status.ARRIVING)
    assert asked(overview.database, overview.categories, scans=True) == {
        "Memes": {Status.FILED: 2, Status.DUPLICATE: 1},
        "": {Status.FAILED: 1},
    }


def test_judgements_are_counted(overview: Overview, make: Maker) -> None:
    make(verdict="keep", keep_score=0.5)
    make(verdict="trash", status=Status.TRASHED)
    make(confirmed=NOON)
    make()
    assert asked(overview.database, overview.judged, scans=True) == Judged(kept=1, trashed=1, confirmed=1, scored=1)


def test_keep_scores_are_found_by_id_and_by_threshold(overview: Overview, make: Maker) -> None:
    low, lower, high = make(keep_score=0.04), make(keep_score=0.01), make(keep_score=0.5)
    none, kept = make(), make(keep_score=0.02, verdict="keep")
    found = asked(overview.database, lambda: overview.scores([high.id, none.id, low.id]))
    assert found == {high.id: 0.5, low.id: 0.04}
    assert asked(overview.database, lambda: overview.scored_below(0.05)) == [lower.id, low.id]
    assert kept.id not in overview.scored_below(1.0)


def test_more_ids_than_a_statement_takes_are_asked_for_in_parts(overview: Overview, make: Maker) -> None:
    photo = make(keep_score=0.5)
    assert overview.scores([*range(10_000, 45_000), photo.id]) == {photo.id: 0.5}


def test_the_trash_says_of_each_picture_what_the_disk_and_the_journal_say(world: World) -> None:
    photos = [filed(world, f"{name}.jpg", f"{name}.xmp") for name in "abc"]
    here = Review(config_of(world), world.filer())
    for photo in photos[:2]:
        here.mark(photo, "trash")
    by_hand = filed(world, "by hand.jpg")
    world.store.set_status(by_hand.id, Status.TRASHED, "found there")
    overview = Overview(world.database)
    found = asked(world.database, overview.trashed)
    expected = {each.photo.id: (each.since, each.files, each.size) for each in here.trashed()}
    assert {each.photo_id: (each.since, each.files, each.size) for each in found} == expected
    assert [each.photo_id for each in found] == [photos[1].id, photos[0].id, by_hand.id]
    assert overview.came_from(photos[0].id) == photos[0].path
    assert overview.came_from(by_hand.id) is None


def test_what_came_out_of_the_trash_and_went_in_again_has_the_last_time(world: World) -> None:
    photo = filed(world, "a.jpg")
    here = Review(config_of(world), world.filer())
    for verdict in ("trash", None, "trash"):
        photo = here.mark(photo, verdict)
    (row,) = Overview(world.database).trashed()
    (same,) = here.trashed()
    assert row.since == same.since


def test_files_on_their_way_say_whether_that_is_into_the_trash(world: World) -> None:
    one, other = filed(world, "a.jpg"), filed(world, "b.jpg")
    desk, overview = Desk(config_of(world), world.database), Overview(world.database)
    desk.decide([one.id, other.id], "trash")
    assert asked(world.database, overview.on_their_way, scans=True) == {one.id: True, other.id: True}
    carry(world)
    assert overview.on_their_way() == {}
    desk.decide([one.id], "undecided")
    assert overview.on_their_way() == {one.id: False}


def test_only_a_category_that_nobody_confirmed_can_be_confirmed(overview: Overview, make: Maker) -> None:
    filed_one, kept = make(category="Memes"), make(category="Memes", verdict="keep")
    others = [make(confirmed=NOON), make(verdict="trash"), make(status=Status.FAILED), make(status=Status.REVIEW)]
    recurated = make(category="Photos")
    shown = {each.id: each.category for each in (filed_one, kept, *others)} | {recurated.id: "Memes"}
    found = asked(overview.database, lambda: overview.to_confirm(shown))
    assert found == ToConfirm((filed_one.id, kept.id), 1, (recurated.id,))
