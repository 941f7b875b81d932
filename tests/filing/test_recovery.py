"""What a crash leaves open, where dying at a step (test_crash) does not show it."""

from __future__ import annotations

import errno
import shutil
import threading
from pathlib import Path

import pytest

from curated.domain import Move, Photo, Purpose, Status
from curated.errors import FilingError, SourceChanged, StateError
from curated.files import Disk, RealDisk
from curated.filing import UndoSelection, recover, undo
from curated.filing.recovery import filing_lock
from curated.state.journal import NewFile
from curated.state.store import Store
from tests.support.filing_disks import FailingDisk, NoFlagDisk, SplitDisk, Step, WrappedDisk
from tests.support.filing_world import World


def planned(world: World, source: Path, target: Path, photo: Photo | None = None) -> Move:
    """A move of which nothing but the plan was made, as a crash right after that leaves it."""
    file = world.plan([source], [target])[0]
    at = file.identity
    new = NewFile("primary", source, target, at.device, at.inode, at.size, at.mtime_ns, file.sha256)
    return world.journal.plan(Purpose.FILE, photo.id if photo else None, [new], {}, {"status": "filed"}, "")


def left_open(world: World, source: Path, target: Path, inner: Disk | None = None) -> Photo:
    """The disk gives up for good as soon as the file has the target's name."""
    photo = world.photo(source, disk=inner)
    disk = FailingDisk(lambda step: target.exists(), errno.EIO, inner, for_ever=True)
    with pytest.raises(FilingError, match="could not be taken back yet"):
        world.filer(disk).move(
            world.plan([source], [target], inner),
            purpose=Purpose.FILE,
            photo_id=photo.id,
            after={"status": "filed"},
            reason="",
        )
    return photo


def test_recovery_of_nothing_finds_nothing(world: World) -> None:
    report = recover(world.database, RealDisk())
    assert (report.finished, report.aborted, report.waiting, report.stuck) == ((), (), (), ())


def test_a_move_that_was_only_planned_is_given_up(world: World) -> None:
    source = world.put("a.jpg", "a")
    photo = world.photo(source)
    planned(world, source, world.library / "a.jpg", photo)
    assert len(recover(world.database, RealDisk()).aborted) == 1
    assert world.problems() == []
    assert world.store.forget_arriving() == 1


def test_a_move_whose_file_has_left_is_finished_and_its_row_says_so(world: World) -> None:
    source, target = world.put("a.jpg", "a"), world.library / "a.jpg"
    photo = world.photo(source)
    planned(world, source, target, photo)
    source.rename(target)
    assert len(recover(world.database, RealDisk()).finished) == 1
    assert world.store.get(photo.id).path == target
    assert world.problems() == []


def test_a_file_with_both_names_keeps_one(world: World) -> None:
    source, target = world.put("a.jpg", "a"), world.library / "a.jpg"
    photo = left_open(world, source, target, NoFlagDisk())
    assert source.samefile(target)
    recover(world.database, NoFlagDisk())
    assert world.problems() == []
    assert world.store.get(photo.id).status is Status.FILED
    assert not source.exists()


def test_device_numbers_may_change_over_a_restart(world: World) -> None:
    source, target = world.put("a.jpg", "a"), world.library / "a.jpg"
    photo = world.photo(source)
    planned(world, source, target, photo)
    source.rename(target)
    with world.database.write() as connection:
        connection.execute("UPDATE move_file SET device = 12345")
    assert len(recover(world.database, RealDisk()).finished) == 1
    assert world.problems() == []


def test_a_stranger_under_the_targets_name_is_not_taken_for_the_file(world: World) -> None:
    source, target = world.put("a.jpg", "aaa"), world.put("a.jpg", "bbb", below=world.library)
    planned(world, source, target)
    source.unlink()
    report = recover(world.database, RealDisk())
    assert len(report.aborted) == 1
    assert "found neither" in report.aborted[0].reason
    assert target.read_text() == "bbb"


