from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from curated.domain import MoveState, Purpose, Status
from curated.errors import FilingError, FolderUnusable, SourceChanged, StateError
from curated.files import Disk, RealDisk
from curated.filing import PlannedFile, recover
from tests.support.filing_disks import FailingDisk, NoFlagDisk, RacingDisk, RecordingDisk, SplitDisk, Step, WrappedDisk
from tests.support.filing_world import World

ROADS: dict[str, Callable[[World], Disk]] = {
    "one file system": lambda world: RealDisk(),
    "without the flag": lambda world: NoFlagDisk(),
    "across": lambda world: SplitDisk(world.library),
    "across, said late": lambda world: SplitDisk(world.library, silent=True),
}
roads = pytest.mark.parametrize("road", ROADS)


def asset(world: World) -> tuple[list[Path], list[Path]]:
    sources = [world.put("trip/IMG_1.HEIC", "picture"), world.put("trip/IMG_1.MOV", "film")]
    sources.append(world.put("trip/IMG_1.HEIC.xmp", "notes"))
    photos = world.library / "Photos"
    return sources, [photos / "cat.HEIC", photos / "cat.MOV", photos / "cat.HEIC.xmp"]


@roads
def test_an_asset_moves_under_one_name_and_its_row_says_so(world: World, road: str) -> None:
    disk = ROADS[road](world)
    sources, targets = asset(world)
    photo, move = world.file(sources, targets, disk=disk)
    assert sorted(world.files()) == [
        "Library/Photos/cat.HEIC",
        "Library/Photos/cat.HEIC.xmp",
        "Library/Photos/cat.MOV",
    ]
    assert (photo.status, photo.category, photo.name) == (Status.FILED, "Photos", "cat")
    assert (photo.path, photo.companions) == (targets[0], tuple(targets[1:]))
    assert {file.state for file in move.files} == {MoveState.DONE}
    assert move.before["status"] == "arriving"
    assert move.after["path"] == str(targets[0])
    assert world.problems(disk) == []


@roads
def test_a_move_never_overwrites(world: World, road: str) -> None:
    disk = ROADS[road](world)
    sources, targets = asset(world)
    theirs = world.put("Photos/cat.MOV", "theirs", below=world.library)
    photo, _ = world.file(sources, targets, disk=disk)
    assert theirs.read_text() == "theirs"
    assert photo.path.name == "cat 2.HEIC"
    assert {path.name for path in photo.companions} == {"cat 2.MOV", "cat 2.HEIC.xmp"}
    assert world.problems(disk) == []


@roads
@pytest.mark.parametrize("suffix", ["cat.HEIC", "cat.MOV", "cat.HEIC.xmp"])
def test_a_name_taken_at_the_last_moment_gives_all_the_next(world: World, road: str, suffix: str) -> None:
    disk = RacingDisk(suffix, b"theirs", ROADS[road](world))
    sources, targets = asset(world)
    photo, move = world.file(sources, targets, disk=disk)
    assert (world.library / "Photos" / suffix).read_bytes() == b"theirs"
    assert [path.name for path in (photo.path, *photo.companions)] == ["cat 2.HEIC", "cat 2.MOV", "cat 2.HEIC.xmp"]
    assert [file.target.name for file in move.files] == ["cat 2.HEIC", "cat 2.MOV", "cat 2.HEIC.xmp"]
    assert world.problems(disk) == []


def test_a_folder_or_a_dangling_link_in_the_way_is_left_there(world: World) -> None:
    (world.library / "Photos" / "cat.jpg").mkdir(parents=True)
    (world.library / "Photos" / "cat 2.jpg").symlink_to("nowhere")
    photo, _ = world.file([world.put("a.jpg", "a")], [world.library / "Photos" / "cat.jpg"])
    assert photo.path.name == "cat 3.jpg"
    assert (world.library / "Photos" / "cat 2.jpg").is_symlink()


def all_or_none(world: World, before: list[str], sources: list[Path], targets: list[Path], *, moved: bool) -> list[str]:
    """What is wrong if the files are not all here or all there, each once.

    Once a source is removed there is no way back: another that cannot be removed then stays as a copy, said so.
    """
    left = [source for source in sources if source.exists()] if moved else []
    wrong = [f"{path} is not there" for path in (targets if moved else sources) if not path.exists()]
    wrong += [f"{path} is left" for path in left if f"{path} was copied but stays" not in last_reason(world)]
    if sorted(set(world.contents())) != before or len(world.contents()) != len(before) + len(left):
        wrong.append(f"there are {sorted(world.files())}")
    return wrong


def last_reason(world: World) -> str:
    row = world.database.execute("SELECT reason FROM move ORDER BY id DESC LIMIT 1").fetchone()
    return str(row["reason"])


