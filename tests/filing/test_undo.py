from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from curated.domain import Photo, Purpose, Status
from curated.filing import UndoReport, UndoSelection, undo
from curated.filing.trash import restore, trash_photo
from tests.support.filing_disks import FailingDisk, RecordingDisk, SplitDisk
from tests.support.filing_world import NOON, World
from tests.support.trees import tree


def clock() -> Iterator[datetime]:
    """A minute later at every look."""
    now = NOON
    while True:
        yield now
        now += timedelta(minutes=1)


def filed(world: World, name: str, category: str = "Photos", content: str | None = None) -> Photo:
    ticks = clock()
    photo, _ = world.file(
        [world.put(f"{name}.jpg", content or name)],
        [world.library / category / f"{name}.jpg"],
        filer=world.filer(clock=lambda: next(ticks)),
        category=category,
    )
    return photo


def correct(world: World, photo: Photo, category: str) -> Photo:
    plan = world.plan([photo.path], [world.library / category / photo.path.name])
    world.filer().move(
        plan, purpose=Purpose.CORRECT, photo_id=photo.id, after={"category": category, "reason": "by hand"}, reason="c"
    )
    return world.store.get(photo.id)


def take_back(world: World, dry_run: bool = False, **selection: object) -> UndoReport:
    return undo(world.filer(), UndoSelection(**selection), dry_run=dry_run)


def outcomes(report: UndoReport) -> list[str]:
    return [step.outcome for step in report.steps]


def test_the_last_moves_come_back_newest_first_and_nothing_else(world: World) -> None:
    photos = [filed(world, name) for name in ("a", "b", "c")]
    report = take_back(world, last=2)
    assert [step.photo_id for step in report.steps] == [photos[2].id, photos[1].id]
    assert sorted(world.files()) == ["Library/Photos/a.jpg", "Unsorted/b.jpg", "Unsorted/c.jpg"]
    assert [world.store.get(photo.id).status for photo in photos] == [Status.FILED, Status.UNDONE, Status.UNDONE]
    assert world.problems() == []


def test_what_was_taken_back_is_not_taken_back_again(world: World) -> None:
    filed(world, "a")
    filed(world, "b")
    assert take_back(world, last=1).undone == 1
    assert take_back(world, last=1).undone == 1
    assert take_back(world, last=5).steps == ()
    assert sorted(world.files()) == ["Unsorted/a.jpg", "Unsorted/b.jpg"]


def test_all_moves_since_a_moment_come_back(world: World) -> None:
    filed(world, "a")
    with world.database.write() as connection:
        connection.execute("UPDATE move SET created_at = '2020-01-01T00:00:00.000000+00:00'")
    filed(world, "b")
    filed(world, "c")
    assert take_back(world, since=NOON).undone == 2
    assert sorted(world.files()) == ["Library/Photos/a.jpg", "Unsorted/b.jpg", "Unsorted/c.jpg"]


def test_a_category_comes_back_with_those_below_it_and_not_its_namesakes(world: World) -> None:
    for name, category in (("a", "People"), ("b", "People/Solo"), ("c", "People2"), ("d", "Peop")):
        filed(world, name, category)
    assert take_back(world, category="People").undone == 2
    assert sorted(world.files()) == ["Library/Peop/d.jpg", "Library/People2/c.jpg", "Unsorted/a.jpg", "Unsorted/b.jpg"]


def test_of_a_category_only_what_led_into_it_comes_back_and_what_came_later(world: World) -> None:
    photo = correct(world, filed(world, "a", "Memes"), "Photos")
    trash_photo(world.filer(), photo, world.folders)
    assert take_back(world, category="Photos").undone == 2
    again = world.store.get(photo.id)
    assert (again.status, again.category, again.path) == (Status.FILED, "Memes", world.library / "Memes" / "a.jpg")
    assert world.problems() == []


