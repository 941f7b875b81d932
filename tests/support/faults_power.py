"""Power cuts: ext4 on loop devices that forget all that was not synced, at any step and at any moment.

EXT4_IOC_SHUTDOWN without a flush leaves on the disk what a power cut would: nothing reaches it any more, and what
waited in memory is gone with the unmounting.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from curated.files import Disk, RealDisk
from curated.filing import UndoSelection, undo
from curated.filing.trash import restore, trash_photo
from curated.state.schema import open_database
from tests.support.faults_ground import Figures, Ground
from tests.support.faults_kills import Board, TellingDisk, fork, kill_after
from tests.support.faults_stream import Stream
from tests.support.filing_disks import RecordingDisk, Step, WrappedDisk
from tests.support.filing_world import World

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH
_SIZE = 32 << 20
_CUTS_IN_ONE_WORLD = 10
# Which drive holds the unsorted folder, the library and the database.
LAYOUTS: dict[str, tuple[int, int, int]] = {
    "one drive": (0, 0, 0),
    "database apart": (0, 0, 1),
    "library apart": (0, 1, 0),
    "three drives": (0, 1, 2),
}
ASSETS = (("IMG_0.HEIC", "IMG_0.MOV"), ("IMG_1.jpg",), ("IMG_2.jpg", "IMG_2.xmp"))

DiskOf = Callable[[Ground], Disk]
_libc = ctypes.CDLL(None, use_errno=True)


def why_not() -> str:
    """Why no power can be cut here; "" where it can."""
    if os.geteuid() != 0:
        return "only root may mount a drive of its own"
    if shutil.which("mkfs.ext4") is None or shutil.which("losetup") is None or shutil.which("e2fsck") is None:
        return "mkfs.ext4, e2fsck or losetup is not installed"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    return ""


class Drives:
    """Small ext4 drives whose power can be cut together."""

    def __init__(self, folder: Path, number: int) -> None:
        self._images = [folder / f"drive-{index}.img" for index in range(number)]
        self.mounts = [folder / f"drive-{index}" for index in range(number)]
        self._devices: list[str] = []
        for image, mount in zip(self._images, self.mounts, strict=True):
            with image.open("wb") as made:
                made.truncate(_SIZE)
            _run("mkfs.ext4", "-q", "-F", str(image))
            mount.mkdir(exist_ok=True)
            self._devices.append(_run("losetup", "--find", "--show", str(image)).strip())
            self._mount(self._devices[-1], mount)

    def cut(self) -> None:
        """No byte reaches the drives any more."""
        for mount in self.mounts:
            descriptor = os.open(mount, os.O_RDONLY)
            with suppress(OSError):  # it has none any more
                fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
            os.close(descriptor)

    def restart(self) -> list[str]:
        """Power is back: the drives as they were on disk, and what fsck says against them."""
        found = []
        for device, mount in zip(self._devices, self.mounts, strict=True):
            self._unmount(mount)
            self._mount(device, mount)  # which replays the log
            self._unmount(mount)
            checked = subprocess.run(["e2fsck", "-n", "-f", device], capture_output=True, text=True, check=False)
            if checked.returncode:
                found.append(f"e2fsck: {checked.stdout}")
            self._mount(device, mount)
        return found

    def sync(self) -> None:
        """All that is there now outlasts a cut."""
        for mount in self.mounts:
            descriptor = os.open(mount, os.O_RDONLY)
            _libc.syncfs(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Unmount and remove them."""
        for device, mount, image in zip(self._devices, self.mounts, self._images, strict=False):
            with suppress(OSError):
                self._unmount(mount)
            subprocess.run(["losetup", "--detach", device], check=False)
            image.unlink(missing_ok=True)

    def _mount(self, device: str, mount: Path) -> None:
        if _libc.mount(device.encode(), os.fsencode(mount), b"ext4", 0, None) != 0:
            raise OSError(ctypes.get_errno(), f"cannot mount: {os.strerror(ctypes.get_errno())}", str(mount))

    def _unmount(self, mount: Path) -> None:
        for _ in range(200):
            if _libc.umount2(os.fsencode(mount), 0) == 0:
                return
            time.sleep(0.01)
        raise OSError(ctypes.get_errno(), "cannot be unmounted", str(mount))


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class CuttingDisk(WrappedDisk):
    """Cuts the power right after a step, and ends with it."""

    def __init__(self, at: int, drives: Drives, inner: Disk) -> None:
        super().__init__(inner)
        self._at = at
        self._drives = drives

    def after(self, step: Step) -> None:
        if step.number == self._at:
            cut_and_die(self._drives)


def cut_and_die(drives: Drives) -> None:
    drives.cut()
    os.kill(os.getpid(), signal.SIGKILL)


# -- what is done while the power goes ---------------------------------------------------------------------


def _file(ground: Ground, disk: Disk) -> None:
    world = ground.world
    paths = [world.unsorted / name for name in ASSETS[0]]
    world.file(paths, [world.library / "Photos" / "new" / f"cat{path.suffix}" for path in paths], disk=disk)


def _undo(ground: Ground, disk: Disk) -> None:
    undo(ground.world.filer(disk), UndoSelection(last=1))


def _trash(ground: Ground, disk: Disk) -> None:
    trash_photo(ground.world.filer(disk), ground.world.store.get(1), ground.world.folders)


def _restore(ground: Ground, disk: Disk) -> None:
    restore(ground.world.filer(disk), ground.world.store.get(1))


@dataclass(frozen=True)
class Act:
    """One thing done, and what was done before it with the power on."""

    do: Callable[[Ground, Disk], None]
    before: tuple[Callable[[Ground, Disk], None], ...] = ()


