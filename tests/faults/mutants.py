"""Filers with one mistake each, and the fault test that must find it.

Run as a program, as the tests kill forks of it: `python -m tests.faults.mutants FOLDER [NAME...]` prints for each how
many violations were found, and for the real thing in the same test.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from curated.domain import Move, Purpose
from curated.errors import FilingError
from curated.files import Digest, Disk, Entry, RealDisk, is_temporary
from curated.filing import Filer, recover
from curated.filing.recovery import RecoveryReport
from curated.state.journal import Columns, Journal, NewFile, Placed
from tests.support import faults_power
from tests.support.faults_errors import Trials
from tests.support.faults_ground import Ground
from tests.support.filing_crash import Scenario, explore
from tests.support.filing_disks import NoFlagDisk, SplitDisk
from tests.support.filing_world import World

Violations = Callable[[Path, bool], list[str]]


# -- the mistakes ------------------------------------------------------------------------------------------


class Overwriting(RealDisk):
    """Renames as Python does: over whatever is there."""

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)


class WithoutTheFlag(RealDisk):
    """Calls renameat2 and leaves out RENAME_NOREPLACE."""

    def rename(self, source: Path, target: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(-100, os.fsencode(source), -100, os.fsencode(target), 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(source))


class LinkOver(RealDisk):
    """Where there is no flag, gives the second name by replacing what has it."""

    def link(self, source: Path, target: Path) -> None:
        beside = target.with_name(f"{target.name}.new")
        os.link(source, beside)
        beside.replace(target)


class Hasty(RealDisk):
    """Removes the source as soon as it is copied, before the copy was read back."""

    def copy(self, source: Path, target: Path) -> Digest:
        read = super().copy(source, target)
        source.unlink()
        return read


class Trusting(SplitDisk):
    """Takes a copy for good without reading it: what was read from the source is what was written."""

    def __init__(self, boundary: Path, inner: Disk | None = None) -> None:
        super().__init__(boundary, inner)
        self._known: dict[Path, str] = {}

    def copy(self, source: Path, target: Path) -> Digest:
        read = super().copy(source, target)
        self._known[target] = read.sha256
        return read

    def digest(self, path: Path) -> Digest:
        entry = self.look(path)
        if path in self._known and entry is not None:
            return Digest(entry.identity, self._known[path])
        return super().digest(path)


class Remembering(RealDisk):
    """Does not look at a source again: what it was the first time it is taken to be."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[Path, Entry] = {}

    def look(self, path: Path) -> Entry | None:
        entry = super().look(path)
        if entry is None:
            return None
        return self._seen.setdefault(path, entry)


class Untidy(RealDisk):
    """Leaves its own copies where they are."""

    def unlink(self, path: Path) -> None:
        if not is_temporary(path.name):
            super().unlink(path)


class NoFolderSync(RealDisk):
    """Believes that a rename lasts by itself."""

    def sync_folder(self, folder: Path) -> None:
        pass


class NoFileSync(RealDisk):
    """Believes that what was written is on the disk."""

    def copy(self, source: Path, target: Path) -> Digest:
        digest = self.digest(source)
        # Not by truncating it, for which ext4 writes a file out by itself.
        descriptor = os.open(target, os.O_WRONLY)
        os.write(descriptor, source.read_bytes())
        os.close(descriptor)
        os.utime(target, ns=(digest.identity.mtime_ns, digest.identity.mtime_ns))
        return digest

    def digest(self, path: Path) -> Digest:
        entry = self.look(path)
        if entry is None or not is_temporary(path.name):
            return super().digest(path)
        # Reading it back from the disk itself would begin to write it there.
        return Digest(entry.identity, hashlib.sha256(path.read_bytes()).hexdigest())


class LateJournal(Journal):
    """Commits a move when it is made, and not before."""

    def plan(
        self,
        purpose: Purpose,
        photo_id: int | None,
        files: Sequence[NewFile],
        before: Columns,
        after: Columns,
        reason: str,
        undoes: int | None = None,
    ) -> Move:
        self.database.connection.execute("BEGIN IMMEDIATE")
        return super().plan(purpose, photo_id, files, before, after, reason, undoes)

    def finish(self, move: Move, placed: Placed | None, note: str = "") -> Move:
        done = super().finish(move, placed, note)
        self.database.connection.execute("COMMIT")
        return done


class LateFiler(Filer):
    def __init__(self, world: World, disk: Disk) -> None:
        super().__init__(world.database, disk)
        self.journal = LateJournal(world.database)