def test_a_lost_file_is_waited_for_while_its_root_is_away_and_then_given_up(world: World) -> None:
    source = world.put("trip/a.jpg", "a")
    planned(world, source, world.library / "Photos" / "a.jpg")
    shutil.rmtree(world.unsorted)
    roots = [world.unsorted, world.library]
    assert len(recover(world.database, RealDisk(), roots=roots).waiting) == 1
    world.unsorted.mkdir()  # the bare place where the disk is mounted
    assert len(recover(world.database, RealDisk(), roots=roots).waiting) == 1
    world.put("other.jpg", "it is mounted, and the folder was removed")
    world.put("other.jpg", "so is this one", below=world.library)
    assert len(recover(world.database, RealDisk(), roots=roots).aborted) == 1
    assert world.journal.open_moves() == []


def test_a_file_that_comes_back_with_its_disk_is_recovered(world: World) -> None:
    source = world.put("trip/a.jpg", "a")
    photo = world.photo(source)
    planned(world, source, world.library / "Photos" / "a.jpg", photo)
    world.unsorted.rename(world.base / "away")
    assert len(recover(world.database, RealDisk()).waiting) == 1
    assert world.store.forget_arriving() == 0, "its file may be in the library"
    (world.base / "away").rename(world.unsorted)
    assert len(recover(world.database, RealDisk()).aborted) == 1
    assert world.problems() == []


def test_a_move_that_cannot_be_closed_is_stuck_and_stops_no_other(world: World) -> None:
    for name in ("a", "b"):
        source = world.put(f"{name}.jpg", name)
        planned(world, source, world.library / f"{name}.jpg", world.photo(source))
        source.rename(world.library / f"{name}.jpg")
    disk = FailingDisk(lambda step: any("a.jpg" in path.name for path in step.paths), errno.EIO, for_ever=True)
    report = recover(world.database, disk)
    assert [move.files[0].source.name for move, _ in report.stuck] == ["a.jpg"]
    assert len(report.finished) == 1
    recover(world.database, RealDisk())
    assert world.problems() == []


def test_the_next_move_of_a_file_closes_what_the_last_one_left(world: World) -> None:
    source, target = world.put("a.jpg", "a"), world.library / "a.jpg"
    photo = left_open(world, source, target, NoFlagDisk())
    plan = world.plan([source], [world.library / "other.jpg"], NoFlagDisk())
    with pytest.raises(SourceChanged):
        world.filer(NoFlagDisk()).move(
            plan, purpose=Purpose.FILE, photo_id=photo.id, after={"status": "filed"}, reason=""
        )
    assert world.store.get(photo.id).path == target
    assert world.files() == {"Library/a.jpg": "ca978112"}
    assert world.problems() == []


def test_no_second_move_begins_while_the_first_waits_for_its_disk(world: World) -> None:
    source = world.put("trip/a.jpg", "a")
    photo = world.photo(source)
    planned(world, source, world.library / "Photos" / "a.jpg", photo)
    plan = world.plan([source], [world.library / "Photos" / "a.jpg"])
    source.parent.rename(world.base / "away")
    with pytest.raises(FilingError, match="waits for a folder"):
        world.filer().move(plan, purpose=Purpose.FILE, photo_id=photo.id, after={}, reason="")
    assert len(world.journal.open_moves()) == 1


def test_a_row_whose_move_is_open_is_not_forgotten(world: World) -> None:
    photo = left_open(world, world.put("a.jpg", "a"), world.library / "a.jpg")
    world.store.forget(photo.id)
    assert world.store.forget_arriving() == 0
    recover(world.database, RealDisk())
    assert world.store.get(photo.id).status is Status.FILED
    assert world.problems() == []


