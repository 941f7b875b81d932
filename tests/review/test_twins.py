"""Choosing a keeper and saying that pictures are no duplicates: decisions, carried out, taken back, remembered."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from curated.domain import Photo, Status
from curated.files import Disk
from curated.filing import UndoSelection, undo
from curated.filing.trash import empty
from curated.review import Carrier, Desk, Review
from curated.review.twins import suggestion
from curated.state.pairs import Group, Pairs
from tests.pipeline.conftest import Line
from tests.support.filing_disks import FailingDisk, Step, WrappedDisk
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


def carried(line: Line, disk: Disk | None = None) -> list[str]:
    """Why decisions could not be carried out, "" for those that were."""
    filer = line.world.filer(disk, roots=[line.world.library])
    return [each.problem for each in Carrier(line.config, filer).carry()]


def failing(path: Path) -> Disk:
    """A disk on which the file at that path cannot be moved."""
    return FailingDisk(
        lambda step: step.name in ("rename", "link", "copy") and step.paths[0] == path, errno.EACCES, for_ever=True
    )


class Killed(BaseException):
    """The program ends here."""


class KillingDisk(WrappedDisk):
    """The program is killed right after its nth change."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def after(self, step: Step) -> None:
        if step.name in ("rename", "sync_folder"):
            self._left -= 1
            if self._left == -1:
                raise Killed


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
    seen = [here.see(each.id).photo.status for each in (large, small)]
    assert seen == [Status.FILED, Status.DUPLICATE], "as it will be, before the files have followed"
    carry(line)
    assert line.world.files() == before
    assert [line.store.get(each.id) for each in (large, small, tiny)] == rows
    assert desk(line).redo() is not None
    carry(line)
    assert group(line, tiny).keeper.id == small.id


@pytest.mark.parametrize("by", ["last", "its id"])
def test_undo_by_move_takes_the_whole_choice_back(line: Line, by: str) -> None:
    large, small, tiny = three(line)
    before, rows = line.world.files(), state_of(line, large, small, tiny)
    here = desk(line)
    here.decide([small.id], "keeper")
    carry(line)
    filer = line.world.filer(roots=[line.world.library])
    selection = UndoSelection(last=1) if by == "last" else UndoSelection(photo_ids=(large.id,))
    imagined = undo(filer, selection, dry_run=True)
    report = undo(filer, selection)
    assert imagined.steps == report.steps, "what would be is what is"
    assert [(step.photo_id, step.outcome) for step in report.steps] == [(small.id, "undone"), (large.id, "undone")]
    assert line.world.files() == before
    assert state_of(line, large, small) == rows[:2]
    assert group(line, tiny).keeper.id == large.id
    # The review's own undo of it finds nothing left to do, and its redo does all of it.
    here.undo()
    carry(line)
    assert state_of(line, large, small, tiny) == rows
    here.redo()
    carry(line)
    assert group(line, tiny).keeper.id == small.id


def test_undo_leaves_the_half_of_a_choice_whose_picture_moved_on(line: Line) -> None:
    large, small, _ = three(line)
    here = desk(line)
    here.decide([small.id], "keeper")
    here.decide([large.id], "trash")
    carry(line)
    report = undo(line.world.filer(roots=[line.world.library]), UndoSelection(photo_ids=(small.id,)))
    assert [step.photo_id for step in report.steps] == [small.id]
    assert line.store.get(large.id).status is Status.TRASHED


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
    assert desk(line).see(small.id).photo.status is Status.DUPLICATE, "as it will be"
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


def test_taking_back_no_duplicates_leaves_what_an_earlier_word_says(line: Line) -> None:
    large, small, tiny = three(line)
    pairs = Pairs(line.world.database)
    desk(line).decide([small.id], "distinct")
    carry(line)
    again = line.file(line.world.put("again.jpg", "small"), caption="lake", phash=NEAR, size=(400, 300))
    assert again.twin_of == small.id
    # Libraries are about in which a copy stayed with the former keeper.
    line.store.set_twin(again.id, large.id, "near", 2)
    desk(line).decide([again.id], "distinct")
    carry(line)
    desk(line).undo()
    (problem,) = carried(line)
    assert "was said to be no duplicate" in problem
    assert pairs.distinct_from(small.sha256) == {large.sha256, tiny.sha256}
    desk(line).undo()
    carried(line)
    assert pairs.distinct_from(small.sha256) == {large.sha256, tiny.sha256}, "the copy's word stands"


