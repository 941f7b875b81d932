"""Choosing a keeper and saying that pictures are no duplicates: decisions, carried out, taken back, remembered."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from curated.domain import Photo, Status
from curated.filing.trash import empty
from curated.review import Carrier, Desk, Review
from curated.review.twins import suggestion
from curated.state.pairs import Group, Pairs
from tests.pipeline.conftest import Line
from tests.support.filing_world import World

HASH, NEAR, NEARER = "f0f0a5c33c5aa5c3", "f0f0a5c33c5aa5c0", "f0f0a5c33c5aa5c2"


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


def desk(line: Line) -> Desk:
    return Desk(line.config, line.world.database)


def carry(line: Line) -> None:
    filer = line.world.filer(roots=[line.world.library])
    assert [each.problem for each in Carrier(line.config, filer).carry() if each.problem] == []
    assert line.world.problems() == []


def three(line: Line) -> tuple[Photo, Photo, Photo]:
    """A keeper and two duplicates of it."""
    put = line.world.put
    large = line.file(put("IMG_1.jpg", "large"), put("IMG_1.xmp", "x"), caption="lake", phash=HASH, size=(4000, 3000))
    small = line.file(put("IMG_2.jpg", "small"), put("IMG_2.xmp", "y"), caption="lake", phash=NEAR, size=(400, 300))
    tiny = line.file(put("IMG_3.jpg", "tiny"), caption="lake", phash=NEARER, size=(200, 150))
    assert (small.twin_of, tiny.twin_of) == (large.id, large.id)
    return large, small, tiny


def group(line: Line, photo: Photo) -> Group:
    found = Pairs(line.world.database).group(photo.id)
    assert found is not None
    return found


def test_the_chosen_one_takes_the_keepers_place_and_undo_gives_it_back(line: Line) -> None:
    large, small, tiny = three(line)
    before, rows = line.world.files(), [line.store.get(each.id) for each in (large, small, tiny)]
    here = desk(line)
    decided = here.decide([small.id], "keeper")
    assert decided.step is not None
    assert here.see(small.id).photo.status is Status.FILED
    assert here.see(large.id).photo.status is Status.DUPLICATE
    carry(line)
    now = group(line, tiny)
    assert (now.keeper.id, {each.id for each in now.duplicates}) == (small.id, {large.id, tiny.id})
    assert now.keeper.path == large.path
    assert now.keeper.category == large.category
    assert now.keeper.chosen
    assert line.store.get(large.id).path.parent.name == "Duplicates"
    assert now.keeper.path.with_suffix(".xmp").read_text() == "y"
    assert desk(line).undo() is not None
    carry(line)
    assert line.world.files() == before
    assert [line.store.get(each.id) for each in (large, small, tiny)] == rows
    assert desk(line).redo() is not None
    carry(line)
    assert group(line, tiny).keeper.id == small.id


def test_a_chosen_keeper_stays_whatever_better_one_arrives(line: Line) -> None:
    _, small, _ = three(line)
    desk(line).decide([small.id], "keeper")
    carry(line)
    larger = line.file(line.world.put("IMG_9.jpg", "larger"), phash=HASH, size=(8000, 6000))
    assert (larger.status, larger.twin_of) == (Status.DUPLICATE, small.id)


def test_the_keeper_can_be_chosen_too_which_moves_nothing(line: Line) -> None:
    large, _, _ = three(line)
    before = line.world.files()
    desk(line).decide([large.id], "keeper")
    carry(line)
    assert line.world.files() == before
    assert line.store.get(large.id).chosen
    desk(line).undo()
    assert not line.store.get(large.id).chosen


def test_no_duplicate_is_filed_by_its_own_findings_and_stays_so_when_it_comes_again(line: Line) -> None:
    large, small, tiny = three(line)
    before = line.world.files()
    desk(line).decide([small.id], "distinct")
    carry(line)
    now = line.store.get(small.id)
    assert (now.status, now.twin_of, now.category) == (Status.FILED, None, large.category)
    assert [each.id for each in group(line, large).duplicates] == [tiny.id]
    again = line.file(line.world.put("again.jpg", "small"), caption="lake", phash=NEAR, size=(400, 300))
    assert again.twin_of == small.id, "it is a copy of its own, not of the other"
    desk(line).undo()
    carry(line)
    assert set(before) <= set(line.world.files())
    assert line.store.get(small.id).twin_of == large.id
    assert Pairs(line.world.database).distinct_from(small.sha256) == frozenset()


def test_it_holds_for_the_content_when_both_come_again_from_elsewhere(line: Line) -> None:
    large, small, _ = three(line)
    desk(line).decide([small.id], "distinct")
    carry(line)
    again = line.file(line.world.put("other name.jpg", "large"), phash=HASH, size=(4000, 3000))
    assert again.twin_of == large.id
    other = line.file(line.world.put("another.jpg", "small"), phash=NEAR, size=(400, 300))
    assert other.twin_of == small.id


def test_what_has_no_duplicates_is_refused_in_words(line: Line) -> None:
    alone = line.file(line.world.put("IMG_1.jpg", "a"), phash=HASH)
    assert desk(line).decide([alone.id], "keeper").refused == ((alone.id, "has no duplicates"),)
    assert desk(line).decide([alone.id], "distinct").refused == ((alone.id, "has no duplicates"),)
    large, _, _ = three(line)
    ((_, why),) = desk(line).decide([group(line, large).keeper.id], "distinct").refused
    assert "say it of its duplicates" in why


def test_the_suggestion_is_the_best_with_its_reason(line: Line) -> None:
    large, small, _ = three(line)
    best, why = suggestion(group(line, small))
    assert (best.id, why) == (large.id, "4000×3000 against 400×300")


def test_a_copy_of_what_was_removed_for_good_is_told_so_and_not_filed(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "a"), caption="lake", phash=HASH)
    Review(line.config, line.world.filer()).mark(first, "trash")
    empty(line.world.filer(), line.config.folders)
    assert line.store.get(first.id).status is Status.MISSING
    again = line.file(line.world.put("IMG_2.jpg", "a"), caption="lake", phash=HASH)
    assert (again.status, again.twin_of) == (Status.DUPLICATE, first.id)
    assert "removed for good" in again.reason
    assert again.path.parent == line.world.library / "Duplicates"


def test_a_burst_is_linked_and_filed_and_can_be_unlinked(line: Line) -> None:
    moment = datetime(2024, 5, 1, 12)
    shots = [
        line.file(
            line.world.put(f"IMG_{number}.jpg", f"shot {number}"),
            phash=each,
            taken_at=moment + timedelta(seconds=2 * number),
        )
        for number, each in enumerate((HASH, NEAR, NEARER))
    ]
    assert {photo.status for photo in shots} == {Status.FILED}
    assert [photo.twin_kind for photo in shots] == [None, "burst", "burst"]
    assert {photo.twin_of for photo in shots[1:]} == {shots[0].id}
    assert "taken 2 seconds apart" in shots[1].reason
    desk(line).decide([shots[1].id], "distinct")
    carry(line)
    assert line.store.get(shots[1].id).twin_of is None
    desk(line).undo()
    carry(line)
    assert line.store.get(shots[1].id) == shots[1]