ACTS = {
    "file": Act(_file),
    "undo": Act(_undo, (_file,)),
    "trash": Act(_trash, (_file,)),
    "restore": Act(_restore, (_file, _trash)),
}


def _plain(ground: Ground) -> Disk:
    return RealDisk()


class PowerCuts:
    """Cuts on one layout of drives; `disk_of` is what files, so that a wrong one can be shown to be caught."""

    def __init__(self, folder: Path, layout: str, seed: int, disk_of: DiskOf = _plain) -> None:
        self.figures = Figures(f"power cuts, {layout}")
        self.layout = layout
        self._rng = Random(seed)
        self._disk_of = disk_of
        self._places = LAYOUTS[layout]
        self._template = folder / "template.db"
        open_database(self._template).close()
        self._errors = folder / "child-error"
        self._board = Board()
        self.drives = Drives(folder, max(self._places) + 1)

    def close(self) -> None:
        self.drives.close()

    def ground(self) -> Ground:
        """A fresh one, which outlasts any cut."""
        for mount in self.drives.mounts:
            for path in mount.iterdir():
                if path.name != "lost+found":
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        unsorted, library, state = (self.drives.mounts[place] for place in self._places)
        base = unsorted / "home"
        base.mkdir()
        (state / "kept").mkdir()
        (base / "state").symlink_to(state / "kept")
        shutil.copy(self._template, state / "kept" / "curated.db")
        ground = Ground(World(base, library / "Library"), ASSETS)
        self.drives.sync()
        return ground

    def at_every_step(self, name: str) -> None:
        """Cut after each step of the act that changes anything, and right after it was done."""
        act = ACTS[name]
        ground = self._prepared(act)
        recording = RecordingDisk(self._disk_of(ground))
        act.do(ground, recording)
        ground.world.close()
        for step in [*recording.changing(), None]:
            self.at_step(name, step)

    def at_step(self, name: str, step: Step | None) -> None:
        """Cut after that step, or after the whole act; then recover and judge."""
        act = ACTS[name]
        ground = self._prepared(act)
        plain = self._disk_of(ground)
        disk = CuttingDisk(step.number, self.drives, plain) if step else plain

        def live() -> None:
            act.do(ground, disk)
            cut_and_die(self.drives)

        self._errors.unlink(missing_ok=True)
        _, status = os.waitpid(fork(live, self._errors), 0)
        self._count(f"{name}: after {step.name if step else 'all of it'}", os.WIFSIGNALED(status))
        self._judge(ground, f"{self.layout}, {name} cut after {step or 'all of it'}")

    def at_random(self, count: int) -> None:
        """So many cuts at random moments, some of them while recovering from another."""
        until = self.figures.tried + count
        while self.figures.tried < until:
            ground = self.ground()
            for _ in range(min(_CUTS_IN_ONE_WORLD, until - self.figures.tried)):
                if self.figures.tried >= until:
                    break
                seed = self._rng.getrandbits(32)
                self._cut_while(lambda g=ground, s=seed: self._live(g, s), 0.06)
                label = f"{self.layout}, seed {seed}, {self._board.read()}"
                while self._rng.random() < 0.3 and self.figures.tried < until:
                    self.figures.violations += [f"{label}: {problem}" for problem in self.drives.restart()]
                    self._cut_while(lambda g=ground: self._revive(g), 0.01)
                self._judge(ground, label)

    def _prepared(self, act: Act) -> Ground:
        ground = self.ground()
        for each in act.before:
            each(ground, RealDisk())
        ground.world.close()
        self.drives.sync()
        return ground

    def _live(self, ground: Ground, seed: int) -> None:
        disk = TellingDisk(self._board, self._disk_of(ground))
        stream = Stream(ground, disk, Random(seed), lambda act: self._board.write(0, act))
        while True:
            stream.act()

    def _revive(self, ground: Ground) -> None:
        self._board.write(0, "recovery")
        ground.recover(TellingDisk(self._board, self._disk_of(ground)))

    def _cut_while(self, act: Callable[[], None], longest: float) -> None:
        self._board.clear()
        self._errors.unlink(missing_ok=True)
        child = fork(act, self._errors)
        self._board.wait_for_work(10)
        if len(self.drives.mounts) == 1 and self._rng.random() < 0.5:
            # In the middle of whatever it writes. With more drives than one they would not go at one moment.
            time.sleep(longest * self._rng.random())
            self.drives.cut()
            kill_after(child, 0)
            self._errors.unlink(missing_ok=True)  # it may have had the time to see that nothing works any more
        else:
            kill_after(child, longest * self._rng.random())
            self.drives.cut()
        self._count(self._board.read(), not self._errors.exists())

    def _count(self, what: str, good: bool) -> None:
        self.figures.tried += 1
        self.figures.covered[what] += 1
        if not good:
            said = self._errors.read_text() if self._errors.exists() else "it ended by itself"
            self.figures.violations.append(f"{what}: {said}")

    def _judge(self, ground: Ground, label: str) -> None:
        found = self.drives.restart()
        # What recovers is never the wrong one: a mutant is to be caught for what it left.
        found += ground.recover_and_judge(RealDisk())
        ground.world.close()
        self.drives.sync()
        self.figures.violations += [f"{label}: {problem}" for problem in found]


@contextmanager
def power(folder: Path, layout: str, seed: int, disk_of: DiskOf = _plain) -> Iterator[PowerCuts]:
    """Drives of that layout, taken away again at the end."""
    cuts = PowerCuts(folder, layout, seed, disk_of)
    try:
        yield cuts
    finally:
        cuts.close()
