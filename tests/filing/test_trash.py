from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from curated.domain import Photo, Purpose, Status
from curated.errors import FilingError, NotFound, StateError
from curated.filing import UndoSelection, undo
from curated.filing.trash import Emptied, empty, restore, trash_photo
from tests.support.filing_disks import FailingDisk, SplitDisk, Step, WrappedDisk
from tests.support.filing_world import NOON, World

DAY = timedelta(days=1)


def filed(world: World, *names: str) -> Photo:
    photo, _ = world.file([world.put(name, name) for name in names], [world.library / "Photos" / n for n in names])
    return photo


def trashed(world: World, *names: str, days_ago: int = 0) -> Photo:
    photo = filed(world, *names)
    trash_photo(world.filer(clock=lambda: NOON - days_ago * DAY), photo, world.folders)
    return world.store.get(photo.id)


def emptied(world: World, days: int = 0, disk: WrappedDisk | None = None) -> Emptied:
    return empty(world.filer(disk, clock=lambda: NOON), world.folders, days * DAY)


def test_a_trashed_picture_keeps_its_folder_and_its_companions(world: World) -> None:
    photo = trashed(world, "a.HEIC", "a.MOV")
    assert sorted(world.files()) == ["Library/Trash/Photos/a.HEIC", "Library/Trash/Photos/a.MOV"]
    assert (photo.status, photo.verdict, photo.category) == (Status.TRASHED, "trash", "Photos")
    assert world.problems() == []


def test_two_pictures_of_one_name_lie_side_by_side_in_the_trash(world: World) -> None:
    trashed(world, "a.jpg")
    second, _ = world.file([world.put("b.jpg", "b")], [world.library / "Photos" / "a.jpg"])
    trash_photo(world.filer(), second, world.folders)
    assert sorted(world.files()) == ["Library/Trash/Photos/a 2.jpg", "Library/Trash/Photos/a.jpg"]


def test_trashing_twice_is_once(world: World) -> None:
    photo = trashed(world, "a.jpg")
    move = trash_photo(world.filer(), photo, world.folders)
    assert move == world.journal.last(photo.id, Purpose.TRASH)
    assert len(list(world.journal._moves("purpose = 'trash'"))) == 1
    restore(world.filer(), photo)
    assert world.store.get(photo.id).path == world.library / "Photos" / "a.jpg"


def test_a_restored_picture_has_its_place_and_row_again(world: World) -> None:
    before = filed(world, "a.HEIC", "a.MOV")
    trash_photo(world.filer(), before, world.folders)
    restore(world.filer(), world.store.get(before.id))
    assert world.store.get(before.id) == before
    assert sorted(world.files()) == ["Library/Photos/a.HEIC", "Library/Photos/a.MOV"]
    with pytest.raises(NotFound, match="not in the trash"):
        restore(world.filer(), world.store.get(before.id))


def test_a_restored_picture_never_overwrites(world: World) -> None:
    photo = trashed(world, "a.jpg")
    theirs = world.put("Photos/a.jpg", "theirs", below=world.library)
    restore(world.filer(), photo)
    assert theirs.read_text() == "theirs"
    assert world.store.get(photo.id).path.name == "a 2.jpg"


def test_emptying_removes_what_is_in_the_trash_and_nothing_else(world: World) -> None:
    photo = trashed(world, "a.HEIC", "a.MOV")
    stays = filed(world, "b.jpg")
    by_hand = world.put("Trash/by hand.jpg", "mine", below=world.library)
    done = emptied(world)
    assert sorted(removed.path.name for removed in done.removed) == ["a.HEIC", "a.MOV"]
    assert {removed.photo_id for removed in done.removed} == {photo.id}
    assert done.left == ()
    assert sorted(world.files()) == ["Library/Photos/b.jpg", "Library/Trash/by hand.jpg"]
    assert by_hand.read_text() == "mine"
    row = world.store.get(photo.id)
    assert (row.status, row.reason[:24]) == (Status.MISSING, "removed from the trash a")
    assert world.store.get(stays.id) == stays
    assert world.problems() == []


def test_what_was_removed_stays_in_the_journal_and_cannot_be_undone(world: World) -> None:
    photo = trashed(world, "a.jpg")
    emptied(world)
    last = world.journal.last(photo.id)
    assert last is not None
    assert (last.purpose, last.files[0].sha256) == (Purpose.EMPTY, photo.sha256)
    assert undo(world.filer(), UndoSelection(last=9)).steps == ()
    assert undo(world.filer(), UndoSelection(photo_ids=(photo.id,))).steps == ()


def test_only_what_has_been_there_long_enough_is_removed(world: World) -> None:
    trashed(world, "old.jpg", days_ago=31)
    trashed(world, "new.jpg", days_ago=29)
    done = emptied(world, days=30)
    assert [removed.path.name for removed in done.removed] == ["old.jpg"]
    assert sorted(world.files()) == ["Library/Trash/Photos/new.jpg"]


def test_a_picture_put_back_into_the_trash_today_has_its_full_time_there(world: World) -> None:
    photo = trashed(world, "a.jpg", days_ago=40)
    restore(world.filer(clock=lambda: NOON - 2 * DAY), photo)
    undo(world.filer(clock=lambda: NOON - DAY), UndoSelection(last=1))
    assert world.store.get(photo.id).status is Status.TRASHED
    assert emptied(world, days=30).removed == ()
    assert len(emptied(world, days=1).removed) == 1