def assuming(world: World, disk: Disk) -> RecoveryReport:
    """Recovery that takes every open move for made, as it was planned."""
    journal = world.journal
    for move in journal.open_moves():
        first = move.files[0]
        others = tuple(file.target for file in move.files[1:])
        journal.finish(move, Placed(first.target, first.device, first.inode, first.size, first.mtime_ns, others))
    return recover(world.database, disk)


# -- the tests that must find them -------------------------------------------------------------------------


def _plain(world: World) -> Disk:
    return RealDisk()


def _split(world: World) -> Disk:
    return SplitDisk(world.library)


def _meddled(wrong: Callable[[World], Disk], right: Callable[[World], Disk] = _plain) -> Violations:
    def find(folder: Path, real: bool) -> list[str]:
        trials = Trials(folder, "file", "same", "mutant", right if real else wrong)
        trials.meddled(only=("taken", "appended", "replaced"))
        return trials.figures.violations

    return find


def _errors(wrong: Callable[[World], Disk], right: Callable[[World], Disk]) -> Violations:
    def find(folder: Path, real: bool) -> list[str]:
        trials = Trials(folder, "file", "same", "mutant", right if real else wrong)
        trials.errors(every=5)
        return trials.figures.violations

    return find


def _rotten(folder: Path, real: bool) -> list[str]:
    disk_of = (lambda world: SplitDisk(world.library)) if real else (lambda world: Trusting(world.library))
    trials = Trials(folder, "file", "same", "mutant", disk_of)
    trials.rotten()
    return trials.figures.violations


def _killed(wrong: Callable[[Scenario], Scenario]) -> Violations:
    def find(folder: Path, real: bool) -> list[str]:
        scenario = Scenario(("IMG_1.HEIC", "IMG_1.MOV"), _plain, _plain, _file_with(Filer))
        return explore(scenario if real else wrong(scenario), folder).problems

    return find


def _file_with(kind: type[Filer]) -> Callable[[World, Disk], object]:
    def act(world: World, disk: Disk) -> None:
        paths = [world.unsorted / name for name in ("IMG_1.HEIC", "IMG_1.MOV")]
        targets = [world.library / "Photos" / f"cat{path.suffix}" for path in paths]
        filer = LateFiler(world, disk) if kind is LateFiler else world.filer(disk)
        with contextlib.suppress(FilingError):
            world.file(paths, targets, filer=filer)

    return act


def _power(wrong: Callable[[], Disk], layout: str) -> Violations:
    def disk_of(real: bool) -> Callable[[Ground], Disk]:
        return lambda ground: RealDisk() if real else wrong()

    def find(folder: Path, real: bool) -> list[str]:
        with faults_power.power(folder, layout, 1, disk_of(real)) as cuts:
            for _ in range(3):
                cuts.at_step("file", None)
            return cuts.figures.violations

    return find


MUTANTS: dict[str, Violations] = {
    "renames by os.rename": _meddled(lambda world: Overwriting()),
    "leaves out the flag that does not overwrite": _meddled(lambda world: WithoutTheFlag()),
    "replaces where there is no flag": _meddled(lambda world: NoFlagDisk(LinkOver()), lambda world: NoFlagDisk()),
    "removes the source before its copy is verified": _errors(lambda world: SplitDisk(world.library, Hasty()), _split),
    "does not verify a copy": _rotten,
    "does not look at the source again": _meddled(lambda world: SplitDisk(world.library, Remembering()), _split),
    "leaves its hidden copies": _errors(lambda world: SplitDisk(world.library, Untidy()), _split),
    "commits the move after it was made": _killed(lambda right: replace(right, act=_file_with(LateFiler))),
    "assumes in recovery what it should ask the disk": _killed(lambda right: replace(right, revive=assuming)),
    "does not sync folders": _power(NoFolderSync, "database apart"),
    "does not sync files": _power(NoFileSync, "three drives"),
}
NEED_POWER = frozenset({"does not sync folders", "does not sync files"})


def main() -> None:
    folder, *names = sys.argv[1:]
    gc.collect()
    gc.freeze()
    found = {}
    for number, name in enumerate(names or MUTANTS):
        here = Path(folder) / f"mutant-{number}"
        here.mkdir()
        found[name] = {"mutant": MUTANTS[name](here, False), "real": MUTANTS[name](here, True)}
        shutil.rmtree(here)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