def test_by_id_the_newest_move_of_each_comes_back_with_the_row_it_had(world: World) -> None:
    photo = correct(world, filed(world, "a"), "Memes")
    assert photo.category == "Memes"
    take_back(world, photo_ids=(photo.id,))
    back = world.store.get(photo.id)
    assert (back.category, back.reason, back.status) == ("Photos", "a photo", Status.FILED)
    assert back.path == world.library / "Photos" / "a.jpg"
    take_back(world, photo_ids=(photo.id,))
    assert world.store.get(photo.id).status is Status.UNDONE
    assert world.problems() == []


def test_a_dry_run_says_where_everything_would_go_and_touches_nothing(world: World) -> None:
    photo = correct(world, filed(world, "a"), "Memes")
    before = world.files()
    recording = RecordingDisk()
    report = undo(world.filer(recording), UndoSelection(last=5), dry_run=True)
    assert report.dry_run
    assert [(step.file, step.place) for step in report.steps] == [
        (photo.path, world.library / "Photos" / "a.jpg"),
        (photo.path, world.unsorted / "a.jpg"),
    ]
    assert report.undone == 2
    assert recording.changing() == []
    assert world.files() == before
    assert world.store.get(photo.id) == photo
    assert world.database.execute("SELECT count(*) FROM move").fetchone()[0] == 2


def test_a_dry_run_knows_which_names_the_moves_before_leave_and_take(world: World) -> None:
    first = filed(world, "a")
    correct(world, first, "Memes")
    second = filed(world, "b", content="another")
    plan = world.plan([second.path], [world.library / "Photos" / "a.jpg"])
    world.filer().move(
        plan, purpose=Purpose.CORRECT, photo_id=second.id, after={"category": "Photos", "reason": "by hand"}, reason="c"
    )
    imagined = take_back(world, last=4, dry_run=True)
    report = take_back(world, last=4)
    assert [(step.place, step.outcome) for step in imagined.steps] == [(step.place, "undone") for step in report.steps]
    assert outcomes(report) == ["undone"] * 4


def test_an_undo_can_be_taken_back_and_that_again(world: World) -> None:
    photo = filed(world, "a")
    for _ in range(2):
        take_back(world, last=1)
        assert world.store.get(photo.id).status is Status.UNDONE
        newest = world.journal.last(photo.id)
        assert newest is not None
        assert newest.purpose is Purpose.UNDO
        take_back(world, move_ids=(newest.id,))
        again = world.store.get(photo.id)
        assert (again.status, again.category, again.path) == (Status.FILED, "Photos", photo.path)
    assert world.problems() == []


def test_a_restored_picture_goes_back_to_the_trash_and_from_there_home(world: World) -> None:
    photo = filed(world, "a")
    trash_photo(world.filer(), photo, world.folders)
    restore(world.filer(), world.store.get(photo.id))
    take_back(world, last=1)
    assert world.store.get(photo.id).status is Status.TRASHED
    take_back(world, last=1)
    assert world.store.get(photo.id).path == photo.path
    take_back(world, last=1)
    assert world.store.get(photo.id).path == world.unsorted / "a.jpg"
    assert world.problems() == []


def test_a_name_that_is_taken_is_numbered_and_said(world: World) -> None:
    filed(world, "a")
    theirs = world.put("a.jpg", "theirs")
    report = take_back(world, last=1)
    assert outcomes(report) == ["renamed"]
    assert report.steps[0].place == world.unsorted / "a 2.jpg"
    assert "a.jpg is taken" in report.steps[0].detail
    assert report.undone == 1
    assert theirs.read_text() == "theirs"
    assert (world.unsorted / "a 2.jpg").read_text() == "a"
    assert world.problems() == []


def test_a_picture_that_changed_is_left_alone_and_what_led_to_it_too(world: World) -> None:
    photo = correct(world, filed(world, "a"), "Memes")
    photo.path.write_text("edited by hand")
    report = take_back(world, last=2)
    assert outcomes(report) == ["changed", "failed"]
    assert "content has changed" in report.steps[0].detail
    assert photo.path.read_text() == "edited by hand"
    assert report.undone == 0


