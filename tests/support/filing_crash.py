"""Kills a process after every step of a move, and after every step of every recovery, and looks what is left.

Run as a program, because forking a test process that has loaded runtimes with threads is not safe:
`python -m tests.support.filing_crash SCENARIO FOLDER [OTHER_FILE_SYSTEM]` prints a JSON report.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from curated.errors import FilingError
from curated.files import Disk, RealDisk
from curated.filing import UndoSelection, recover, undo
from curated.filing.recovery import RecoveryReport
from curated.filing.trash import empty, trash_photo
from curated.state.schema import open_database
from tests.support.filing_disks import DyingDisk, FailingDisk, NoFlagDisk, RacingDisk, RecordingDisk, SplitDisk, Step
from tests.support.filing_world import World

BYSTANDER = b"a file of someone else"


def only_recover(world: World, disk: Disk) -> RecoveryReport:
    return recover(world.database, disk)


@dataclass(frozen=True)
class Scenario:
    """What is moved and over which disk; `act` runs in the process that is killed, `revive` in the one after it.

    `apart`: the files are pictures of their own, each in its own place.
    """

    files: tuple[str, ...]
    disk: Callable[[World], Disk]
    recovery_disk: Callable[[World], Disk]
    act: Callable[[World, Disk], object]
    prepare: Callable[[World], object] = lambda world: None
    removes: bool = False
    apart: bool = False
    revive: Callable[[World, Disk], RecoveryReport] = only_recover
    judge: Callable[[World], list[str]] = lambda world: []


@dataclass
class Report:
    """How many ways to die were tried, and what was wrong after any of them."""

    steps: list[str] = field(default_factory=list)
    deaths: int = 0
    second_deaths: int = 0
    finished: int = 0
    aborted: int = 0
    problems: list[str] = field(default_factory=list)


SINGLE = ("IMG_1.jpg",)
ASSET = ("IMG_1.HEIC", "IMG_1.MOV", "IMG_1.HEIC.xmp")


def file_asset(world: World, disk: Disk) -> None:
    paths = [world.unsorted / name for name in (*ASSET, *SINGLE) if (world.unsorted / name).exists()]
    targets = [world.library / "Photos" / "new" / path.name.replace("IMG_1", "cat") for path in paths]
    with contextlib.suppress(FilingError):  # what a failed move leaves behind is what is looked at
        world.file(paths, targets, disk=disk)


def undo_last(world: World, disk: Disk) -> None:
    undo(world.filer(disk), UndoSelection(last=1))


def trash_it(world: World, disk: Disk) -> None:
    trash_photo(world.filer(disk), world.store.get(1), world.folders)


def empty_trash(world: World, disk: Disk) -> None:
    empty(world.filer(disk), world.folders, timedelta(0))


def _filed(world: World) -> None:
    file_asset(world, RealDisk())


def _trashed(world: World) -> None:
    _filed(world)
    trash_it(world, RealDisk())


def _plain(world: World) -> Disk:
    return RealDisk()


def _split(world: World) -> Disk:
    return SplitDisk(world.library)


def _racing(suffix: str, inner: Callable[[World], Disk]) -> Callable[[World], Disk]:
    return lambda world: RacingDisk(suffix, BYSTANDER, inner(world))


def _failing(name: str, suffix: str, inner: Callable[[World], Disk]) -> Callable[[World], Disk]:
    return lambda world: FailingDisk(
        lambda step: step.name == name and step.paths[-1].name.endswith(suffix), errno.EIO, inner(world)
    )


SCENARIOS = {
    "single": Scenario(SINGLE, _plain, _plain, file_asset),
    "asset": Scenario(ASSET, _plain, _plain, file_asset),
    "single without the flag": Scenario(SINGLE, lambda _: NoFlagDisk(), lambda _: NoFlagDisk(), file_asset),
    "asset without the flag": Scenario(ASSET[:2], lambda _: NoFlagDisk(), lambda _: NoFlagDisk(), file_asset),
    "single across": Scenario(SINGLE, _split, _split, file_asset),
    "asset across": Scenario(ASSET[:2], _split, _split, file_asset),
    "asset across unannounced": Scenario(
        ASSET[:2], lambda w: SplitDisk(w.library, silent=True), lambda w: SplitDisk(w.library, silent=True), file_asset
    ),
    "asset across without the flag": Scenario(
        ASSET[:2],
        lambda w: NoFlagDisk(SplitDisk(w.library)),
        lambda w: NoFlagDisk(SplitDisk(w.library)),
        file_asset,
    ),
    "asset, a name taken": Scenario(ASSET, _racing("cat.MOV", _plain), _plain, file_asset),
    "asset across, a name taken": Scenario(ASSET[:2], _racing("cat.MOV", _split), _split, file_asset),
    "asset, taken back": Scenario(ASSET, _failing("rename", "cat.HEIC.xmp", _plain), _plain, file_asset),
    "asset across, taken back": Scenario(ASSET[:2], _failing("rename", "cat.MOV", _split), _split, file_asset),
    "undo": Scenario(ASSET, _plain, _plain, undo_last, prepare=_filed),
    "trash": Scenario(ASSET, _plain, _plain, trash_it, prepare=_filed),
    "emptying": Scenario(ASSET, _plain, _plain, empty_trash, prepare=_trashed, removes=True),
}


def explore(scenario: Scenario, folder: Path, other: Path | None = None) -> Report:
    """Every death of the scenario; with `other` the library is really there, on another file system."""
    if other is not None:
        scenario = replace(scenario, disk=_plain, recovery_disk=_plain)
    explorer = _Explorer(scenario, folder, other)
    explorer.run()
    return explorer.report


class _Explorer:
    def __init__(self, scenario: Scenario, folder: Path, other: Path | None) -> None:
        self.scenario = scenario
        self.folder = folder
        self.other = other
        self.report = Report()
        self.kept_folders: set[Path] = set()
        self.template = folder / "template.db"
        open_database(self.template).close()

    def run(self) -> None:
        world = self._fresh()
        recording = _Recording(world, self.scenario.disk(world))
        self.scenario.act(world, recording)
        world.close()
        self.report.steps = [step.name for step in recording.changing()]
        for number, name, moment in recording.deaths():
            self._die_once(number, moment, f"{moment} {number}:{name}")

    def _die_once(self, number: int, moment: str, label: str) -> None:
        self.report.deaths += 1
        world = self._dead_world(number, moment)
        dead = self._snapshot(world)
        recording = _Recording(world, self.scenario.recovery_disk(world))
        self._recover_and_judge(world, label, recording)
        for second, name, second_moment in recording.deaths():
            self._put_back(world, dead)
            self.report.second_deaths += 1
            disk = DyingDisk(second, second_moment, self.scenario.recovery_disk(world))
            _in_child(lambda disk=disk: self.scenario.revive(world, disk))
            again = self.scenario.recovery_disk(world)
            self._recover_and_judge(world, f"{label}, then {second_moment} {second}:{name} of recovery", again)

    def _fresh(self) -> World:
        for path in (self.folder / "world", *([self.other] if self.other else [])):
            shutil.rmtree(path, ignore_errors=True)
        world = World(self.folder / "world", self.other, self.template)
        for index, name in enumerate(self.scenario.files):
            world.put(name, bytes([65 + index]) * (3000 + index))
        world.put("elsewhere.jpg", BYSTANDER, below=world.library)
        self.scenario.prepare(world)
        world.close()
        return world

    def _dead_world(self, number: int, moment: str) -> World:
        world = self._fresh()
        disk = DyingDisk(number, moment, self.scenario.disk(world))
        _in_child(lambda: self.scenario.act(world, disk))
        return world

    def _snapshot(self, world: World) -> list[tuple[Path, Path]]:
        """Hard links to every file, so that putting them back keeps their inodes; the database is copied."""
        kept = self.folder / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        self.kept_folders = {p for root in (world.unsorted, world.library) for p in root.rglob("*") if p.is_dir()}
        found = []
        for root in (world.unsorted, world.library):
            store = kept if root.stat().st_dev == kept.stat().st_dev else root.with_name(root.name + ".kept")
            shutil.rmtree(store, ignore_errors=True) if store != kept else None
            store.mkdir(exist_ok=True)
            for index, path in enumerate(sorted(p for p in root.rglob("*") if p.is_file())):
                copy = store / f"{root.name}-{index}"
                os.link(path, copy)
                found.append((path, copy))
        shutil.copytree(world.database_path.parent, kept / "state")
        return found

    def _put_back(self, world: World, snapshot: list[tuple[Path, Path]]) -> None:
        for root in (world.unsorted, world.library):
            for path in sorted(root.rglob("*"), reverse=True):
                if path.is_file():
                    path.unlink()
                elif path not in self.kept_folders:
                    path.rmdir()
        for path, copy in snapshot:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(copy, path)
        shutil.rmtree(world.database_path.parent)
        shutil.copytree(self.folder / "kept" / "state", world.database_path.parent)

    def _recover_and_judge(self, world: World, label: str, disk: Disk) -> None:
        report = self.scenario.revive(world, disk)
        self.report.finished += len(report.finished)
        self.report.aborted += len(report.aborted)
        wrong = [
            problem
            for problem in world.problems(disk)
            # A sidecar that was removed before its picture is what emptying is for.
            if not (self.scenario.removes and problem.startswith("companion"))
        ]
        if report.stuck or report.waiting:
            wrong.append(f"recovery left {report.stuck or report.waiting}")
        present = world.contents()
        if not self.scenario.removes:
            for index, name in enumerate(self.scenario.files):
                content = bytes([65 + index]) * (3000 + index)
                found = [
                    p
                    for p in [*world.unsorted.rglob("*"), *world.library.rglob("*")]
                    if p.is_file() and p.read_bytes() == content
                ]
                if len(found) != 1:
                    wrong.append(f"{name} exists {len(found)} times: {found}")
            racing = sum(path.read_bytes() == BYSTANDER for path in world.library.rglob("*") if path.is_file())
            if len(present) != len(self.scenario.files) + racing:
                wrong.append(f"there are {len(present)} files")
        wrong += self.scenario.judge(world)
        if (world.library / "elsewhere.jpg").read_bytes() != BYSTANDER:
            wrong.append("a file of someone else was touched")
        homes = {
            p.parent
            for root in (world.unsorted, world.library)
            for p in root.rglob("*")
            if p.is_file() and p.read_bytes() != BYSTANDER
        }
        if len(homes) > 1 and not (self.scenario.removes or self.scenario.apart):
            wrong.append(f"the asset was torn apart: {sorted(map(str, homes))}")
        if recover(world.database, disk).finished:
            wrong.append("a second recovery found something to do")
        world.close()
        self.report.problems += [f"{label}: {problem}" for problem in wrong]


class _Recording(RecordingDisk):
    """Notes with every step how much had been written to the database by then."""

    def __init__(self, world: World, inner: Disk) -> None:
        super().__init__(inner)
        self._world = world
        self._written: list[int] = []

    def before(self, step: Step) -> None:
        super().before(step)
        self._written.append(self._world.database.connection.total_changes)

    def deaths(self) -> list[tuple[int, str, str]]:
        """(step, its name, moment) of every death that leaves another disk or another database behind.

        Dying before a step is dying after the one before it, unless something was committed in between.
        """
        found: list[tuple[int, str, str]] = []
        written = -1
        for step in self.changing():
            if self._written[step.number] != written:
                found.append((step.number, step.name, "before"))
            if step.name == "copy":
                found.append((step.number, step.name, "middle"))
            found.append((step.number, step.name, "after"))
            written = self._written[step.number]
        return found


def _in_child(act: Callable[[], object]) -> None:
    """Run it in a forked process, which is expected to kill itself."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - the child must never return into the parent's code
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(70)
    _, status = os.waitpid(child, 0)
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        raise AssertionError(f"the process ended with {status} instead of dying at the step")


def main() -> None:
    scenario, folder, *other = sys.argv[1:]
    # What a child's collector would touch, it would have to copy.
    gc.collect()
    gc.freeze()
    report = explore(SCENARIOS[scenario], Path(folder), Path(other[0]) if other else None)
    print(json.dumps(asdict(report)))


if __name__ == "__main__":
    main()
