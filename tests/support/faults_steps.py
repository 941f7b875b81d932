"""SIGKILL after every named step of every way to move a file, and after every step of the recovery from each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from curated.domain import Purpose
from curated.files import Disk, RealDisk
from curated.filing import UndoSelection, recover, undo
from curated.filing.filed import present_files
from curated.filing.recovery import RecoveryReport
from curated.filing.trash import restore
from curated.review import Carrier, Desk
from curated.state.decisions import Action, Decisions
from tests.review.test_hand import config_of
from tests.support.faults_ground import Figures
from tests.support.filing_crash import ASSET, SCENARIOS, Scenario, explore, file_asset, trash_it, undo_last
from tests.support.filing_disks import NoFlagDisk, SplitDisk
from tests.support.filing_world import World

_TWO = ASSET[:2]


def _plain(world: World) -> Disk:
    return RealDisk()


def _no_flag(world: World) -> Disk:
    return NoFlagDisk()


def _split(world: World) -> Disk:
    return SplitDisk(world.library)


def _filed(world: World) -> None:
    file_asset(world, RealDisk())


def _filed_across(world: World) -> None:
    file_asset(world, _split(world))


def _trashed(world: World) -> None:
    _filed(world)
    trash_it(world, RealDisk())


def _undone(world: World) -> None:
    _filed(world)
    undo_last(world, RealDisk())


def _restore(world: World, disk: Disk) -> None:
    restore(world.filer(disk), world.store.get(1))


def _redo(world: World, disk: Disk) -> None:
    undone = world.journal.in_force("purpose = 'undo'")
    undo(world.filer(disk), UndoSelection(move_ids=(undone[0].id,)))


def _refile(world: World, disk: Disk) -> None:
    files = present_files(disk, world.store.get(1), lambda path: world.library / "Pets" / path.name)
    after = {"status": "filed", "category": "Pets", "reason": "again"}
    world.filer(disk).move(files, purpose=Purpose.FILE, photo_id=1, after=after, reason="again")


# -- decisions ---------------------------------------------------------------------------------------------


def _carry(world: World, disk: Disk) -> None:
    for _ in Carrier(config_of(world), world.filer(disk)).carry():
        pass


def _decided(action: Action, argument: str | None = None):
    def prepare(world: World) -> None:
        _filed(world)
        Desk(config_of(world), world.database).decide([1], action, argument)

    return prepare


def _decided_from_trash(world: World) -> None:
    _decided("trash")(world)
    _carry(world, RealDisk())
    Desk(config_of(world), world.database).decide([1], "keep")


def _decided_and_undone(world: World) -> None:
    _decided("trash")(world)
    _carry(world, RealDisk())
    Desk(config_of(world), world.database).undo()


def _decided_and_redone(world: World) -> None:
    _decided_and_undone(world)
    _carry(world, RealDisk())
    Desk(config_of(world), world.database).redo()


def _revive(world: World, disk: Disk) -> RecoveryReport:
    report = recover(world.database, disk)
    _carry(world, disk)
    return report


def _decision_problems(place: str):
    def judge(world: World) -> list[str]:
        decisions = Decisions(world.database)
        found = [f"given up: {made.problem}" for made in decisions.problems(9)]
        if decisions.owed_count():
            found.append("a decision is still owed")
        photo = world.store.get(1)
        if photo.path.parent != world.library / place.rpartition("/")[0] or photo.path.stem != place.rpartition("/")[2]:
            found.append(f"carried out, and at {photo.path}")
        if (photo.verdict == "trash") != place.startswith("Trash"):
            found.append(f"{photo.path} is marked {photo.verdict}")
        return found

    return judge


def _decision(prepare, place: str) -> Scenario:
    return Scenario(_TWO, _plain, _plain, _carry, prepare, revive=_revive, judge=_decision_problems(place))


MORE: dict[str, Scenario] = {
    "restore": Scenario(_TWO, _plain, _plain, _restore, _trashed),
    "restore without the flag": Scenario(_TWO, _no_flag, _no_flag, _restore, _trashed),
    "undo without the flag": Scenario(_TWO, _no_flag, _no_flag, undo_last, _filed),
    "undo across": Scenario(_TWO, _split, _split, undo_last, _filed_across),
    "trash without the flag": Scenario(_TWO, _no_flag, _no_flag, trash_it, _filed),
    "redo": Scenario(_TWO, _plain, _plain, _redo, _undone),
    "corrected": Scenario(_TWO, _plain, _plain, _refile, _filed),
    "decided: trash": _decision(_decided("trash"), "Trash/Photos/new/cat"),
    "decided: file": _decision(_decided("file", "Pets"), "Pets/cat"),
    "decided: rename": _decision(_decided("rename", "dog"), "Photos/new/dog"),
    "decided: keep, out of the trash": _decision(_decided_from_trash, "Photos/new/cat"),
    "decided: undone": _decision(_decided_and_undone, "Photos/new/cat"),
    "decided: redone": _decision(_decided_and_redone, "Trash/Photos/new/cat"),
}
ALL: dict[str, Scenario] = {**SCENARIOS, **MORE}
# Those that cross where the library really is another file system.
ACROSS = ("single", "asset", "asset without the flag", "undo", "restore", "trash")


def every_step(folder: Path, names: list[str], other: Path | None = None) -> Figures:
    """Every death of these scenarios, and of every recovery; `covered` counts the steps died after, by name."""
    figures = Figures("kills at every step")
    for name in names:
        scenario = ALL[name] if name != "asset" or other is None else replace(ALL[name], files=_TWO)
        report = explore(scenario, folder, other)
        across = ", really across" if other else ""
        figures.tried += report.deaths + report.second_deaths
        figures.violations += [f"{name}{across}: {problem}" for problem in report.problems]
        for step in report.steps:
            figures.covered[f"{name}{across}: {step}"] += 1
        figures.covered["deaths of recovery"] += report.second_deaths
        figures.covered["moves finished by recovery"] += report.finished
        figures.covered["moves taken back by recovery"] += report.aborted
    return figures