def test_a_copy_of_the_same_bytes_goes_along_and_comes_back_along(line: Line) -> None:
    large, small, tiny = three(line)
    copy = line.file(line.world.put("IMG_4.jpg", "small"), caption="lake", phash=NEAR, size=(400, 300))
    before = state_of(line, large, small, tiny, copy)
    desk(line).decide([small.id], "distinct")
    carry(line)
    assert line.store.get(copy.id).twin_of == small.id
    desk(line).undo()
    carry(line)
    assert state_of(line, large, small, tiny, copy) == before


def test_what_two_of_one_step_say_of_each_other_stays_while_one_cannot_be_taken_back(line: Line) -> None:
    large, small, tiny = three(line)
    desk(line).decide([small.id, tiny.id], "distinct")
    carry(line)
    line.store.get(tiny.id).path.write_text("another picture by now")
    desk(line).undo()
    problems = carried(line)
    assert any(problems)
    assert Pairs(line.world.database).distinct_from(tiny.sha256) == {large.sha256, small.sha256}
    assert Pairs(line.world.database).distinct_from(small.sha256) == {tiny.sha256}


@pytest.mark.parametrize("first", ["keeper", "distinct"])
def test_a_group_whose_files_still_follow_a_word_takes_no_other(line: Line, first: str) -> None:
    large, small, tiny = three(line)
    here = desk(line)
    assert here.decide([small.id], "keeper" if first == "keeper" else "distinct").step
    for decided in (here.decide([tiny.id], "keeper"), here.decide([tiny.id], "distinct")):
        assert decided.step is None
        assert [why for _, why in decided.refused] == [
            "is in a group whose files still follow an earlier choice; try again in a moment"
        ]
    carry(line)
    assert here.decide([tiny.id], "distinct").step
    carry(line)
    assert line.world.store.get(tiny.id).twin_of is None
    assert not here.decide([large.id], "distinct").step or first == "keeper"


def test_an_undo_that_fails_for_one_leaves_all_that_it_says_in_force(line: Line) -> None:
    large, small, tiny = three(line)
    here = desk(line)
    assert here.decide([small.id, tiny.id], "distinct").step
    carry(line)
    filed = line.world.store.get(small.id).path
    assert here.undo()
    assert len([problem for problem in carried(line, failing(filed)) if problem]) == 1
    pairs = Pairs(line.world.database)
    assert pairs.distinct_from(small.sha256) >= {large.sha256, tiny.sha256}
    assert line.world.store.get(small.id).status is Status.FILED


def test_no_duplicates_that_cannot_be_filed_are_not_remembered_as_none(line: Line) -> None:
    _, small, _ = three(line)
    desk(line).decide([small.id], "distinct")
    assert carried(line, failing(small.path)) != [""]
    assert line.store.get(small.id) == small
    assert Pairs(line.world.database).distinct_from(small.sha256) == frozenset()


def test_pictures_of_several_groups_are_none_of_their_own_group_only(line: Line) -> None:
    large, small, tiny = three(line)
    hashes = {"phash": "00ff00ff00ff00ff", "caption": "sea"}
    other = line.file(line.world.put("IMG_7.jpg", "other"), size=(4000, 3000), **hashes)
    lesser = line.file(line.world.put("IMG_8.jpg", "lesser"), size=(400, 300), **hashes)
    assert lesser.twin_of == other.id
    desk(line).decide([small.id, lesser.id], "distinct")
    carry(line)
    pairs = Pairs(line.world.database)
    assert pairs.distinct_from(small.sha256) == {large.sha256, tiny.sha256}
    assert pairs.distinct_from(lesser.sha256) == {other.sha256}
    desk(line).undo()
    carry(line)
    assert pairs.distinct_from(small.sha256) == pairs.distinct_from(lesser.sha256) == frozenset()


def state_of(line: Line, *photos: Photo) -> list[tuple[object, ...]]:
    now = [line.store.get(photo.id) for photo in photos]
    return [(photo.path, photo.status, photo.category, photo.twin_of, photo.chosen) for photo in now]


