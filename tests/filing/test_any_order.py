"""Whatever is done to pictures in whatever order, over whatever disk: every byte is there, and every row is true."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curated.domain import Photo, Purpose, Status
from curated.errors import FilingError, NotFound
from curated.files import Disk, RealDisk
from curated.filing import UndoSelection, recover, undo
from curated.filing.filed import present_files
from curated.filing.trash import restore, trash_photo
from tests.support.filing_disks import FailingDisk, NoFlagDisk, SplitDisk
from tests.support.filing_world import World

ACTS = st.sampled_from(["file", "file", "correct", "trash", "restore", "undo last", "undo photo", "redo", "refile"])
STEPS = st.lists(st.tuples(ACTS, st.integers(0, 5), st.none() | st.integers(0, 40)), max_size=14)


def act(world: World, disk: Disk, what: str, number: int, serial: int) -> None:
    filer = world.filer(disk)
    photos = list(world.store.with_status(*(status for status in Status if status is not Status.ARRIVING)))
    if what == "file":
        # Two files of one asset; the names clash with what was filed before.
        sources = [world.put(f"{serial}{end}", f"{serial}{end}") for end in (".HEIC", ".MOV")]
        world.file(sources, [world.library / "Photos" / f"cat{path.suffix}" for path in sources], filer=filer)
    elif what == "undo last":
        undo(filer, UndoSelection(last=number))
    elif what == "redo":
        undone = [move.id for move in world.journal.in_force("purpose = 'undo'")]
        undo(filer, UndoSelection(move_ids=tuple(undone[:1]) or (0,)))
    elif photos:
        photo = photos[number % len(photos)]
        if what == "correct" and photo.status is Status.FILED:
            move(world, disk, photo, Purpose.CORRECT, world.library / f"Pets {number}", {"category": f"Pets {number}"})
        elif what == "refile" and photo.status is Status.UNDONE:
            move(world, disk, photo, Purpose.FILE, world.library / "Again", {"status": "filed", "category": "Again"})
        elif what == "trash" and photo.status is Status.FILED:
            trash_photo(filer, photo, world.folders)
        elif what == "restore":
            restore(filer, photo)
        elif what == "undo photo":
            undo(filer, UndoSelection(photo_ids=(photo.id,)))


def move(world: World, disk: Disk, photo: Photo, purpose: Purpose, folder: Path, after: dict[str, str | None]) -> None:
    files = present_files(disk, photo, lambda path: folder / path.name)
    world.filer(disk).move(files, purpose=purpose, photo_id=photo.id, after=after, reason="")


@pytest.mark.parametrize("road", ["one file system", "without the flag", "across"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_order_of_acts_and_errors_loses_a_byte_or_a_truth(
    in_memory: Path, empty_database: Path, road: str, steps: list[tuple[str, int, int | None]]
) -> None:
    with tempfile.TemporaryDirectory(dir=in_memory) as folder:
        world = World(Path(folder), template=empty_database)
        disks = {"one file system": RealDisk(), "without the flag": NoFlagDisk(), "across": SplitDisk(world.library)}
        disk = disks[road]
        for serial, (what, number, fails_at) in enumerate(steps):
            before = set(world.contents())
            failing = disk if fails_at is None else FailingDisk(fails_at, errno.EIO, disk)
            try:
                act(world, failing, what, number, serial)
            except (FilingError, NotFound):
                recover(world.database, disk)
            assert before <= set(world.contents()), what
            world.store.forget_arriving()
            assert world.problems(disk) == [], what
        world.close()