@roads
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_an_error_at_any_step_leaves_every_file_where_it_was(in_memory, empty_database, road: str, code: int) -> None:
    """Every call the move makes fails once; what it does then is looked at each time."""
    number, failures = 0, 0
    while True:
        world = World(in_memory / str(number), template=empty_database)
        sources, targets = asset(world)
        before = world.contents()
        photo = world.photo(*sources, disk=ROADS[road](world))
        plan = world.plan(sources, targets, ROADS[road](world))
        disk = FailingDisk(number, code, ROADS[road](world))
        try:
            world.filer(disk).move(plan, purpose=Purpose.FILE, photo_id=photo.id, after={"status": "filed"}, reason="")
            moved = True
        except FilingError:
            moved = False
            failures += 1
        assert all_or_none(world, before, sources, targets, moved=moved) == [], number
        assert world.problems(ROADS[road](world)) == [], number
        world.close()
        if not disk.failed:
            break
        number += 1
    assert failures > 10


@roads
def test_a_disk_that_fails_for_good_is_recovered_once_it_works_again(in_memory, empty_database, road: str) -> None:
    number = 0
    while True:
        world = World(in_memory / str(number), template=empty_database)
        sources, targets = asset(world)
        before = world.contents()
        photo = world.photo(*sources, disk=ROADS[road](world))
        plan = world.plan(sources, targets, ROADS[road](world))
        changing = RecordingDisk(ROADS[road](world))
        disk = FailingDisk(
            lambda step, number=number: step.number >= number and len(step.paths) > 0,
            errno.EIO,
            changing,
            for_ever=True,
        )
        try:
            world.filer(disk).move(plan, purpose=Purpose.FILE, photo_id=photo.id, after={"status": "filed"}, reason="")
            done = not disk.failed
        except (FilingError, StateError):
            done = False
        healthy = ROADS[road](world)
        report = recover(world.database, healthy)
        assert not report.stuck
        assert not report.waiting
        moved = not sources[0].exists()
        assert all_or_none(world, before, sources, targets, moved=moved) == [], number
        assert world.problems(healthy) == [], number
        world.close()
        if done:
            break
        number += 1
    assert number > 10


def test_what_was_refused_is_said_in_words(world: World) -> None:
    source = world.put("a.jpg", "a")
    target = world.library / "Photos" / "a.jpg"

    def failing(code: int, name: str = "rename", inner: Disk | None = None) -> FilingError:
        photo = world.photo(source)
        with pytest.raises(FilingError) as caught:
            world.file([source], [target], disk=FailingDisk(lambda step: step.name == name, code, inner))
        world.store.forget(photo.id)
        return caught.value

    world.database.execute("DROP INDEX photo_path")  # each try makes a row of its own
    assert isinstance(failing(errno.EROFS), FolderUnusable)
    assert "Read-only file system" in str(failing(errno.EROFS))
    assert isinstance(failing(errno.ENOENT), SourceChanged)
    assert "Input/output error" in str(failing(errno.EIO))
    with pytest.raises(FilingError, match="neither rename without overwriting nor link"):
        world.file([source], [target], disk=NoFlagDisk(no_links=True))
    assert source.read_text() == "a"
    assert {move.reason for move in world.journal._moves("1")} != {""}


def test_a_full_disk_is_noticed_before_anything_is_copied(world: World) -> None:
    class Full(WrappedDisk):
        def free_space(self, folder: Path) -> int:
            return 10

    recording = RecordingDisk(Full(SplitDisk(world.library)))
    source = world.put("a.jpg", "a" * 100)
    with pytest.raises(FolderUnusable, match="are free"):
        world.file([source], [world.library / "a.jpg"], disk=recording)
    assert not [step for step in recording.steps if step.name in ("create", "copy")]
    assert world.problems(SplitDisk(world.library)) == []


@roads
def test_a_source_that_is_no_longer_the_one_that_was_read_goes_back_to_intake(world: World, road: str) -> None:
    source = world.put("a.jpg", "first")
    disk = ROADS[road](world)
    photo, plan = world.photo(source, disk=disk), world.plan([source], [world.library / "a.jpg"], disk)
    source.write_text("second")
    with pytest.raises(SourceChanged):
        world.filer(disk).move(plan, purpose=Purpose.FILE, photo_id=photo.id, after={"status": "filed"}, reason="")
    assert source.read_text() == "second"
    assert world.store.get(photo.id).status is Status.ARRIVING
    assert list(world.library.rglob("*.jpg")) == []


