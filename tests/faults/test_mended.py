"""What the fault tests have found, each reproduced alone."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from curated.config import Reading
from curated.errors import FilingError, FolderUnusable, PictureError
from curated.pictures.decode import decode
from curated.review import Carrier, Desk
from tests.review.test_hand import config_of, filed
from tests.support.faults_disks import DoneButFailedDisk, MeddledDisk
from tests.support.faults_poison import sparse
from tests.support.filing_disks import FailingDisk, NoFlagDisk, RecordingDisk, SplitDisk
from tests.support.filing_world import World
from tests.support.pictures import encoded, scene


def pair(world: World) -> tuple[list[Path], list[Path]]:
    sources = [world.put("IMG_1.HEIC", "picture"), world.put("IMG_1.MOV", "film")]
    return sources, [world.library / "Photos" / "cat.HEIC", world.library / "Photos" / "cat.MOV"]


def step_of(
    tmp_path: Path, template: Path, name: str, path: str, disk_of=lambda world: SplitDisk(world.library)
) -> int:
    """The number of the first step of that name on a file whose name ends so."""
    trial = World(tmp_path / "trial", template=template)
    recording = RecordingDisk(disk_of(trial))
    trial.file(*pair(trial), disk=recording)
    trial.close()
    return next(step.number for step in recording.steps if step.name == name and step.paths[0].name.endswith(path))


def test_a_source_removed_although_the_disk_said_no_does_not_tear_the_asset_apart(
    world: World, tmp_path: Path, empty_database: Path
) -> None:
    at = step_of(tmp_path, empty_database, "unlink", "IMG_1.HEIC")
    sources, targets = pair(world)
    world.file(sources, targets, disk=DoneButFailedDisk(at, SplitDisk(world.library)))
    assert [path.exists() for path in (*sources, *targets)] == [False, False, True, True]
    assert world.problems(SplitDisk(world.library)) == []


def test_a_source_stays_if_its_copy_is_altered_right_before_it_would_be_removed(
    world: World, tmp_path: Path, empty_database: Path
) -> None:
    at = step_of(tmp_path, empty_database, "unlink", "IMG_1.HEIC") - 2
    sources, targets = pair(world)

    def edit() -> None:
        targets[0].write_text("edited!")

    with pytest.raises(FilingError, match="altered as soon as it was there"):
        world.file(sources, targets, disk=MeddledDisk(at, edit, SplitDisk(world.library)))
    assert [path.read_text() for path in sources] == ["picture", "film"]
    assert targets[0].read_text() == "edited!"


def test_an_empty_copy_is_not_left_behind_when_its_source_goes_away(
    world: World, tmp_path: Path, empty_database: Path
) -> None:
    at = step_of(tmp_path, empty_database, "copy", "IMG_1.MOV")
    sources, targets = pair(world)
    with pytest.raises(FilingError, match=r"IMG_1\.HEIC"):
        world.file(sources, targets, disk=MeddledDisk(at, sources[1].unlink, SplitDisk(world.library)))
    assert sorted(world.files()) == ["Unsorted/IMG_1.HEIC"]


def test_a_new_file_under_the_old_name_is_seen_until_the_last_moment_where_names_are_linked(
    world: World, tmp_path: Path, empty_database: Path
) -> None:
    at = step_of(tmp_path, empty_database, "unlink", "IMG_1.HEIC", lambda world: NoFlagDisk()) - 1
    sources, targets = pair(world)

    def replace() -> None:
        (world.base / "new").write_text("another picture")
        (world.base / "new").replace(sources[0])

    world.file(sources, targets, disk=MeddledDisk(at, replace, NoFlagDisk()))
    assert sources[0].read_text() == "another picture"
    assert targets[0].read_text() == "picture"


def test_a_library_that_does_not_answer_makes_decisions_wait(world: World) -> None:
    photo = filed(world, "a.jpg")
    Desk(config_of(world), world.database).decide([photo.id], "trash")
    dead = FailingDisk(lambda step: step.name == "writable", errno.EIO, for_ever=True)
    with pytest.raises(FolderUnusable, match="does not answer"):
        list(Carrier(config_of(world), world.filer(dead)).carry())
    assert [each.problem for each in Carrier(config_of(world), world.filer()).carry()] == [""]


def test_a_hidden_copy_goes_although_its_new_name_was_removed_before_the_old_one(
    world: World, tmp_path: Path, empty_database: Path
) -> None:
    def slow(world: World) -> NoFlagDisk:
        return NoFlagDisk(SplitDisk(world.library))

    at = step_of(tmp_path, empty_database, "link", ".part", slow) + 1
    sources, targets = pair(world)
    disk = MeddledDisk(at, targets[0].unlink, slow(world))
    with pytest.raises(FilingError, match="altered as soon as it was there"):
        world.file(sources, targets, disk=disk)
    assert sorted(world.files()) == ["Unsorted/IMG_1.HEIC", "Unsorted/IMG_1.MOV"]


@pytest.mark.parametrize(("form", "head"), [("JPEG", 20), ("JPEG", 400), ("GIF", 40), ("GIF", 12_000)])
def test_a_decoder_does_not_go_through_zeros_byte_by_byte(tmp_path: Path, form: str, head: int) -> None:
    path = sparse(tmp_path / "zeros", encoded(scene(), form)[:head], 200_000_000)
    began = time.process_time()
    with pytest.raises(PictureError):
        decode(path, "0" * 64, None, Reading())
    # Ten seconds and more if it did.
    assert time.process_time() - began < 4
