"""The daemon with a real worker child, real folders and a real database; only the models are plain."""

from __future__ import annotations

import errno
import shutil

import pytest

from curated.domain import Arrival, Purpose, Status
from curated.errors import AlreadyRunning, ConfigError
from curated.files import RealDisk
from curated.filing import Filer, UndoSelection, undo
from curated.pipeline import Failed, LeftAlone, Retrying
from curated.state.journal import Journal, NewFile, utc_now
from curated.state.rows import photo_from_arrival
from curated.state.schema import open_database
from curated.state.store import Store
from tests.daemon.conftest import House
from tests.support.clock import wait_until
from tests.support.filing_disks import FailingDisk
from tests.support.filing_world import sha256
from tests.support.plain_models import POISON


def test_once_files_all_that_is_there_and_ends(house: House) -> None:
    house.picture("IMG_1.jpg", (200, 20, 20), 1)
    house.picture("trip/IMG_2.png", (20, 200, 20), 2)
    house.picture("IMG_3.jpg", (20, 20, 200), 3)
    (house.unsorted / "notes.txt").write_text("not a picture")
    (house.unsorted / "half.jpg.part").write_text("not here yet")
    assert house.once()
    assert house.files() == [
        "Library/Photos/Blue things.jpg",
        "Library/Photos/Green things.png",
        "Library/Photos/Red things.jpg",
        "Unsorted/half.jpg.part",
        "Unsorted/notes.txt",
    ]
    last = house.states()[-1]
    assert (last.filed, last.failed, last.activity, last.others) == (3, 0, "stopped", {"other file": 1})


def test_a_second_run_has_nothing_to_do(house: House) -> None:
    house.picture("IMG_1.jpg", seed=1)
    assert house.once()
    before = house.files()
    house.events.clear()
    assert house.once()
    assert house.files() == before
    assert house.outcomes() == []


def test_of_two_files_with_the_same_bytes_one_is_judged(house: House) -> None:
    first = house.picture("a/IMG_1.jpg", seed=1)
    shutil.copy(first, house.unsorted / "IMG_2.jpg")
    shutil.copy(first, house.unsorted / "IMG_3.jpg")
    assert house.once()
    assert sorted(photo.status for photo in house.photos()) == [Status.DUPLICATE, Status.DUPLICATE, Status.FILED]
    assert house.filed() == ["Duplicates/Red things 2.jpg", "Duplicates/Red things.jpg", "Photos/Red things.jpg"]


def test_a_broken_file_goes_to_failed_and_the_run_says_so(house: House) -> None:
    house.picture("IMG_1.jpg", seed=1)
    broken = house.unsorted / "IMG_2.jpg"
    broken.write_bytes(house.picture("IMG_3.jpg", (20, 20, 200), seed=2).read_bytes()[:400])
    assert not house.once()
    assert house.filed() == ["Failed/IMG_2.jpg", "Photos/Blue things.jpg", "Photos/Red things.jpg"]
    kinds = [type(outcome) for outcome in house.outcomes() if getattr(outcome, "path", None) == broken]
    assert kinds == [Retrying], "a file that ends early is given a second chance"
    failed = next(outcome for outcome in house.outcomes() if isinstance(outcome, Failed))
    assert "end before the picture does" in failed.photo.reason


def test_a_picture_that_kills_the_worker_fails_alone(house: House) -> None:
    for number in range(6):
        house.picture(f"IMG_{number}.jpg", seed=number)
    house.picture("poison.png", POISON)
    assert not house.once()
    statuses = {photo.original_path.name: photo.status for photo in house.photos()}
    assert statuses.pop("poison.png") is Status.FAILED
    assert set(statuses.values()) == {Status.FILED}
    with open_database(house.base / "state" / "curated.db") as database:
        failed = next(photo for photo in Store(database).photos(status=Status.FAILED))
        assert Store(database).quarantined(failed.sha256)


def test_what_arrives_while_it_watches_is_filed(house: House) -> None:
    with house.running():
        house.picture("IMG_1.jpg", seed=1)
        wait_until(lambda: house.filed() == ["Photos/Red things.jpg"], "the first arrival")
        house.picture("new folder/IMG_2.jpg", (20, 200, 20), seed=2)
        wait_until(lambda: "Photos/Green things.jpg" in house.filed(), "the second arrival")
    assert house.states()[-1].activity == "stopped"


def test_it_says_soon_that_its_work_is_done(house: House) -> None:
    # Without events nothing else wakes it.
    house.settings = {"watch": {"polling": "always", "poll_seconds": 60.0}}
    house.picture("IMG_1.jpg", seed=1)
    with house.running():
        wait_until(house.filed, "the arrival")
        wait_until(
            lambda: house.states() and (house.states()[-1].activity, house.states()[-1].filed) == ("watching", 1),
            "the last word on it",
            seconds=5,
        )


