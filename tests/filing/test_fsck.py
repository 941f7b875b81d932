from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from curated.domain import Photo, Purpose, Status
from curated.errors import FilingError
from curated.files import Disk, RealDisk
from curated.filing.fsck import Problem, check
from tests.support.filing_disks import FailingDisk, Step, WrappedDisk
from tests.support.filing_world import World


def filed(world: World, name: str, *others: str, content: str | None = None) -> Photo:
    sources = [world.put(name, content or name), *(world.put(other, other) for other in others)]
    photo, _ = world.file(sources, [world.library / "Photos" / path.name for path in sources])
    return photo


def found(world: World, *, repair: bool = False, disk: Disk | None = None) -> list[Problem]:
    return check(world.database, disk or RealDisk(), world.folders, repair=repair)


def troubles(problems: list[Problem]) -> list[tuple[str, Path, bool]]:
    return [(problem.trouble, problem.path, problem.repaired) for problem in problems]


def test_nothing_is_wrong_with_what_was_just_filed(world: World) -> None:
    filed(world, "a.HEIC", "a.MOV")
    world.put("waiting.jpg", "an arrival that was not taken yet")
    done: list[tuple[int, int]] = []
    assert check(world.database, RealDisk(), world.folders, progress=lambda *at: done.append(at)) == []
    assert done == [(1, 1)]


def test_a_file_that_is_gone_is_missing_and_repair_says_so_in_the_row(world: World) -> None:
    photo, _ = filed(world, "a.jpg"), filed(world, "b.jpg")
    photo.path.unlink()
    assert troubles(found(world)) == [("missing", photo.path, False)]
    assert world.store.get(photo.id).status is Status.FILED
    assert troubles(found(world, repair=True)) == [("missing", photo.path, True)]
    assert world.store.get(photo.id).status is Status.MISSING
    assert found(world) == []


def test_a_file_whose_content_changed_is_reported_and_left(world: World) -> None:
    photo = filed(world, "a.jpg")
    photo.path.write_text("edited")
    assert troubles(found(world, repair=True)) == [("changed", photo.path, False)]
    assert photo.path.read_text() == "edited"
    assert world.store.get(photo.id) == photo


def test_a_file_moved_by_hand_is_linked_to_its_row_again(world: World) -> None:
    photo = filed(world, "a.jpg")
    place = world.library / "Pets" / "tom.jpg"
    place.parent.mkdir()
    photo.path.rename(place)
    assert troubles(found(world)) == [("moved", place, False)]
    assert troubles(found(world, repair=True)) == [("moved", place, True)]
    row = world.store.get(photo.id)
    assert (row.path, row.name, row.status, row.category) == (place, "tom", Status.FILED, "Photos")
    assert found(world) == []
    assert world.problems() == []


@pytest.mark.parametrize(
    ("folder", "status"),
    [
        ("Trash", Status.TRASHED),
        ("Review", Status.REVIEW),
        ("Duplicates", Status.DUPLICATE),
        ("Failed", Status.FAILED),
        ("People/Solo", Status.FILED),
        ("../Unsorted", Status.UNDONE),
    ],
)
def test_where_it_was_moved_to_says_what_it_is(world: World, folder: str, status: Status) -> None:
    photo, _ = filed(world, "a.jpg"), filed(world, "stays.jpg")
    place = (world.library / folder / "a.jpg").resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    photo.path.rename(place)
    assert troubles(found(world, repair=True)) == [("moved", place, True)]
    assert world.store.get(photo.id).status is status


def test_companions_moved_by_hand_are_linked_with_their_picture(world: World) -> None:
    photo = filed(world, "a.HEIC", "a.MOV", "a.HEIC.xmp")
    pets = world.library / "Pets"
    pets.mkdir()
    photo.path.rename(pets / "tom.HEIC")
    photo.companions[0].rename(pets / "tom.MOV")
    photo.companions[1].rename(pets / "a.HEIC.xmp")
    found(world, repair=True)
    assert world.store.get(photo.id).companions == (pets / "tom.MOV", pets / "a.HEIC.xmp")
    assert found(world) == []


def test_a_companion_that_is_gone_is_reported_and_leaves_the_row(world: World) -> None:
    photo = filed(world, "a.HEIC", "a.MOV", "a.HEIC.xmp")
    photo.companions[0].unlink()
    assert troubles(found(world)) == [("missing", photo.companions[0], False)]
    assert troubles(found(world, repair=True)) == [("missing", photo.companions[0], True)]
    row = world.store.get(photo.id)
    assert (row.status, row.companions) == (Status.FILED, photo.companions[1:])
    assert found(world) == []