def test_a_picture_whose_file_is_gone_is_reported(world: World) -> None:
    filed(world, "a").path.unlink()
    assert outcomes(take_back(world, last=1)) == ["changed"]
    assert world.journal.open_moves() == []


def test_companions_come_back_under_the_names_they_had(world: World) -> None:
    sources = [world.put("trip/IMG_1.HEIC", "picture"), world.put("trip/IMG_1.MOV", "film")]
    world.file(sources, [world.library / "Photos" / "cat.HEIC", world.library / "Photos" / "cat.MOV"])
    take_back(world, last=1)
    assert sorted(world.files()) == ["Unsorted/trip/IMG_1.HEIC", "Unsorted/trip/IMG_1.MOV"]
    assert world.problems() == []


def test_a_companion_that_changed_comes_along_and_one_that_is_gone_stops_nothing(world: World) -> None:
    names = ("IMG_1.HEIC", "IMG_1.MOV", "IMG_1.HEIC.xmp")
    photo, _ = world.file(
        [world.put(name, name) for name in names],
        [world.library / "Photos" / name.replace("IMG_1", "cat") for name in names],
    )
    photo.companions[0].unlink()
    photo.companions[1].write_text("stars: 5")
    assert outcomes(take_back(world, last=1)) == ["undone"]
    assert sorted(world.files()) == ["Unsorted/IMG_1.HEIC", "Unsorted/IMG_1.HEIC.xmp"]
    assert (world.unsorted / "IMG_1.HEIC.xmp").read_text() == "stars: 5"
    assert world.problems() == []


def test_a_folder_that_was_removed_meanwhile_is_made_again(world: World) -> None:
    world.file([world.put("2019/trip/a.jpg", "a")], [world.library / "a.jpg"])
    (world.unsorted / "2019" / "trip").rmdir()
    (world.unsorted / "2019").rmdir()
    assert take_back(world, last=1).undone == 1
    assert sorted(tree(world.unsorted)) == ["2019/trip/a.jpg"]


def test_one_that_cannot_be_moved_is_reported_and_the_others_come_back(world: World) -> None:
    filed(world, "a")
    filed(world, "b")
    disk = FailingDisk(lambda step: step.name == "rename" and step.paths[0].name == "b.jpg", 5)
    report = undo(world.filer(disk), UndoSelection(last=2))
    assert outcomes(report) == ["failed", "undone"]
    assert sorted(world.files()) == ["Library/Photos/b.jpg", "Unsorted/a.jpg"]
    assert world.problems() == []


def test_undo_works_from_one_file_system_to_another(world: World) -> None:
    disk = SplitDisk(world.library)
    world.file([world.put("a.jpg", "a")], [world.library / "a.jpg"], disk=disk)
    assert undo(world.filer(disk), UndoSelection(last=1)).undone == 1
    assert world.files() == {"Unsorted/a.jpg": "ca978112"}
    assert world.problems(disk) == []


def test_a_twin_whose_row_was_forgotten_does_not_stop_undo(world: World) -> None:
    keeper = world.photo(world.put("keeper.jpg", "k"))
    photo = filed(world, "a")
    world.store.set_twin(photo.id, keeper.id, "near", 1)
    plan = world.plan([photo.path], [world.library / "Duplicates" / "a.jpg"])
    after: dict[str, str | None] = {"status": "filed", "twin_of": None}
    world.filer().move(plan, purpose=Purpose.CORRECT, photo_id=photo.id, after=after, reason="")
    world.store.forget(keeper.id)
    assert take_back(world, last=1).undone == 1
    assert world.store.get(photo.id).twin_of is None


@pytest.mark.parametrize("selection", [{}, {"last": 1, "category": "Photos"}, {"photo_ids": (1,), "since": NOON}])
def test_an_undo_selects_by_exactly_one_thing(selection: dict) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        UndoSelection(**selection)


def test_undo_of_nothing_does_nothing(world: World, tmp_path: Path) -> None:
    assert take_back(world, last=3).steps == ()
    assert take_back(world, category="Photos").steps == ()
    assert take_back(world, photo_ids=(99,)).steps == ()