@roads
@pytest.mark.parametrize("name", ["rename", "copy", "digest", "unlink"])
def test_a_source_replaced_in_mid_move_is_kept(world: World, road: str, name: str) -> None:
    """Another program saves over the source just before a step; both contents must live on somewhere."""
    source = world.put("a.jpg", "first")

    class Saving(WrappedDisk):
        done = False

        def before(self, step: Step) -> None:
            if step.name == name and not self.done and source.exists():
                self.done = True
                fresh = source.with_name("saving")
                fresh.write_text("second")
                fresh.replace(source)

    disk = Saving(ROADS[road](world))
    plan = world.plan([source], [world.library / "a.jpg"], ROADS[road](world))
    with contextlib.suppress(SourceChanged):
        world.filer(disk).move(plan, purpose=Purpose.FILE, photo_id=None, after={}, reason="")
    if disk.done and name != "unlink":
        assert source.read_text() == "second"
    assert not world.journal.open_moves()
    assert not list(world.library.rglob(".curated-*"))


def test_links_fifos_and_folders_are_never_moved(world: World) -> None:
    real = world.put("real.jpg", "a")
    identity = world.plan([real], [world.library / "x.jpg"])[0].identity
    for number, make in enumerate((lambda p: p.symlink_to(real), os.mkfifo, lambda p: p.mkdir())):
        special = world.unsorted / f"special{number}.jpg"
        make(special)
        entry = RealDisk().look(special)
        assert entry is not None
        for each in (identity, entry.identity):
            file = PlannedFile("primary", special, world.library / "x.jpg", each, "0" * 64)
            with pytest.raises(SourceChanged):
                world.filer().move([file], purpose=Purpose.FILE, photo_id=None, after={}, reason="")
        assert os.path.lexists(special)
    assert os.listdir(world.library) == []


def test_a_file_that_is_in_its_place_is_not_moved(world: World) -> None:
    photo, _ = world.file([world.put("a.jpg", "a")], [world.library / "Photos" / "cat.jpg"])
    recording = RecordingDisk()
    plan = world.plan([photo.path], [photo.path])
    world.filer(recording).move(
        plan, purpose=Purpose.CORRECT, photo_id=photo.id, after={"category": "Cats"}, reason="corrected"
    )
    assert [step.name for step in recording.changing()] == []
    assert world.store.get(photo.id).category == "Cats"
    assert world.problems() == []


def test_a_file_that_has_a_numbered_name_keeps_it(world: World) -> None:
    world.put("Photos/cat.jpg", "theirs", below=world.library)
    photo, _ = world.file([world.put("a.jpg", "a")], [world.library / "Photos" / "cat.jpg"])
    assert photo.path.name == "cat 2.jpg"
    again = world.plan([photo.path], [world.library / "Photos" / "cat.jpg"])
    world.filer().move(again, purpose=Purpose.FILE, photo_id=photo.id, after={}, reason="")
    assert world.store.get(photo.id).path == photo.path


def test_folders_are_synced_before_the_journal_says_done(world: World) -> None:
    recording = RecordingDisk()
    source = world.put("a.jpg", "a")
    world.file([source], [world.library / "Photos" / "Solo" / "a.jpg"], disk=recording)
    assert [(step.name, step.paths[-1].name) for step in recording.changing()] == [
        ("make_folder", "Photos"),
        ("sync_folder", "Library"),
        ("make_folder", "Solo"),
        ("sync_folder", "Photos"),
        ("rename", "a.jpg"),
        ("sync_folder", "Solo"),
        ("sync_folder", "Unsorted"),
    ]


def test_across_file_systems_the_source_goes_last(world: World) -> None:
    recording = RecordingDisk(SplitDisk(world.library))
    states: list[tuple[str, str]] = []

    class Watching(WrappedDisk):
        def before(self, step: Step) -> None:
            if step.name in ("create", "copy", "rename", "unlink"):
                states.append((step.name, world.journal.open_moves()[0].files[0].state.value))

    world.file([world.put("a.jpg", "a")], [world.library / "a.jpg"], disk=Watching(recording))
    assert [step.name for step in recording.changing()] == [
        "create",
        "copy",
        "rename",
        "sync_folder",
        "unlink",
        "sync_folder",
    ]
    names = [step.name for step in recording.steps]
    assert names.index("copy") < names.index("digest") < names.index("rename")
    assert states == [("create", "copying"), ("copy", "copying"), ("rename", "landing"), ("unlink", "landed")]


def test_a_copy_keeps_time_mode_and_attributes(world: World) -> None:
    source = world.put("a.jpg", os.urandom(3_000_000))
    source.chmod(0o640)
    os.utime(source, ns=(1_500_000_000_123456789, 1_400_000_000_987654321))
    try:
        os.setxattr(source, "user.xdg.tags", b"holiday")
        attributes = {"user.xdg.tags": b"holiday"}
    except OSError:
        attributes = {}
    photo, _ = world.file([source], [world.library / "a.jpg"], disk=SplitDisk(world.library))
    status = photo.path.stat()
    assert status.st_mtime_ns == 1_400_000_000_987654321
    assert status.st_mode & 0o777 == 0o640
    assert {name: os.getxattr(photo.path, name) for name in attributes} == attributes


