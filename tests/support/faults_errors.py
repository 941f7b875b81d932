"""Every error at every call of every way to move a file, and other people's hands between any two calls."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from curated.domain import Purpose
from curated.errors import FilingError, NotFound, StateError
from curated.files import Disk, RealDisk, is_temporary
from curated.filing import UndoSelection, recover, undo
from curated.filing.filed import present_files
from curated.filing.trash import restore, trash_photo
from curated.review import Carrier, Desk
from curated.state.schema import open_database
from tests.support.faults_disks import DoneButFailedDisk, MeddledDisk, RottenDisk, codes_for, failing_from
from tests.support.faults_ground import Figures, Ground
from tests.support.filing_disks import CHANGING, FailingDisk, NoFlagDisk, RecordingDisk, SplitDisk, Step
from tests.support.filing_world import World, sha256

ASSETS = (("IMG_0.HEIC", "IMG_0.MOV"),)
DiskOf = Callable[[World], Disk]
Told = list[str]  # what the act said went wrong
STAYS = "a source that could not be removed stays beside its copy, and the journal says so"
# There is no call that removes a name only if it still is this file.
UNSEEN = "changed between the last look at a name and its removal, two system calls apart"


# -- what is done ------------------------------------------------------------------------------------------


def file(ground: Ground, disk: Disk) -> Told:
    world = ground.world
    paths = [world.unsorted / name for name in ASSETS[0]]
    targets = [world.library / "Photos" / "new" / f"cat{path.suffix}" for path in paths]
    world.store.forget_arriving()
    # What arrived is seen and read before the faults begin.
    photo, plan = world.photo(*paths), world.plan(paths, targets)
    after = {"status": "filed", "category": "Photos", "reason": "a photo"}
    try:
        world.filer(disk).move(plan, purpose=Purpose.FILE, photo_id=photo.id, after=after, reason="a photo")
    except (FilingError, StateError) as error:
        return [str(error)]
    return []


def trash(ground: Ground, disk: Disk) -> Told:
    try:
        trash_photo(ground.world.filer(disk), ground.world.store.get(1), ground.world.folders)
    except (FilingError, StateError) as error:
        return [str(error)]
    return []


def put_back(ground: Ground, disk: Disk) -> Told:
    try:
        restore(ground.world.filer(disk), ground.world.store.get(1))
    except (FilingError, StateError, NotFound) as error:
        return [str(error)]
    return []


def correct(ground: Ground, disk: Disk) -> Told:
    world = ground.world
    try:
        files = present_files(disk, world.store.get(1), lambda path: world.library / "Pets" / path.name)
        after = {"status": "filed", "category": "Pets", "reason": "by hand"}
        world.filer(disk).move(files, purpose=Purpose.CORRECT, photo_id=1, after=after, reason="by hand")
    except (FilingError, StateError) as error:
        return [str(error)]
    return []


def take_back(ground: Ground, disk: Disk) -> Told:
    try:
        report = undo(ground.world.filer(disk), UndoSelection(last=1))
    except StateError as error:
        return [str(error)]
    return [f"{step.file}: {step.detail}" for step in report.steps if step.outcome in ("failed", "changed")]


def decide(ground: Ground, disk: Disk) -> Told:
    Desk(ground.config, ground.world.database).decide([1], "trash")
    try:
        return [each.problem for each in Carrier(ground.config, ground.world.filer(disk)).carry() if each.problem]
    except (FilingError, StateError) as error:
        return [str(error)]


@dataclass(frozen=True)
class Act:
    do: Callable[[Ground, Disk], Told]
    before: tuple[Callable[[Ground, Disk], Told], ...] = ()


ACTS = {
    "file": Act(file),
    "undo": Act(take_back, (file,)),
    "trash": Act(trash, (file,)),
    "restore": Act(put_back, (file, trash)),
    "correct": Act(correct, (file,)),
    "decide": Act(decide, (file,)),
}
ROADS: dict[str, DiskOf] = {
    "same": lambda world: RealDisk(),
    "no flag": lambda world: NoFlagDisk(),
    "across": lambda world: SplitDisk(world.library),
    "across, unannounced": lambda world: SplitDisk(world.library, silent=True),
    "across, no flag": lambda world: NoFlagDisk(SplitDisk(world.library)),
}


class Trials:
    """One act over one road, again and again in a fresh world."""

    def __init__(self, folder: Path, act: str, road: str, part: str, disk_of: DiskOf | None = None) -> None:
        self.figures = Figures(part)
        self._folder = folder
        self._act = ACTS[act]
        self._road = disk_of or ROADS[road]
        self._label = f"{act}, {road}"
        self._template = folder / "template.db"
        if not self._template.exists():
            open_database(self._template).close()

    @contextmanager
    def ground(self) -> Iterator[tuple[Ground, Disk]]:
        """A fresh one in which the act is next, and its disk."""
        shutil.rmtree(self._folder / "world", ignore_errors=True)
        ground = Ground(World(self._folder / "world", template=self._template), ASSETS)
        disk = self._road(ground.world)
        for each in self._act.before:
            if told := each(ground, disk):
                raise AssertionError(f"the ground could not be prepared: {told}")
        yield ground, disk
        ground.world.close()

    def steps(self) -> RecordingDisk:
        """Every call of the act."""
        with self.ground() as (ground, disk):
            recording = RecordingDisk(disk)
            if told := self._act.do(ground, recording):
                raise AssertionError(f"{self._label}: without a fault: {told}")
        return recording

    # -- errors ----------------------------------------------------------------------------------------------

    def errors(self, *, every: int = 1, offset: int = 0) -> None:
        """Each error at each call, once and from then on; `every` so manieth of them only."""
        number = offset
        for step in self.steps().steps:
            ways: list[tuple[str, Callable[[Disk], Disk]]] = []
            for code in codes_for(step):
                name = errno.errorcode[code]
                ways.append((name, lambda disk, s=step, c=code: FailingDisk(s.number, c, disk)))
                ways.append((f"{name} from then on", lambda disk, s=step, c=code: failing_from(s.number, c, disk)))
            if step.name in CHANGING:
                ways.append(("EIO though done", lambda disk, s=step: DoneButFailedDisk(s.number, disk)))
            for name, wrapped in ways:
                number += 1
                if number % every == 0:
                    self._fail(f"{self._label}: {name} at {step}", name, step.name, wrapped)

    def _fail(self, label: str, code: str, step: str, wrapped: Callable[[Disk], Disk]) -> None:
        self.figures.tried += 1
        self.figures.covered[f"{code} at {step}"] += 1
        with self.ground() as (ground, disk):
            try:
                told = self._act.do(ground, wrapped(disk))
            except Exception as error:  # noqa: BLE001 - whatever it is, it should have been one of ours
                found = [f"{type(error).__name__} came through: {error}"]
                told = []
            else:
                found = [f"does not say what it is about: {each!r}" for each in told if not _names(ground, each)]
            if not ground.world.journal.open_moves():
                ground.world.store.forget_arriving()
                found += [f"without recovery: {problem}" for problem in ground.judge(disk)]
            found += ground.recover_and_judge(disk)
            if found and self._stays_and_says_so(ground):
                self.figures.covered[STAYS] += 1
                found = []
            # Where it failed, it can be done now: nothing stands in the way for ever.
            if told and self._act.do is file and ground.photo(ASSETS[0]) is None:
                if not all((ground.world.unsorted / name).exists() for name in ASSETS[0]):
                    found.append(f"in no row, and not where they were: {ground.world.files()} {self._reason(ground)}")
                elif again := file(ground, disk):
                    found.append(f"cannot be done afterwards: {again}")
        self.figures.violations += [f"{label}: {problem}" for problem in found]

    def _reason(self, ground: Ground) -> str:
        """What the journal says of the last move."""
        row = ground.world.database.execute("SELECT reason FROM move ORDER BY id DESC LIMIT 1").fetchone()
        return str(row["reason"])

    def _stays_and_says_so(self, ground: Ground) -> bool:
        """Whether all that is wrong is a source that could not be removed when there was no way back any more.

        Then nothing is lost: it stays beside its copy, and the journal has the reason.
        """
        newest = ground.world.journal.last(1)
        if newest is None or "was copied but stays there too" not in newest.reason:
            return False
        kept = [file for file in newest.files if file.source.exists() and sha256(file.source) == file.sha256]
        return len(kept) == 1 and all(sha256(file.target) == file.sha256 for file in newest.files)

    # -- somebody else ---------------------------------------------------------------------------------------

    def meddled(self, *, every: int = 1, offset: int = 0, only: tuple[str, ...] = ("",)) -> None:
        """Each thing somebody else can do (those whose names have one of these words), right before each call."""
        number = offset
        for step in self.steps().steps:
            for name, meddle in MEDDLES.items():
                if not any(word in name for word in only):
                    continue
                number += 1
                if number % every == 0:
                    self._meddle(f"{self._label}: {name} before {step}", name, step, meddle)

    def rotten(self) -> None:
        """Each copy holds another byte on the disk than was written: no source may be removed for it."""
        copies = [step for step in self.steps().steps if step.name == "copy"]
        for step in copies:
            self.figures.tried += 1
            with self.ground() as (ground, disk):
                told = self._act.do(ground, RottenDisk(step.number, disk))
                found = [] if told else ["a copy went bad, and nothing was said"]
                ground.world.store.forget_arriving()
                found += ground.recover_and_judge(disk)
            self.figures.violations += [f"{self._label}: rotten {step}: {problem}" for problem in found]

    def _meddle(self, label: str, name: str, at: Step, meddle: Callable[[Ground, list[Path]], None]) -> None:
        self.figures.tried += 1
        self.figures.covered[name] += 1
        with self.ground() as (ground, disk):
            sources = set(_ours(ground))
            must: dict[str, list[str]] = {}

            def now() -> None:
                before = {path: sha256(path) for path in _ours(ground)}
                meddle(ground, sorted(before))
                after = {path: sha256(path) for path in _ours(ground)}
                hidden = {path for path in after if is_temporary(path.name)}
                must.update({digest: [str(path)] for path, digest in after.items() if path not in hidden})
                if "removed" in name:
                    # The last whole copy of an input is as good as the input.
                    must.update({after[path]: ["copy"] for path in hidden if after[path] in ground.inputs})
                # Who destroys what has arrived might as well have done so a moment later, with the move made.
                for path, digest in before.items():
                    if path not in sources and path not in hidden and after.get(path) != digest:
                        must.pop(digest, None)

            found = []
            try:
                self._act.do(ground, MeddledDisk(at.number, now, disk))
            except Exception as error:  # noqa: BLE001 - whatever it is, it should have been one of ours
                found = [f"{type(error).__name__} came through: {error}"]
            report = recover(ground.world.database, disk)
            found += [f"stuck: {why}" for _, why in report.stuck]
            found += [f"{move.id} is open" for move in ground.world.journal.open_moves()]
            present: dict[str, list[Path]] = {}
            for path in _ours(ground):
                present.setdefault(sha256(path), []).append(path)
            gone = [str(where) for digest, where in must.items() if digest not in present]
            if at.name == "unlink" and gone == [str([str(at.paths[0])])]:
                self.figures.covered[UNSEEN] += 1
                gone = []
            found += [f"what {where} held is gone" for where in gone]
            found += [
                f"{ground.inputs[digest]} exists {len(places)} times: {list(map(str, places))}"
                for digest, places in present.items()
                # Who moved one of a file's two names elsewhere has it there.
                if len(places) > 1 and digest in ground.inputs and "link" not in name
            ]
            found += [
                f"{path} of someone else was touched"
                for path, state in ground.bystanders.items()
                if not path.exists() or sha256(path) != state[2]
            ]
            # A hidden copy may only stay where it is the last of its content, or half of it where that is all.
            found += [
                f"{path} is left over, beside {others}"
                for digest, others in present.items()
                for path in others
                if is_temporary(path.name) and (len(others) > 1 or not ("removed" in name and path.stat().st_size))
            ]
            kept = sum(is_temporary(path.name) for path in _ours(ground))
            self.figures.covered["a last copy kept under its hidden name"] += kept
        self.figures.violations += [f"{label}: {problem}" for problem in found]


def _names(ground: Ground, told: str) -> bool:
    """Whether a message names a file or folder and says something about it."""
    world = ground.world
    return any(str(root) in told for root in (world.unsorted, world.library, world.database_path)) and ": " in told


def _ours(ground: Ground) -> Iterator[Path]:
    for root in (ground.world.unsorted, ground.world.library):
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path not in ground.bystanders:
                yield path


def _pictures(paths: list[Path]) -> list[Path]:
    """The names the pictures have at this moment."""
    return [path for path in paths if not is_temporary(path.name)]


def _altered(ground: Ground, path: Path) -> None:
    with path.open("ab") as opened:
        opened.write(b" edited")


def _rewritten(ground: Ground, path: Path) -> None:
    """The same size, another content, as some editors save it in place."""
    path.write_bytes(b"!" + path.read_bytes()[1:])


def _replaced(ground: Ground, path: Path) -> None:
    new = ground.world.base / "new"
    new.write_bytes(b"another picture altogether")
    new.replace(path)


def _removed(ground: Ground, path: Path) -> None:
    path.unlink()


def _linked(ground: Ground, path: Path) -> None:
    """Its content moved elsewhere, a link left in its place: what `git annex` does."""
    elsewhere = ground.world.library / "elsewhere" / path.name
    elsewhere.parent.mkdir(exist_ok=True)
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _of(at: int, change: Callable[[Ground, Path], None]) -> Callable[[Ground, list[Path]], None]:
    """The change, to the first or the last of the names that the pictures have at this moment."""

    def meddle(ground: Ground, paths: list[Path]) -> None:
        if pictures := _pictures(paths):
            change(ground, pictures[at])

    return meddle


def _names_taken(ground: Ground, paths: list[Path]) -> None:
    """Somebody takes every name that the files could want next."""
    library = ground.world.library
    wanted = [ground.world.unsorted, library / "Photos" / "new", library / "Pets", library / "Trash" / "Photos" / "new"]
    for folder in wanted:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*ASSETS[0], "cat.HEIC", "cat.MOV", "cat 2.HEIC", "IMG_0 2.MOV"):
            if not (folder / name).exists():
                (folder / name).write_text(f"taken: {folder / name}")


def _folder_removed(ground: Ground, paths: list[Path]) -> None:
    """An empty folder of the library goes, as a tidy file manager would have it."""
    for folder in sorted(ground.world.library.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _copy_removed(ground: Ground, paths: list[Path]) -> None:
    for path in paths:
        if is_temporary(path.name) and len(_pictures(paths)) >= len(ASSETS[0]):
            path.unlink()


MEDDLES: dict[str, Callable[[Ground, list[Path]], None]] = {
    **{
        f"the {which} file {what}": _of(at, change)
        for which, at in (("first", 0), ("last", -1))
        for what, change in {
            "is appended to": _altered,
            "is rewritten in place": _rewritten,
            "is replaced": _replaced,
            "is removed": _removed,
            "becomes a link": _linked,
        }.items()
    },
    "every name is taken": _names_taken,
    "empty folders are removed": _folder_removed,
    "the hidden copy is removed": _copy_removed,
}