def test_stop_ends_it_and_what_was_not_filed_stays_in_unsorted(house: House) -> None:
    for number in range(30):
        house.picture(f"IMG_{number:02}.jpg", seed=number)
    with house.running() as daemon:
        wait_until(house.filed, "the first to be filed")
        daemon.stop()
    assert len(house.files()) == 30
    with open_database(house.base / "state" / "curated.db") as database:
        assert Filer(database, RealDisk()).journal.open_moves() == []
    assert house.once()
    assert len(house.filed()) == 30


def test_what_undo_took_back_stays_until_retry(house: House) -> None:
    house.picture("IMG_1.jpg", seed=1)
    with house.running() as daemon:
        wait_until(house.filed, "the arrival")
        with open_database(house.base / "state" / "curated.db") as database:
            undo(Filer(database, RealDisk()), UndoSelection(last=1))
            wait_until(
                lambda: any(isinstance(outcome, LeftAlone) for outcome in house.outcomes()), "it to be left alone"
            )
            assert house.files() == ["Unsorted/IMG_1.jpg"]
            Store(database).set_status(1, Status.ARRIVING, "")
            daemon.retry()
            wait_until(lambda: house.filed() == ["Photos/Red things.jpg"], "it to be filed again")


def test_a_full_disk_blocks_says_so_and_goes_on_by_itself(house: House) -> None:
    full = [True]
    house.disk = FailingDisk(lambda step: full[0] and step.name == "rename", errno.ENOSPC, for_ever=True)
    house.picture("IMG_1.jpg", seed=1)
    house.settings = {}
    assert not house.once()
    assert house.files() == ["Unsorted/IMG_1.jpg"]
    assert any(state.activity == "paused" and "No space left" in state.detail for state in house.states())
    full[0] = False
    assert house.once()
    assert house.filed() == ["Photos/Red things.jpg"]


def test_an_empty_library_with_pictures_in_the_database_is_an_unmounted_one(house: House) -> None:
    house.picture("IMG_1.jpg", seed=1)
    assert house.once()
    house.library.rename(house.base / "elsewhere")
    house.library.mkdir()
    house.picture("IMG_2.jpg", seed=2)
    assert not house.once()
    assert house.files() == ["Unsorted/IMG_2.jpg"]
    assert "is its disk mounted?" in house.states()[-1].last_errors[-1]


def test_folders_that_filing_emptied_are_removed_only_if_wanted(house: House) -> None:
    house.picture("trip/day 1/IMG_1.jpg", seed=1)
    house.picture("other/IMG_2.jpg", seed=2)
    (house.unsorted / "other" / "notes.txt").write_text("stays")
    assert house.once()
    assert (house.unsorted / "trip" / "day 1").is_dir()
    house.picture("trip/day 1/IMG_3.jpg", seed=3)
    house.settings = {"watch": {"remove_emptied_folders": True}}
    assert house.once()
    assert sorted(path.name for path in house.unsorted.iterdir()) == ["other"]


def test_a_second_daemon_is_refused(house: House) -> None:
    with house.built(), pytest.raises(AlreadyRunning, match="another curated"), house.built():
        pass


def test_nothing_is_touched_where_the_folders_cannot_work(house: House) -> None:
    house.library = house.unsorted / "Library"
    house.picture("IMG_1.jpg", seed=1)
    with pytest.raises(ConfigError, match="inside"):
        house.once()
    assert house.files() == ["Unsorted/IMG_1.jpg"]
    assert not (house.base / "state").exists()


def test_a_file_that_cannot_be_moved_stays_and_ends_the_run_with_a_failure(house: House) -> None:
    house.picture("IMG_1.jpg", seed=1)
    house.disk = FailingDisk(lambda step: step.name in ("rename", "link"), errno.EIO, for_ever=True)
    assert not house.once()
    assert house.files() == ["Unsorted/IMG_1.jpg"]
    assert {type(outcome) for outcome in house.outcomes()} == {Retrying}
    house.disk = None
    assert house.once()
    assert house.filed() == ["Photos/Red things.jpg"]


def test_a_move_cut_off_by_a_crash_is_closed_before_anything_else(house: House) -> None:
    path = house.picture("IMG_1.jpg", seed=1)
    (house.library / "Photos").mkdir(parents=True)
    with open_database(house.base / "state" / "curated.db") as database:
        store, at = Store(database), path.lstat()
        arrival = Arrival(path, at.st_size, at.st_mtime_ns, at.st_dev, at.st_ino)
        photo = store.add(photo_from_arrival(arrival, sha256(path), utc_now()))
        target = house.library / "Photos" / "Half way.jpg"
        file = NewFile("primary", path, target, at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, sha256(path))
        Journal(database).plan(Purpose.FILE, photo, [file], {}, {"status": "filed"}, "")
        path.rename(target)  # and here the power went
    assert house.once()
    assert house.filed() == ["Photos/Half way.jpg"]
    assert [photo.status for photo in house.photos()] == [Status.FILED]
