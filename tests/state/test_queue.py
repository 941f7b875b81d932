"""The order in which pictures come up: read from an index, whatever the filter."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from curated.domain import KINDS, Status
from curated.state.queue import ORDERS, Filter, Reviewed, ReviewQueue
from curated.state.rows import photo_from_arrival
from tests.support.filing_world import NOON, World


@pytest.fixture
def queue(world: World) -> ReviewQueue:
    """60 pictures of all sorts."""
    arrival = world.arrival(world.put("any.jpg", "x"))
    statuses = [Status.FILED, Status.REVIEW, Status.DUPLICATE, Status.TRASHED, Status.MISSING]
    for number in range(60):
        photo = photo_from_arrival(arrival, f"{number:064x}", NOON)
        status = statuses[number % 5] if number % 3 == 0 else Status.FILED
        world.store.add(
            replace(
                photo,
                path=world.library / f"{number}.jpg",
                original_path=Path(f"{number}.jpg"),
                status=status,
                category=("Photos", "People/Solo", "People", "Memes")[number % 4],
                kind=KINDS[number % 5],
                filed_at=NOON + timedelta(minutes=number * 7 % 60),
                taken_at=(NOON + timedelta(days=number * 13 % 60)).replace(tzinfo=None) if number % 4 else None,
                keep_score=(number * 11 % 60) / 60 if number % 5 else None,
                verdict="keep" if number % 7 == 0 else None,
                confirmed=NOON if number % 11 == 0 else None,
            )
        )
    world.database.execute("UPDATE photo SET ask = keep_score")
    return ReviewQueue(world.database)


FILTERS = [
    Filter(category=category, kind=kind, status=status, unreviewed=unreviewed)
    for category, kind, status, unreviewed in itertools.product(
        (None, "People"), (None, "photo"), (None, Status.TRASHED), (True, False)
    )
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("which", FILTERS)
def test_each_order_and_filter_shows_what_it_says_and_is_read_from_an_index(
    queue: ReviewQueue, world: World, order: str, which: Filter
) -> None:
    statements: list[str] = []
    world.database.connection.set_trace_callback(statements.append)
    found = queue.ids(which, order)
    world.database.connection.set_trace_callback(None)
    shown = [photo for photo in map(world.store.get, range(1, 61)) if fits(photo, which)]
    keys = {
        "new": lambda photo: (-photo.filed_at.timestamp(), -photo.id),
        "date": lambda photo: (photo.taken_at is None, -photo.taken_at.timestamp() if photo.taken_at else 0, -photo.id),
        "keep": lambda photo: (photo.keep_score is None, -(photo.keep_score or 0), -photo.id),
        "least": lambda photo: (
            photo.keep_score is None, photo.keep_score or 0, photo.id if photo.keep_score is not None else -photo.id
        ),
        "uncertain": lambda photo: (photo.keep_score is None, -(photo.keep_score or 0), -photo.id),
    }  # fmt: skip
    assert found == [photo.id for photo in sorted(shown, key=keys[order])]
    assert queue.ids(which, order, limit=3) == found[:3]
    for statement in statements:
        plan = [row["detail"] for row in world.database.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert all("USING COVERING INDEX" in step for step in plan), plan
        assert not any("TEMP B-TREE" in step for step in plan), plan


def fits(photo, which: Filter) -> bool:
    statuses = [which.status] if which.status else [Status.FILED, Status.REVIEW]
    return (
        photo.status in statuses
        and (which.category is None or f"{photo.category}/".startswith(f"{which.category}/"))
        and (which.kind is None or photo.kind == which.kind)
        and not (which.unreviewed and (photo.verdict or photo.confirmed))
    )


def test_progress_counts_what_is_decided_on_among_all_that_the_filter_shows(queue: ReviewQueue, world: World) -> None:
    which = Filter(category="People")
    shown = [photo for photo in map(world.store.get, range(1, 61)) if fits(photo, replace(which, unreviewed=False))]
    decided = [photo for photo in shown if photo.verdict or photo.confirmed]
    assert queue.reviewed(which) == Reviewed(len(decided), len(shown))


def test_what_is_filed_meanwhile_is_found_by_its_time(queue: ReviewQueue, world: World) -> None:
    since = NOON + timedelta(minutes=50)
    late = [photo for photo in map(world.store.get, range(1, 61)) if photo.filed_at >= since and fits(photo, Filter())]
    assert set(queue.filed_since(Filter(), since)) == {photo.id for photo in late}
    assert late


def test_of_given_pictures_those_are_shown_that_fit(queue: ReviewQueue) -> None:
    every = queue.ids(Filter(), "new")
    assert queue.like([*reversed(every), 4711], Filter()) == list(reversed(every))
