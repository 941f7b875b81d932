"""Another process takes, all the time, the very names that are about to be given."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import time
from pathlib import Path

from curated.errors import FilingError
from curated.files import Disk, RealDisk
from curated.filing import UndoSelection, undo
from curated.state.schema import open_database
from tests.support.clock import wait_until
from tests.support.faults_ground import Figures, Ground
from tests.support.faults_kills import fork
from tests.support.filing_disks import NoFlagDisk
from tests.support.filing_world import World, sha256


def race(folder: Path, road: str, assets: int, other: Path | None = None) -> Figures:
    """File so many assets under one name while every next number is being taken, and take half of them back.

    `road` is "same", "no flag" or "across" (with `other`, a folder on another file system).
    """
    figures = Figures(f"racing for names, {road}")
    for path in (folder / "world", *([other] if other else [])):
        shutil.rmtree(path, ignore_errors=True)
    template = folder / "template.db"
    if not template.exists():
        open_database(template).close()
    names = tuple((f"IMG_{number}.HEIC", f"IMG_{number}.MOV") for number in range(assets))
    ground = Ground(World(folder / "world", other, template), names)
    target = ground.world.library / "Photos"
    log, errors = folder / "taken", folder / "child-error"
    log.unlink(missing_ok=True)
    errors.unlink(missing_ok=True)
    racer = fork(lambda: _take_names(target, log), errors)
    try:
        wait_until(lambda: log.exists() and log.stat().st_size > 0, "the racer to have begun")
        _file_all(ground, NoFlagDisk() if road == "no flag" else RealDisk(), names, target, figures)
        undo(ground.world.filer(), UndoSelection(last=assets // 2))
    finally:
        os.kill(racer, signal.SIGKILL)
        os.waitpid(racer, 0)
    taken = [Path(line) for line in log.read_text().splitlines() if line.endswith((".HEIC", ".MOV"))]
    figures.covered["names taken by the other"] = len(taken)
    lost = [str(path) for path in taken if not path.exists() or path.read_text() != f"taken: {path}"]
    figures.violations += [f"{road}: what another put at {path} is gone" for path in lost]
    extra = frozenset(hashlib.sha256(f"taken: {path}".encode()).hexdigest() for path in taken) | {
        # Made and not noted before it was killed.
        sha256(path)
        for path in target.iterdir()
        if path.read_bytes().startswith(b"taken: ") or not path.stat().st_size
    }
    figures.violations += [f"{road}: {problem}" for problem in ground.recover_and_judge(extra=extra)]
    if errors.exists():
        figures.violations.append(f"the other process ended: {errors.read_text()}")
    ground.world.close()
    return figures


def _file_all(ground: Ground, disk: Disk, names: tuple[tuple[str, ...], ...], target: Path, figures: Figures) -> None:
    world = ground.world
    for asset in names:
        figures.tried += 1
        try:
            world.file(
                [world.unsorted / name for name in asset],
                [target / f"cat{Path(name).suffix}" for name in asset],
                disk=disk,
            )
        except FilingError as error:
            figures.violations.append(f"could not be filed: {error}")


def _take_names(target: Path, log: Path) -> None:
    """Take the first free numbers of one of the two names for ever, a few at a time."""
    target.mkdir(parents=True, exist_ok=True)
    number = 1
    with log.open("a", buffering=1) as noted:
        while True:
            for suffix in (".MOV", ".HEIC") if number % 2 else (".HEIC",):
                path = target / (f"cat {number}{suffix}" if number > 1 else f"cat{suffix}")
                try:
                    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                except FileExistsError:
                    continue
                os.write(descriptor, f"taken: {path}".encode())
                os.close(descriptor)
                noted.write(f"{path}\n")
            number += 1
            # As fast as the other gives names, not so fast that all of them are gone before it begins.
            time.sleep(0.0005)
