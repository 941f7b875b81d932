"""SIGKILL at random moments of a process that moves files, and of the recovery after it.

The parent has imported what is needed once and stays light: each life of the program is a fork of it.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from curated.domain import Status
from curated.files import Disk, RealDisk
from curated.review import Desk
from curated.state.decisions import Decisions
from curated.state.pairs import Pairs
from curated.state.schema import open_database
from tests.support.faults_ground import Figures, Ground
from tests.support.faults_stream import Stream
from tests.support.filing_disks import NoFlagDisk, Step, WrappedDisk
from tests.support.filing_world import World

_PR_SET_PDEATHSIG = 1
KILLS_IN_ONE_WORLD = 40


class Board:
    """A few bytes that outlive the process that wrote them: what it was about to do."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 128)

    def write(self, at: int, text: str) -> None:
        """Note the act (at 0) or the step (at 64)."""
        self._shared[at : at + 64] = text.encode()[:64].ljust(64)

    def read(self) -> str:
        """The act and the step that were noted last."""
        act, step = (self._shared[at : at + 64].decode().strip("\0 ") for at in (0, 64))
        return f"{act}: {step}"

    def wait_for_work(self, seconds: float) -> None:
        """Wait until an act was noted, for no longer than that."""
        until = time.monotonic() + seconds
        while self._shared[0:7] == b"opening" and time.monotonic() < until:
            time.sleep(0.0001)

    def clear(self) -> None:
        """Forget both."""
        self.write(0, "opening")
        self.write(64, "-")


class TellingDisk(WrappedDisk):
    """Notes every step on the board before and after it."""

    def __init__(self, board: Board, inner: Disk) -> None:
        super().__init__(inner)
        self._board = board

    def before(self, step: Step) -> None:
        self._board.write(64, f"in {step.name}")

    def after(self, step: Step) -> None:
        self._board.write(64, f"after {step.name}")


def fork(act: Callable[[], object], errors: Path) -> int:
    """The id of a process that does this and ends; it dies with its parent, and leaves its traceback in `errors`."""
    child = os.fork()
    if child:
        return child
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        act()
    except BaseException:  # noqa: BLE001 - the child must never return into the parent's code
        errors.write_text(traceback.format_exc())
        os._exit(70)
    os._exit(0)


def kill_after(child: int, seconds: float) -> bool:
    """Kill it that much later; False if it had ended by itself before."""
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def random_kills(folder: Path, count: int, seed: int, road: str, other: Path | None = None) -> Figures:
    """So many kills on one road: "same", "across" (needs `other`), "no flag" or "decisions"."""
    killer = _Killer(folder, seed, road, other)
    while killer.figures.tried < count:
        killer.one_world(min(KILLS_IN_ONE_WORLD, count - killer.figures.tried))
    return killer.figures


class _Killer:
    def __init__(self, folder: Path, seed: int, road: str, other: Path | None) -> None:
        self.figures = Figures(f"kills at random moments, {road}")
        self._folder = folder
        self._other = other
        self._road = road
        self._rng = Random(seed)
        self._board = Board()
        self._template = folder / "template.db"
        self._errors = folder / "child-error"
        open_database(self._template).close()
        gc.collect()
        gc.freeze()

    def _disk(self) -> Disk:
        return NoFlagDisk() if self._road == "no flag" else RealDisk()

    def one_world(self, kills: int) -> None:
        """A fresh world, lived in by one process after the other."""
        for path in (self._folder / "world", *([self._other] if self._other else [])):
            shutil.rmtree(path, ignore_errors=True)
        world = World(self._folder / "world", self._other, self._template)
        ground = Ground(world, large=self._road == "across")
        until = self.figures.tried + kills
        while self.figures.tried < until:
            seed = self._rng.getrandbits(32)
            self._killed(lambda seed=seed: self._live(ground, seed), 0.03, "stream")
            while self._rng.random() < 0.4 and self.figures.tried < until:
                self._killed(lambda: self._revive(ground), 0.004, "recovery")
            self._judge(ground, f"seed {seed} of {self._road}, {self._board.read()}")
        if self._road == "decisions":
            self._judge_taken_back(ground)
        world.close()

    def _killed(self, act: Callable[[], object], longest: float, what: str) -> None:
        self._board.clear()
        self._errors.unlink(missing_ok=True)
        child = fork(act, self._errors)
        # Now and then while it starts; mostly once it is at work, as a busy machine is slow to let it start.
        if self._rng.random() > 0.1:
            self._board.wait_for_work(10)
        if kill_after(child, longest * self._rng.random() ** 2):
            self.figures.tried += 1
            self.figures.covered[f"{what}: {self._board.read()}"] += 1
        if self._errors.exists():
            self.figures.violations.append(f"{what} ended by itself: {self._errors.read_text()}")

    def _live(self, ground: Ground, seed: int) -> None:
        stream = Stream(
            ground, TellingDisk(self._board, self._disk()), Random(seed), lambda act: self._board.write(0, act)
        )
        while True:
            stream.decide() if self._road == "decisions" else stream.act()

    def _revive(self, ground: Ground) -> None:
        self._board.write(0, "recovery")
        ground.recover(TellingDisk(self._board, self._disk()))

    def _judge(self, ground: Ground, label: str) -> None:
        found = ground.recover_and_judge(self._disk())
        decisions = Decisions(ground.world.database)
        if decisions.owed_count():
            found.append("a decision is still owed")
        if self._road == "decisions":
            found += [f"decision {made.id} was given up: {made.problem}" for made in decisions.problems(9)]
            desk = Desk(ground.config, ground.world.database)
            for asset in ground.assets:
                photo = ground.photo(asset)
                if photo is not None and (photo.verdict == "trash") != (photo.status.value == "trashed"):
                    found.append(f"{photo.path} is {photo.status} and marked {photo.verdict}")
                if photo is not None and desk.see(photo.id).owed:
                    found.append(f"{photo.path} is still owed a move")
                if photo is not None and photo.status is Status.DUPLICATE:
                    head = ground.world.store.get(Pairs(ground.world.database).head(photo.id))
                    if head.status in (Status.DUPLICATE, Status.MISSING):
                        found.append(f"{photo.path} is a duplicate of nothing but #{head.id}, which is {head.status}")
        ground.world.close()
        self.figures.violations += [f"{label}: {problem}" for problem in found]

    def _judge_taken_back(self, ground: Ground) -> None:
        """With every decision taken back, each picture is in a category's folder again and none in the trash."""
        desk = Desk(ground.config, ground.world.database)
        while desk.undo():
            pass
        self._judge(ground, "all taken back")
        trash = ground.world.library / ground.world.folders.trash
        if trash.exists() and (left := [path for path in trash.rglob("*") if path.is_file()]):
            self.figures.violations.append(f"all taken back, and still in the trash: {left}")


if __name__ == "__main__":
    _, folder, count, seed, road, *other = sys.argv
    figures = random_kills(Path(folder), int(count), int(seed), road, Path(other[0]) if other else None)
    print(figures.tried, len(figures.violations))
    print(*figures.violations[:20], sep="\n")
    print(*sorted(figures.covered.items(), key=lambda pair: -pair[1]), sep="\n")