def test_a_file_that_changed_in_the_trash_is_left_there(world: World) -> None:
    photo = trashed(world, "a.jpg")
    at = photo.path.stat()
    photo.path.write_text("b.jpg")  # as long as before
    os.utime(photo.path, ns=(at.st_atime_ns, at.st_mtime_ns))  # and as old
    done = emptied(world)
    assert done.removed == ()
    assert done.left == ((photo.path, "its content has changed since"),)
    assert photo.path.read_text() == "b.jpg"
    assert world.store.get(photo.id).status is Status.TRASHED


def test_a_companion_that_changed_in_the_trash_keeps_all_there(world: World) -> None:
    photo = trashed(world, "a.HEIC", "a.HEIC.xmp")
    photo.companions[0].write_text("stars: 5")
    assert emptied(world).left == ((photo.companions[0], "its content has changed since"),)
    assert len(world.files()) == 2


def test_a_file_that_was_only_touched_is_the_same_file(world: World) -> None:
    photo = trashed(world, "a.jpg")
    os.utime(photo.path)
    assert len(emptied(world).removed) == 1


def test_nothing_outside_the_trash_is_removed_whatever_the_database_says(world: World) -> None:
    photo = filed(world, "a.jpg")
    world.store.set_status(photo.id, Status.TRASHED, "a lie")
    assert emptied(world).left == ((photo.path, "it was put there by hand, nobody knows when"),)
    moved = trashed(world, "b.jpg")
    outside = world.put("b.jpg", "b.jpg", below=world.base / "outside")
    moved.path.unlink()
    (world.library / "Trash" / "Photos").rmdir()
    (world.library / "Trash" / "Photos").symlink_to(outside.parent)
    assert (moved.path, "not in the trash") in emptied(world).left
    assert outside.read_text() == "b.jpg"
    assert photo.path.exists()


def test_a_link_in_place_of_the_file_is_left_and_so_is_what_it_points_to(world: World) -> None:
    photo = trashed(world, "a.jpg")
    photo.path.rename(world.base / "a.jpg")
    photo.path.symlink_to(world.base / "a.jpg")
    assert len(emptied(world).left) == 1
    assert photo.path.is_symlink()
    assert (world.base / "a.jpg").read_text() == "a.jpg"


def test_a_file_that_changes_at_the_last_moment_is_left(world: World) -> None:
    photo = trashed(world, "a.HEIC", "a.MOV")

    class Editing(WrappedDisk):
        def after(self, step: Step) -> None:
            if step.name == "unlink":
                photo.path.write_text("edited")

    done = emptied(world, disk=Editing())
    assert done.removed == ()
    assert done.left == ((photo.path, "1 of 2 files were removed: it changed at the last moment"),)
    assert photo.path.read_text() == "edited"
    row = world.store.get(photo.id)
    assert (row.status, row.companions) == (Status.TRASHED, ())
    assert world.journal.open_moves() == []


@pytest.mark.parametrize("name", ["digest", "look", "unlink", "sync_folder"])
@pytest.mark.parametrize("suffix", ["a.HEIC", "a.MOV", "Photos"])
def test_an_error_while_emptying_never_leaves_the_database_wrong(world: World, name: str, suffix: str) -> None:
    photo = trashed(world, "a.HEIC", "a.MOV")
    disk = FailingDisk(lambda step: step.name == name and step.paths[0].name == suffix, errno.EIO)
    done = emptied(world, disk=disk)
    row = world.store.get(photo.id)
    assert (row.status is Status.TRASHED) == row.path.exists()
    assert all(path.exists() for path in row.companions if row.status is Status.TRASHED)
    assert bool(done.removed) == (row.status is Status.MISSING)
    assert world.journal.open_moves() == []
    assert world.problems() == []


def test_the_trash_works_across_file_systems(world: World) -> None:
    disk = SplitDisk(world.library / "Trash")
    photo = filed(world, "a.jpg")
    trash_photo(world.filer(disk), photo, world.folders)
    assert world.problems(disk) == []
    assert len(empty(world.filer(disk, clock=lambda: NOON + 400 * DAY), world.folders).removed) == 1
    assert world.files() == {}


def test_a_database_that_cannot_be_written_removes_nothing(world: World) -> None:
    trashed(world, "a.jpg")
    world.database.execute(
        "CREATE TRIGGER full BEFORE INSERT ON move BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    with pytest.raises(StateError, match="disk is full"):
        emptied(world)
    assert len(world.files()) == 1


def test_a_picture_from_outside_the_library_can_be_trashed_too(world: World) -> None:
    photo = world.photo(world.put("2019/a.jpg", "a"))
    trash_photo(world.filer(), photo, world.folders)
    assert sorted(world.files()) == ["Library/Trash/a.jpg"]


def test_a_picture_that_is_gone_cannot_be_trashed(world: World) -> None:
    photo = filed(world, "a.jpg")
    photo.path.unlink()
    with pytest.raises(FilingError, match="no longer there"):
        trash_photo(world.filer(), photo, world.folders)
    assert world.store.get(photo.id) == photo


def test_a_picture_put_into_the_trash_by_hand_cannot_be_restored_by_us(world: World, tmp_path: Path) -> None:
    photo = filed(world, "a.jpg")
    world.store.set_status(photo.id, Status.TRASHED, "found there")
    with pytest.raises(NotFound, match="by hand"):
        restore(world.filer(), world.store.get(photo.id))
