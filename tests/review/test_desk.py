"""Decisions as rows, and the files that follow them."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from curated.domain import Photo, Status
from curated.errors import FolderUnusable, NotFound
from curated.filing import UndoSelection, undo
from curated.review import Carrier, Desk, Review
from curated.state.labels import Labels
from curated.state.schema import open_database
from tests.review.test_hand import config_of, filed, review
from tests.support.filing_disks import WrappedDisk
from tests.support.filing_world import World


def desk(world: World) -> Desk:
    return Desk(config_of(world), world.database)


def carry(world: World, disk=None) -> list[str]:
    return [each.problem for each in Carrier(config_of(world), world.filer(disk)).carry()]


def marks(photo: Photo) -> tuple[object, ...]:
    return photo.verdict, photo.confirmed is not None, photo.protected


def test_a_decision_is_a_row_at_once_and_a_move_later(world: World) -> None:
    photo = filed(world, "a.jpg", "a.xmp")
    here = desk(world)
    here.decide([photo.id], "trash")
    seen = here.see(photo.id)
    assert (seen.photo.status, seen.photo.verdict, seen.owed) == (Status.TRASHED, "trash", True)
    assert seen.file == photo.path
    assert photo.path.exists()
    assert carry(world) == [""]
    assert sorted(world.files()) == ["Library/Trash/Photos/a.jpg", "Library/Trash/Photos/a.xmp"]
    assert here.see(photo.id).owed is False
    assert world.problems() == []


def test_undo_and_redo_go_back_and_forth_without_limit_and_across_sittings(world: World) -> None:
    photos = [filed(world, f"{number}.jpg") for number in range(6)]
    before = world.files()
    for photo in photos[:3]:
        desk(world).decide([photo.id], "trash")
    desk(world).decide([photos[3].id], "keep")
    desk(world).decide([photos[4].id], "file", "Memes")
    desk(world).decide([photos[5].id], "rename", "Lake at dawn")
    carry(world)
    decided = world.files()
    assert decided != before
    steps = list(iter(lambda: desk(world).undo(), None))  # each by a desk of its own: nothing is kept in memory
    assert [step.action for step in steps] == ["rename", "file", "keep", "trash", "trash", "trash"]
    carry(world)
    assert world.files() == before
    assert all(world.store.get(photo.id) == photo for photo in photos)
    assert len(list(iter(lambda: desk(world).redo(), None))) == 6
    carry(world)
    assert world.files() == decided
    assert world.problems() == []


@pytest.mark.parametrize("verdict", ["keep", "undecided"])
@pytest.mark.parametrize("before", [None, "keep"])
def test_a_verdict_on_a_trashed_picture_outlives_its_way_back_and_so_does_its_undoing(
    world: World, verdict: str, before: str | None
) -> None:
    photo = review(world).mark(filed(world, "a.jpg"), before)
    here = desk(world)
    here.decide([photo.id], "trash")
    carry(world)
    here.decide([photo.id], verdict)
    assert carry(world) == [""]
    wanted = "keep" if verdict == "keep" else None
    assert (world.store.get(photo.id).status, world.store.get(photo.id).verdict) == (Status.FILED, wanted)
    here.undo()
    carry(world)
    assert (world.store.get(photo.id).status, world.store.get(photo.id).verdict) == (Status.TRASHED, "trash")
    here.redo()
    carry(world)
    assert (world.store.get(photo.id).status, world.store.get(photo.id).verdict) == (Status.FILED, wanted)
    while here.undo():
        carry(world)
    assert world.store.get(photo.id) == photo
    assert world.problems() == []


def test_what_was_undone_before_it_was_carried_out_never_touches_the_disk(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "trash")
    desk(world).undo()
    assert carry(world) == []
    assert world.store.get(photo.id) == photo


def test_a_new_decision_ends_what_could_be_redone(world: World) -> None:
    photo = filed(world, "a.jpg")
    here = desk(world)
    here.decide([photo.id], "keep")
    here.undo()
    here.decide([photo.id], "trash")
    assert here.redo() is None
    assert here.undo().action == "trash"
    assert here.undo() is None


def test_many_pictures_are_decided_undone_and_redone_as_one_step(world: World) -> None:
    photos = [filed(world, f"{number}.jpg") for number in range(5)]
    ids = [photo.id for photo in photos]
    here = desk(world)
    assert here.decide([*ids, ids[0]], "trash").step.photo_ids == tuple(ids)
    carry(world)
    assert here.undo().photo_ids == tuple(ids)
    carry(world)
    assert [world.store.get(each) for each in ids] == photos


def test_a_protected_picture_is_not_trashed_and_the_others_are(world: World) -> None:
    one, other = filed(world, "a.jpg"), filed(world, "b.jpg")
    here = desk(world)
    here.decide([one.id], "protect")
    done = here.decide([one.id, other.id], "trash")
    assert done.step.photo_ids == (other.id,)
    assert [photo_id for photo_id, _ in done.refused] == [one.id]
    assert here.decide([one.id], "trash").step is None
    carry(world)
    assert one.path.exists()
    with pytest.raises(Exception, match="protected"):
        Review(config_of(world), world.filer()).mark(world.store.get(one.id), "trash")


def test_confirming_and_filing_confirm_the_category(world: World) -> None:
    one, other = filed(world, "a.jpg"), filed(world, "b.jpg")
    here = desk(world)
    here.decide([one.id], "confirm")
    here.decide([other.id], "file", "memes")
    assert here.see(other.id).photo.category == "Memes"
    carry(world)
    assert world.store.get(one.id).confirmed
    moved = world.store.get(other.id)
    assert (moved.category, moved.path) == ("Memes", world.library / "Memes" / "b.jpg")
    assert moved.confirmed
    here.undo()
    carry(world)
    assert world.store.get(other.id) == other


def test_confirming_what_is_confirmed_already_is_no_new_word(world: World) -> None:
    """Else pressing Enter again and again would bear out what was learnt."""
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "confirm")
    first = world.store.get(photo.id).confirmed
    assert first

    def later() -> datetime:
        return first + timedelta(hours=1)

    here = Desk(config_of(world), world.database, later)
    for _ in range(2):
        here.decide([photo.id], "confirm")
        here.decide([photo.id], "file", "Photos")
    assert [each.problem for each in Carrier(config_of(world), world.filer(clock=later)).carry()] == ["", ""]
    assert world.store.get(photo.id).confirmed == first
    here.decide([photo.id], "file", "Memes")
    assert world.store.get(photo.id).confirmed == later()


def test_a_category_counts_once_its_file_has_followed(world: World) -> None:
    """With the library unmounted, a correction would teach the very category that it corrects."""
    early, photo = filed(world, "a.jpg"), filed(world, "b.jpg")
    world.store.set_embedding(photo.id, "x", b"\0\0")
    labels = Labels(world.database)
    here = desk(world)
    here.decide([photo.id], "file", "Memes")
    here.decide([early.id], "confirm")
    seen = labels.newest_confirmed()
    assert labels.labelled("x", "confirmed") == []
    assert labels.confirmed_since(0) == 1
    carry(world)
    assert [each.label for each in labels.labelled("x", "confirmed")] == ["Memes"]
    assert labels.confirmed_since(seen) == 1, "also for a training that was by what had been confirmed until then"


def test_what_the_rules_file_meanwhile_where_a_person_wants_it_is_confirmed_all_the_same(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "file", "Memes")
    (world.library / "Memes").mkdir(exist_ok=True)
    photo.path.rename(world.library / "Memes" / "a.jpg")
    world.store.update(replace(photo, path=world.library / "Memes" / "a.jpg", category="Memes", confirmed=None))
    assert carry(world) == [""]
    assert world.store.get(photo.id).confirmed


def test_a_picture_can_be_filed_as_a_category_that_is_new(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "file", "Holidays/Lake: 2024")
    carry(world)
    assert world.store.get(photo.id).path == world.library / "Holidays" / "Lake- 2024" / "a.jpg"


@pytest.mark.parametrize("name", ["", "/", "..", "Trash", "failed/x", "Duplicates"])
def test_no_category_is_called_as_the_librarys_own_folders_or_as_nothing(world: World, name: str) -> None:
    photo = filed(world, "a.jpg")
    with pytest.raises(NotFound, match="no category can be called"):
        desk(world).decide([photo.id], "file", name)


def test_what_cannot_be_carried_out_is_given_up_with_its_reason_and_the_marks_go_back(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "trash")
    photo.path.unlink()
    (problem,) = carry(world)
    assert str(photo.path) in problem
    assert world.store.get(photo.id).verdict is None
    assert [made.problem for made in desk(world).decisions.problems(5)] == [problem]
    assert desk(world).undo() is None
    assert carry(world) == []


def test_a_library_that_cannot_be_used_leaves_everything_owed(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "trash")
    gone = world.library.rename(world.base / "elsewhere")
    filer = world.filer(roots=[world.library])
    with pytest.raises(FolderUnusable):
        list(Carrier(config_of(world), filer).carry())
    gone.rename(world.library)
    assert [each.problem for each in Carrier(config_of(world), filer).carry()] == [""]


def test_a_library_that_cannot_be_written_leaves_everything_owed(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "trash")
    with pytest.raises(FolderUnusable, match="cannot be written"):
        carry(world, ReadOnlyDisk(world.library))
    assert desk(world).see(photo.id).owed
    assert carry(world) == [""]


def test_the_command_lines_undo_takes_a_decision_back_too(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "trash")
    carry(world)
    undo(world.filer(), UndoSelection(last=1))
    assert world.store.get(photo.id) == photo
    desk(world).undo()
    assert carry(world) == [""]
    assert world.store.get(photo.id) == photo


def test_a_picture_that_is_gone_is_refused_by_name(world: World) -> None:
    photo = filed(world, "a.jpg")
    world.store.set_status(photo.id, Status.MISSING, "gone")
    assert "gone from the disk" in dict(desk(world).decide([photo.id], "keep").refused)[photo.id]
    assert "4711" in dict(desk(world).decide([4711], "keep").refused)[4711]


def test_what_cannot_be_taken_back_is_still_marked_as_what_it_is(world: World) -> None:
    photo = filed(world, "a.jpg")
    desk(world).decide([photo.id], "trash")
    carry(world)
    world.store.get(photo.id).path.write_text("somebody else's words")
    desk(world).undo()
    assert world.store.get(photo.id).verdict is None
    assert [bool(problem) for problem in carry(world)] == [True]
    after = world.store.get(photo.id)
    assert (after.status, after.verdict) == (Status.TRASHED, "trash")


class ReadOnlyDisk(WrappedDisk):
    """Below a folder nothing can be written, as on a disk that is mounted read-only."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def writable(self, folder: Path) -> bool:
        return not folder.is_relative_to(self._folder)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("action", ["trash", "file", "rename"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_program_killed_between_move_and_note_is_finished_by_the_next(
    world: World, action: str, backwards: bool
) -> None:
    photo = filed(world, "a.jpg")
    here = desk(world)
    here.decide([photo.id], action, {"file": "Memes", "rename": "Lake"}.get(action))
    if backwards:
        carry(world)
        here.undo()
    carrier = Carrier(config_of(world), world.filer())

    def die(*_, **__):
        raise Killed

    carrier._decisions.finish = die  # the moment between the journal's commit and ours
    with pytest.raises(Killed):
        list(carrier.carry())
    carry(world)
    if backwards:
        assert world.store.get(photo.id) == photo
    else:
        here.undo()
        carry(world)
        assert world.store.get(photo.id) == photo
    assert world.problems() == []


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_decided_undone_and_carried_out_when_undoing_all_brings_all_back(world: World, seed: int) -> None:
    chance = random.Random(seed)
    photos = [filed(world, f"{number}.jpg") for number in range(4)]
    before, bytes_before = world.files(), world.contents()
    carriers = [Carrier(config_of(world), world.filer()) for _ in range(2)]
    for turn in range(40):
        photo = chance.choice(photos)
        match chance.choice(["keep", "trash", "undecided", "confirm", "file", "rename", "undo", "redo", "carry"]):
            case "undo":
                desk(world).undo()
            case "redo":
                desk(world).redo()
            case "carry":
                list(itertools.islice(chance.choice(carriers).carry(), chance.randint(1, 4)))
            case "file":
                desk(world).decide([photo.id], "file", chance.choice(["Memes", "Documents", "New one"]))
            case "rename":
                desk(world).decide([photo.id], "rename", f"name {turn}")
            case action:
                desk(world).decide([each.id for each in chance.sample(photos, 2)], action)
        assert world.contents() == bytes_before
    while any(carry(world)) or desk(world).undo():
        pass
    carry(world)
    assert [each.problem for each in desk(world).decisions.problems(9)] == []
    assert world.files() == before
    assert [marks(world.store.get(photo.id)) for photo in photos] == [marks(photo) for photo in photos]
    assert world.problems() == []


def test_two_desks_in_two_processes_lose_no_decision(world: World, tmp_path: Path) -> None:
    photos = [filed(world, f"{number}.jpg") for number in range(10)]
    with open_database(world.database_path) as second:
        other = Desk(config_of(world), second)
        for number, photo in enumerate(photos):
            (other if number % 2 else desk(world)).decide([photo.id], "trash")
    assert carry(world) == [""] * 10
    assert len(desk(world).store.counts("status")) == 1


def test_a_file_with_other_content_is_given_up_and_the_rest_is_not(world: World) -> None:
    photos = [filed(world, f"{number}.jpg") for number in range(3)]
    desk(world).decide([photo.id for photo in photos], "trash")
    photos[1].path.write_text("somebody else's words")
    problems = carry(world)
    assert [bool(problem) for problem in problems] == [False, True, False]