def test_a_copy_that_reads_back_differently_is_thrown_away(world: World) -> None:
    class Rotten(WrappedDisk):
        def digest(self, path: Path):
            return replace(super().digest(path), sha256="0" * 64)

    source = world.put("a.jpg", "a")
    with pytest.raises(FilingError, match="reads back differently"):
        world.file([source], [world.library / "a.jpg"], disk=Rotten(SplitDisk(world.library)))
    assert world.files() == {"Unsorted/a.jpg": "ca978112"}


def test_names_that_are_not_utf_8_and_the_longest_ones_are_filed(world: World) -> None:
    raw = world.unsorted / os.fsdecode(b"caf\xe9.jpg")
    raw.write_text("raw")
    photo, _ = world.file([raw], [world.library / raw.name])
    assert os.fsencode(photo.path.name) == b"caf\xe9.jpg"
    assert world.store.get(photo.id).name == "caf\\xe9"
    long = "é" * 125 + "x" + ".jpg"
    assert len(os.fsencode(long)) == 255
    for number in range(3):
        photo, _ = world.file([world.put(f"{number}.jpg", str(number))], [world.library / long])
        assert len(os.fsencode(photo.path.name)) <= 255
    assert photo.path.name.endswith("é 3.jpg")
    assert world.problems() == []


def test_a_target_below_a_root_that_is_not_mounted_is_refused(world: World) -> None:
    source = world.put("a.jpg", "a")
    away = world.base / "mounted" / "Library"
    filer = world.filer(roots=[away])
    with pytest.raises(FolderUnusable, match="is its disk mounted"):
        world.file([source], [away / "Photos" / "a.jpg"], filer=filer)
    assert not away.parent.exists()


def test_a_database_that_cannot_be_written_moves_nothing(world: World) -> None:
    source = world.put("a.jpg", "a")
    photo = world.photo(source)
    world.database.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON move_file WHEN new.state = 'done' "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    with pytest.raises(StateError, match="disk is full"):
        world.filer().move(
            world.plan([source], [world.library / "a.jpg"]),
            purpose=Purpose.FILE,
            photo_id=photo.id,
            after={"status": "filed"},
            reason="",
        )
    assert world.files() == {"Unsorted/a.jpg": "ca978112"}
    assert world.problems() == []


def test_a_move_is_never_part_of_another_transaction(world: World) -> None:
    source = world.put("a.jpg", "a")
    plan = world.plan([source], [world.library / "a.jpg"])
    with world.database.write(), pytest.raises(RuntimeError):
        world.filer().move(plan, purpose=Purpose.FILE, photo_id=None, after={}, reason="")


def test_a_row_whose_file_turns_out_to_be_gone_does_not_block_its_name(world: World) -> None:
    first, _ = world.file([world.put("a.jpg", "a")], [world.library / "cat.jpg"])
    first.path.unlink()
    second, _ = world.file([world.put("b.jpg", "b")], [world.library / "cat.jpg"])
    assert second.path == world.library / "cat.jpg"
    assert world.store.get(first.id).status is Status.MISSING


COMPETITOR = """
import os, sys, time
folder, count = sys.argv[1], 0
for number in range(1, 400):
    name = "cat.jpg" if number == 1 else f"cat {number}.jpg"
    try:
        descriptor = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        continue
    os.write(descriptor, b"theirs %d" % number)
    os.close(descriptor)
    count += 1
    time.sleep(0.0005)
print(count)
"""


def test_a_program_that_races_for_the_same_names_loses_nothing_and_we_neither(world: World) -> None:
    folder = world.library / "Photos"
    folder.mkdir()
    sources = [world.put(f"{number}.jpg", f"ours {number}") for number in range(100)]
    photos = [world.photo(source) for source in sources]
    filer = world.filer()
    with subprocess.Popen([sys.executable, "-c", COMPETITOR, str(folder)], stdout=subprocess.PIPE, text=True) as other:
        for source, photo in zip(sources, photos, strict=True):
            plan = world.plan([source], [folder / "cat.jpg"])
            filer.move(plan, purpose=Purpose.FILE, photo_id=photo.id, after={"status": "filed"}, reason="")
        theirs = int(other.communicate(timeout=60)[0])
    found = [path.read_text() for path in folder.iterdir()]
    assert sorted(text for text in found if text.startswith("ours")) == sorted(f"ours {n}" for n in range(100))
    assert sum(text.startswith("theirs") for text in found) == theirs
    assert len(found) == 100 + theirs
    assert world.problems() == []
