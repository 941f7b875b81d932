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
from curated.state.pairs import Pairs
from curated.state.rows import photo_from_arrival, with_reading
from tests.review.test_hand import config_of
from tests.support.faults_ground import Figures
from tests.support.filing_crash import ASSET, SCENARIOS, Scenario, explore, file_asset, trash_it, undo_last
from tests.support.filing_disks import NoFlagDisk, SplitDisk
from tests.support.filing_world import NOON, World, sha256
from tests.support.readings import reading

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


_PAIR = ("IMG_1.jpg", "IMG_2.jpg")


def twins(world: World) -> None:
    """The first picture filed, the second put aside as its duplicate."""
    for number, name in enumerate(_PAIR):
        path = world.unsorted / name
        digest = sha256(path)
        photo = with_reading(photo_from_arrival(world.arrival(path), digest, NOON), reading(digest, caption="a cat"))
        photo_id = world.store.add(photo)
        after: dict[str, str | None] = {"status": "filed", "category": "Photos", "reason": "a photo"}
        if number:
            after = {"status": "duplicate", "category": None, "reason": "like #1"}
            after |= {"twin_of": "1", "twin_kind": "near", "twin_distance": "2"}
        target = world.library / ("Duplicates" if number else "Photos/new") / "cat.jpg"
        purpose = Purpose.DUPLICATE if number else Purpose.FILE
        plan = world.plan([path], [target])
        world.filer().move(plan, purpose=purpose, photo_id=photo_id, after=after, reason=after["reason"] or "")


def _of_twins(action: Action, *, turns: int):
    """The second of twins decided on, that undone, that redone: as many of these as `turns`, the last of them owed."""

    def prepare(world: World) -> None:
        twins(world)
        desk = Desk(config_of(world), world.database)
        for turn in (lambda: desk.decide([2], action), desk.undo, desk.redo)[:turns]:
            _carry(world, RealDisk())
            turn()

    return prepare


def _twin_problems(action: Action, *, made: bool):
    def judge(world: World) -> list[str]:
        found = _not_carried(world)
        first, second = world.store.get(1), world.store.get(2)
        heads = [(photo.status.value, photo.twin_of) for photo in (first, second)]
        is_keeper = made and action == "keeper"
        chosen = second if is_keeper else first
        if heads != _HEADS[action if made else None] or chosen.path != world.library / "Photos/new/cat.jpg":
            found.append(f"{heads}: {first.path}, {second.path}")
        pairs = Pairs(world.database).distinct_from(second.sha256)
        if pairs != (frozenset({first.sha256}) if made and action == "distinct" else frozenset()):
            found.append(f"distinct from {sorted(pairs)}")
        return found

    return judge


_HEADS: dict[Action | None, list[tuple[str, int | None]]] = {
    None: [("filed", None), ("duplicate", 1)],
    "keeper": [("duplicate", 2), ("filed", None)],
    "distinct": [("filed", None), ("filed", None)],
}


def _twin_decision(action: Action, turns: int) -> Scenario:
    judge = _twin_problems(action, made=turns != 2)
    prepare = _of_twins(action, turns=turns)
    return Scenario(_PAIR, _plain, _plain, _carry, prepare, apart=True, revive=_revive, judge=judge)


def _not_carried(world: World) -> list[str]:
    decisions = Decisions(world.database)
    found = [f"given up: {made.problem}" for made in decisions.problems(9)]
    return found + (["a decision is still owed"] if decisions.owed_count() else [])


def _revive(world: World, disk: Disk) -> RecoveryReport:
    report = recover(world.database, disk)
    _carry(world, disk)
    return report


def _decision_problems(place: str):
    def judge(world: World) -> list[str]:
        found = _not_carried(world)
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
    "decided: keeper": _twin_decision("keeper", 1),
    "decided: keeper, undone": _twin_decision("keeper", 2),
    "decided: keeper, redone": _twin_decision("keeper", 3),
    "decided: distinct": _twin_decision("distinct", 1),
    "decided: distinct, undone": _twin_decision("distinct", 2),
    "decided: distinct, redone": _twin_decision("distinct", 3),
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