def test_a_move_past_its_last_copy_is_recorded_later_and_never_taken_back(world: World) -> None:
    source, target = world.put("a.jpg", "a"), world.library / "a.jpg"
    disk = SplitDisk(world.library)
    photo = world.photo(source)
    world.database.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON move_file WHEN new.state = 'done' "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    with pytest.raises(StateError, match=r"disk is full; .* was moved, which the next start will record"):
        world.filer(disk).move(
            world.plan([source], [target]),
            purpose=Purpose.FILE,
            photo_id=photo.id,
            after={"status": "filed"},
            reason="",
        )
    assert world.files() == {"Library/a.jpg": "ca978112"}
    with pytest.raises(StateError, match="cannot be written"):
        recover(world.database, disk)
    world.database.execute("DROP TRIGGER full")
    assert len(recover(world.database, disk).finished) == 1
    assert world.problems(disk) == []


def test_a_copy_that_is_the_last_one_is_filed(world: World) -> None:
    source, target = world.put("a.jpg", "a"), world.library / "a.jpg"
    photo = world.photo(source)
    move = planned(world, source, target, photo)
    temporary = world.library / ".curated-0123.part"
    shutil.copy2(source, temporary)
    world.database.execute(
        "UPDATE move_file SET state = 'landing', temporary = ? WHERE move_id = ?", (str(temporary).encode(), move.id)
    )
    source.unlink()
    assert len(recover(world.database, RealDisk()).finished) == 1
    assert world.files() == {"Library/a.jpg": "ca978112"}
    assert world.problems() == []


def test_half_a_copy_without_its_source_is_kept(world: World) -> None:
    source, target = world.put("a.jpg", "a" * 1000), world.library / "a.jpg"
    move = planned(world, source, target)
    temporary = world.put(".curated-0123.part", "a" * 500, below=world.library)
    world.database.execute(
        "UPDATE move_file SET state = 'copying', temporary = ? WHERE move_id = ?", (str(temporary).encode(), move.id)
    )
    source.unlink()
    recover(world.database, RealDisk())
    assert world.journal.open_moves() == []
    assert temporary.exists()


def test_recovery_waits_for_the_move_of_another_thread(world: World) -> None:
    source, target = world.put("a.jpg", "a"), world.library / "a.jpg"
    photo = world.photo(source)
    moving, go_on = threading.Event(), threading.Event()

    class Slow(WrappedDisk):
        def before(self, step: Step) -> None:
            if step.name == "rename":
                moving.set()
                go_on.wait(20)

    def move() -> None:
        world.filer(Slow()).move(
            world.plan([source], [target]),
            purpose=Purpose.FILE,
            photo_id=photo.id,
            after={"status": "filed"},
            reason="",
        )

    mover = threading.Thread(target=move)
    mover.start()
    assert moving.wait(20)
    reports = []
    recoverer = threading.Thread(target=lambda: reports.append(recover(world.database, RealDisk())))
    recoverer.start()
    recoverer.join(0.2)
    assert recoverer.is_alive()
    go_on.set()
    mover.join(20)
    recoverer.join(20)
    assert reports[0].aborted == reports[0].finished == ()
    assert world.problems() == []


def test_the_lock_nests_in_one_thread_and_is_free_afterwards(world: World) -> None:
    lock = filing_lock(world.database)
    with lock.held(), lock.held():
        pass
    with filing_lock(world.database).held():
        pass
    world.file([world.put("a.jpg", "a")], [world.library / "a.jpg"])
    with world.filer().alone():
        pass
    assert undo(world.filer(), UndoSelection(last=1)).undone == 1
    assert Store(world.database).counts("status") == {"undone": 1}


def test_a_state_folder_that_cannot_hold_the_lock_is_one_line(tmp_path: Path, world: World) -> None:
    world.database_path.with_name("curated.db.filing").mkdir()
    with pytest.raises(StateError, match=r"curated\.db\.filing: cannot be locked: Is a directory"):
        recover(world.database, RealDisk())