def test_a_keeper_that_cannot_take_its_place_leaves_the_former_one_in_it(line: Line) -> None:
    large, small, tiny = three(line)
    before, files = state_of(line, large, small, tiny), line.world.files()
    here = desk(line)
    here.decide([small.id], "keeper")
    assert any(carried(line, failing(small.path)))
    assert state_of(line, large, small, tiny) == before
    assert line.world.files() == files
    assert line.world.problems() == []
    assert (here.undo(), here.redo()) == (None, None), "nothing of it is left"
    here.decide([small.id], "keeper")
    carry(line)
    assert group(line, tiny).keeper.id == small.id


def test_a_chosen_one_stays_a_duplicate_while_the_keeper_cannot_make_way(line: Line) -> None:
    large, small, tiny = three(line)
    before = state_of(line, large, small, tiny)
    desk(line).decide([small.id], "keeper")
    problems = carried(line, failing(large.path))
    assert "did not make way" in problems[-1]
    assert state_of(line, large, small, tiny) == before


@pytest.mark.parametrize("which", ["chosen", "former"])
def test_a_choice_that_cannot_be_taken_back_stands_as_a_whole(line: Line, which: str) -> None:
    large, small, tiny = three(line)
    desk(line).decide([small.id], "keeper")
    carry(line)
    chosen, files = state_of(line, large, small, tiny), line.world.files()
    desk(line).undo()
    photo = {"chosen": small, "former": large}[which]
    assert any(carried(line, failing(line.store.get(photo.id).path)))
    assert [row[1:] for row in state_of(line, large, small, tiny)] == [row[1:] for row in chosen]
    assert sorted(line.world.files().values()) == sorted(files.values())
    assert group(line, tiny).keeper.id == small.id
    assert line.world.problems() == []


@pytest.mark.parametrize("killed_at", range(8))
def test_a_choice_cut_short_anywhere_is_finished_by_the_next_program(line: Line, killed_at: int) -> None:
    large, small, tiny = three(line)
    desk(line).decide([small.id], "keeper")
    disk = KillingDisk(killed_at)
    with suppress(Killed):
        carried(line, disk)
    carry(line)
    now = group(line, tiny)
    assert (now.keeper.id, {each.id for each in now.duplicates}) == (small.id, {large.id, tiny.id})
    assert {each.twin_of for each in now.duplicates} == {small.id}
    assert line.world.problems() == []


def test_a_choice_killed_between_its_move_and_its_note_takes_the_whole_group_along(line: Line) -> None:
    large, small, tiny = three(line)
    desk(line).decide([small.id], "keeper")
    carrier = Carrier(line.config, line.world.filer(roots=[line.world.library]))
    for step in carrier.carry():
        assert step.decision.photo_id == large.id
        break
    line.world.database.execute(
        "CREATE TEMP TRIGGER killed BEFORE UPDATE OF twin_of ON photo WHEN old.id = "
        f"{tiny.id} BEGIN SELECT raise(ABORT, 'killed'); END"
    )
    with pytest.raises(sqlite3.Error):
        list(carrier.carry())
    line.world.database.execute("DROP TRIGGER killed")
    carry(line)
    assert {each.twin_of for each in group(line, tiny).duplicates} == {small.id}


def test_what_is_no_duplicate_any_more_goes_back_to_the_keeper_of_now(line: Line) -> None:
    large, small, tiny = three(line)
    desk(line).decide([tiny.id], "distinct")
    carry(line)
    best = line.file(line.world.put("IMG_9.jpg", "best"), caption="lake", phash=NEAR, size=(8000, 6000))
    assert (best.status, line.store.get(large.id).twin_of) == (Status.FILED, best.id)
    desk(line).undo()
    carry(line)
    assert line.store.get(tiny.id).twin_of == best.id
    (only,) = Pairs(line.world.database).groups()
    assert {each.id for each in only.duplicates} == {large.id, small.id, tiny.id}


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
    assert desk(line).see(shots[1].id).photo.status is Status.FILED
    carry(line)
    assert line.store.get(shots[1].id) == shots[1]