def test_one_of_two_equal_files_is_found_for_each_row(world: World) -> None:
    photos = [filed(world, name, content="the same") for name in ("a.jpg", "b.jpg")]
    for photo in photos:
        photo.path.rename(photo.path.with_name("moved " + photo.path.name))
    assert [problem.trouble for problem in found(world, repair=True)] == ["moved", "moved"]
    assert len({world.store.get(photo.id).path for photo in photos}) == 2
    assert found(world) == []


def test_a_missing_picture_that_is_back_in_the_library_is_linked_again(world: World) -> None:
    photo = filed(world, "a.jpg")
    kept = shutil.copy(photo.path, world.base / "backup.jpg")
    photo.path.unlink()
    world.put("Photos/stays.jpg", "s", below=world.library)
    found(world, repair=True)
    shutil.copy(kept, photo.path)
    problems = found(world, repair=True)
    assert ("moved", photo.path, True) in troubles(problems)
    assert world.store.get(photo.id).status is Status.FILED


def test_a_new_arrival_equal_to_a_missing_picture_is_an_arrival(world: World) -> None:
    photo, _ = filed(world, "a.jpg"), filed(world, "stays.jpg")
    photo.path.unlink()
    found(world, repair=True)
    world.put("again.jpg", "a.jpg")
    assert found(world, repair=True) == []
    assert world.store.get(photo.id).status is Status.MISSING


def test_a_library_file_that_no_row_names_is_unknown_and_left(world: World) -> None:
    filed(world, "a.jpg")
    mine = world.put("Photos/mine.jpg", "mine", below=world.library)
    world.put("Photos/.hidden", "hidden", below=world.library)
    (world.library / "Photos" / "link.jpg").symlink_to(mine)
    assert troubles(found(world, repair=True)) == [("unknown", mine, False)]
    assert mine.read_text() == "mine"


def test_an_unfinished_copy_that_no_move_names_is_reported_and_left(world: World) -> None:
    filed(world, "a.jpg")
    stray = world.put("Photos/.curated-0123.part", "half", below=world.library)
    assert troubles(found(world, repair=True)) == [("stray", stray, False)]
    assert stray.exists()


def test_a_move_left_half_done_is_closed_by_repair(world: World) -> None:
    source = world.put("a.jpg", "a")
    photo = world.photo(source)
    disk = FailingDisk(
        lambda step: step.name in ("sync_folder", "look") and (world.library / "a.jpg").exists(), 5, for_ever=True
    )
    with pytest.raises(FilingError, match="recovery will"):
        world.filer(disk).move(
            world.plan([source], [world.library / "a.jpg"]),
            purpose=Purpose.FILE,
            photo_id=photo.id,
            after={"status": "filed"},
            reason="",
        )
    assert [(p.trouble, p.photo_id, p.repaired) for p in found(world) if p.trouble == "open"] == [
        ("open", photo.id, False)
    ]
    assert troubles(found(world, repair=True)) == [("open", source, True)]
    assert world.problems() == []


@pytest.mark.parametrize("bare", [True, False])
def test_a_library_whose_disk_is_not_mounted_is_paused_and_nothing_in_it_missing(world: World, bare: bool) -> None:
    photo = filed(world, "a.jpg")
    shutil.rmtree(world.library)
    if bare:
        world.library.mkdir()
        (world.library / "lost").mkdir()
    assert troubles(found(world, repair=True)) == [("paused", world.library, False)]
    assert world.store.get(photo.id) == photo


def test_a_new_and_empty_library_is_not_paused(world: World) -> None:
    assert found(world) == []


def test_a_file_that_cannot_be_read_is_said_to_be_unreadable(world: World) -> None:
    photo = filed(world, "a.jpg")
    disk = FailingDisk(lambda step: step.name == "digest", errno.EIO)
    (problem,) = found(world, repair=True, disk=disk)
    assert (problem.trouble, problem.path, problem.detail) == ("unreadable", photo.path, "Input/output error")
    assert world.store.get(photo.id) == photo


def test_what_the_daemon_moves_during_the_check_is_neither_missing_nor_unknown(world: World) -> None:
    first, second = filed(world, "a.jpg"), filed(world, "b.jpg")

    class Busy(WrappedDisk):
        """Beside the check, one picture is moved elsewhere and a new one filed."""

        done = False

        def before(self, step: Step) -> None:
            if step.name == "digest" and not self.done:
                self.done = True
                world.filer().move(
                    world.plan([second.path], [world.library / "Pets" / "b.jpg"]),
                    purpose=Purpose.CORRECT,
                    photo_id=second.id,
                    after={},
                    reason="",
                )
                world.file([world.put("c.jpg", "c")], [world.library / "Photos" / "c.jpg"])

    assert found(world, repair=True, disk=Busy()) == []
    assert world.store.get(first.id) == first
    assert world.store.get(second.id).status is Status.FILED
    assert world.problems() == []
