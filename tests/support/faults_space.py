"""A disk with no room left at any of the writes: small tmpfs for the library, and for the database."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curated.errors import StateError
from curated.files import Disk, RealDisk
from curated.state.schema import open_database
from tests.support.faults_disks import RoomyDisk
from tests.support.faults_errors import ASSETS, file, take_back
from tests.support.faults_ground import Figures, Ground
from tests.support.filing_world import World

_PAGE = 4096
_MS_REMOUNT = 32
_libc = ctypes.CDLL(None, use_errno=True)


def why_not() -> str:
    """Why no small file system can be had here; "" where it can."""
    return "" if os.geteuid() == 0 else "only root may mount a small file system"


@contextmanager
def small(mount: Path) -> Iterator[Path]:
    """A tmpfs of 4 MiB."""
    mount.mkdir(parents=True, exist_ok=True)
    _mount(mount, 0, "size=4m,nr_inodes=1000")
    try:
        yield mount
    finally:
        _libc.umount2(os.fsencode(mount), 2)


def leave(mount: Path, pages: int) -> Path:
    """Fill it up but for so many pages; the file that fills it."""
    ballast = mount / ".ballast"
    free = os.statvfs(mount).f_bavail - pages
    ballast.write_bytes(bytes(max(free, 0) * _PAGE))
    return ballast


def leave_names(mount: Path, names: int) -> None:
    """Let only so many more files and folders be made there."""
    found = os.statvfs(mount)
    _mount(mount, _MS_REMOUNT, f"nr_inodes={found.f_files - found.f_ffree + names}")


def _mount(mount: Path, flags: int, options: str) -> None:
    if _libc.mount(b"tmpfs", os.fsencode(mount), b"tmpfs", flags, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(mount))


def library_full(folder: Path, *, every: int = 1) -> Figures:
    """From no page (and no file) free to more than is needed, with and without room being asked for first."""
    figures = Figures("no space in the library")
    template = _template(folder)
    for number, (what, amount, asked) in enumerate(
        [("pages", pages, asked) for pages in range(12) for asked in (True, False)]
        + [("names", names, False) for names in range(6)]
    ):
        if number % every:
            continue
        label = f"{amount} {what} free, {'asked for' if asked else 'not asked for'}"
        with small(folder / "small") as mount:
            ground = Ground(World(folder / f"world-{number}", mount / "Library", template), ASSETS)
            disk: Disk = RealDisk() if asked else RoomyDisk()
            ballast = leave(mount, amount if what == "pages" else 200)
            if what == "names":
                leave_names(mount, amount)
            told = file(ground, disk)
            found = [f"says only {each!r}" for each in told if str(mount) not in each]
            if not told and not asked and amount == 0:
                found.append("there was no room, and no error")
            figures.covered["refused" if told else "filed"] += 1
            ground.world.store.forget_arriving()
            found += [f"without recovery: {problem}" for problem in ground.judge()]
            ballast.unlink()
            _mount(mount, _MS_REMOUNT, "nr_inodes=1000")
            found += ground.recover_and_judge()
            if told and (again := file(ground, disk)):
                found.append(f"does not go on when there is room: {again}")
            found += ground.judge()
            ground.world.close()
        figures.tried += 1
        figures.violations += [f"{label}: {problem}" for problem in found]
    return figures


def database_full(folder: Path, *, every: int = 1, pages: int = 60) -> Figures:
    """From no page free for the database to more than a move needs, filing and taking back."""
    figures = Figures("no space for the database")
    template = _template(folder)
    trials = [(left, act) for left in range(pages) for act in ("file", "undo", "start")]
    for number, (left, act) in enumerate(trials):
        if number % every:
            continue
        base = folder / f"db-world-{number}"
        with small(base / "state") as mount:
            (mount / "curated.db").write_bytes(template.read_bytes())
            ground = Ground(World(base), ASSETS)
            if act == "undo":
                file(ground, RealDisk())
            if act == "start":
                ground.world.close()
            else:
                ground.world.store.forget_arriving()  # the database is open and in use, as a daemon's is
            ballast = leave(mount, left)
            told = []
            try:
                told = (take_back if act == "undo" else file)(ground, RealDisk())
            except StateError as error:
                told = [str(error)]
            found = [f"says only {each!r}" for each in told if str(mount) not in each]
            figures.covered[f"{act} {'refused' if told else 'done'}"] += 1
            ballast.unlink()
            found += ground.recover_and_judge()
            if told and act != "undo" and ground.photo(ASSETS[0]) is None and (again := file(ground, RealDisk())):
                found.append(f"does not go on when there is room: {again}")
            found += ground.judge()
            ground.world.close()
        figures.tried += 1
        figures.violations += [f"{act}, {left} pages free: {problem}" for problem in found]
    return figures


def _template(folder: Path) -> Path:
    template = folder / "template.db"
    if not template.exists():
        open_database(template).close()
    return template
