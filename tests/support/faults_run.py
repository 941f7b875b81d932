"""Runs parts of the fault tests, each in a light process of its own, and puts their figures together.

`python -m tests.support.faults_run` runs all of them at their full counts on two cores, prints the table of what was
tried and found, and writes it as JSON; it ends with 1 if anything was found (`make soak`).
`python -m tests.support.faults_run JOB FOLDER OTHER` runs one and prints its figures as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.mutants import MUTANTS, NEED_POWER
from tests.support import faults_kills, faults_power, faults_races, faults_space, faults_steps
from tests.support.faults_errors import ACTS, ROADS, Trials
from tests.support.faults_ground import Figures
from tests.support.filing_disks import CHANGING

_ROOT = Path(__file__).parents[2]
KILLS = 10_000
_KILLS = "kills (SIGKILL) while files move and while recovery works"
_POWER = "power cuts (EXT4_IOC_SHUTDOWN)"
_ERRORS = "errors injected (EACCES, EROFS, EIO, EXDEV, ENOSPC, EINVAL)"
_MEDDLED = "another program's hand between two steps"
_SPACE = "full disks (tmpfs; ENOSPC at each write)"
_RACES = "assets filed while another process takes their names"
_DAEMON = "kills of the whole daemon while files arrive"
_MUTANTS = "wrong filers, each to be caught (found: not caught)"

# What is done with a folder, another on a second file system, and nothing else known.
Job = Callable[[Path, Path], Figures]


@dataclass(frozen=True)
class Amounts:
    """How much of each part is done."""

    kills: dict[str, int]
    steps: tuple[str, ...]
    steps_across: tuple[str, ...]
    cuts: int
    cut_steps: tuple[str, ...]
    every_error: int
    every_meddle: int
    every_space: int
    race: int
    daemons: int


SHORT = Amounts(
    kills={"same": 40, "no flag": 40, "across": 30, "decisions": 40},
    steps=("restore", "undo across", "decided: file", "decided: undone", "redo"),
    steps_across=("undo",),
    cuts=3,
    cut_steps=(),
    every_error=53,
    every_meddle=97,
    every_space=5,
    race=40,
    daemons=4,
)
FULL = Amounts(
    kills={"same": 2400, "no flag": 1600, "across": 1200, "decisions": 2000},
    steps=tuple(faults_steps.ALL),
    steps_across=faults_steps.ACROSS,
    cuts=120,
    cut_steps=tuple(faults_power.ACTS),
    every_error=1,
    every_meddle=2,
    every_space=1,
    race=600,
    daemons=60,
)


def jobs(amounts: Amounts) -> dict[str, Job]:
    """Every job by its name, the longest first."""
    found: dict[str, Job] = {"daemon": lambda here, other: _daemon(here, amounts.daemons)}
    for road, count in amounts.kills.items():
        found[f"kills, {road}"] = lambda here, other, r=road, c=count: _kills(here, other, r, c)
    groups = [amounts.steps[start::3] for start in range(3)]
    for number, group in enumerate(groups):
        found[f"steps {number + 1}"] = lambda here, other, g=group: _named(faults_steps.every_step(here, list(g)))
    found["steps across"] = lambda here, other: _steps_across(here, other, amounts.steps_across)
    for layout in faults_power.LAYOUTS:
        found[f"power, {layout}"] = lambda here, other, name=layout: _power(here, name, amounts)
    for road in ROADS:
        found[f"errors, {road}"] = lambda here, other, r=road: _errors(here, r, amounts.every_error)
        found[f"meddled, {road}"] = lambda here, other, r=road: _meddled(here, r, amounts.every_meddle)
    found["space"] = lambda here, other: _space(here, amounts.every_space)
    found["races"] = lambda here, other: _races(here, other, amounts.race)
    found["mutants"] = lambda here, other: _mutants(here)
    return found


def _named(figures: Figures, part: str = _KILLS) -> Figures:
    figures.part = part
    return figures


def _kills(here: Path, other: Path, road: str, count: int) -> Figures:
    if road == "across" and _same_device(here, other):
        return _skipped(_KILLS, "there is no second file system")
    library = other / "Library" if road == "across" else None
    return _named(faults_kills.random_kills(here, count, 20261125, road, library))


def _steps_across(here: Path, other: Path, names: tuple[str, ...]) -> Figures:
    if _same_device(here, other):
        return _skipped(_KILLS, "there is no second file system")
    return _named(faults_steps.every_step(here, list(names), other / "Library"))


def _power(here: Path, layout: str, amounts: Amounts) -> Figures:
    if why := faults_power.why_not():
        return _skipped(_POWER, why)
    with faults_power.power(here, layout, 20261125) as cuts:
        for name in amounts.cut_steps:
            cuts.at_every_step(name)
        cuts.at_random(amounts.cuts)
    return _named(cuts.figures, _POWER)


def _errors(here: Path, road: str, every: int) -> Figures:
    figures = Figures(_ERRORS)
    for number, act in enumerate(ACTS):
        trials = Trials(here, act, road, _ERRORS)
        trials.errors(every=every, offset=number * 7)
        if "across" in road and act in ("file", "undo"):
            trials.rotten()
        figures.add(trials.figures)
    return figures


def _meddled(here: Path, road: str, every: int) -> Figures:
    figures = Figures(_MEDDLED)
    for number, act in enumerate(ACTS):
        trials = Trials(here, act, road, _MEDDLED)
        trials.meddled(every=every, offset=number * 7)
        figures.add(trials.figures)
    return figures


def _space(here: Path, every: int) -> Figures:
    if why := faults_space.why_not():
        return _skipped(_SPACE, why)
    figures = Figures(_SPACE)
    figures.add(faults_space.library_full(here, every=every))
    figures.add(faults_space.database_full(here, every=every * 2 if every > 1 else 1))
    return figures


def _races(here: Path, other: Path, assets: int) -> Figures:
    figures = Figures(_RACES)
    figures.add(faults_races.race(here, "same", assets))
    figures.add(faults_races.race(here, "no flag", assets))
    if not _same_device(here, other):
        figures.add(faults_races.race(here, "across", assets // 4, other / "Library"))
    return figures


def _daemon(here: Path, count: int) -> Figures:
    from tests.support.faults_daemon import killed_daemons  # which imports a great deal

    return _named(killed_daemons(here, count, 20261125), _DAEMON)


def _mutants(here: Path) -> Figures:
    figures = Figures(_MUTANTS)
    for number, (name, violations) in enumerate(MUTANTS.items()):
        if name in NEED_POWER and faults_power.why_not():
            figures.covered[f"skipped: {name}"] += 1
            continue
        folder = here / f"mutant-{number}"
        folder.mkdir()
        caught = violations(folder, False)
        figures.tried += 1
        figures.covered[name] = len(caught)
        if not caught:
            figures.violations.append(f"not caught: a filer that {name}")
        figures.violations += [f"found in the real filer beside {name}: {each}" for each in violations(folder, True)]
    return figures


def _skipped(part: str, why: str) -> Figures:
    return Figures(part, covered=Counter({f"skipped: {why}": 1}))


def _same_device(here: Path, other: Path) -> bool:
    return here.stat().st_dev == other.stat().st_dev


# -- running them ------------------------------------------------------------------------------------------


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """A folder in memory, where there is one, and one on the disk of temporary files."""
    memory = Path("/dev/shm")
    with ExitStack() as stack:
        fast = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
        made = [
            stack.enter_context(tempfile.TemporaryDirectory(dir=where, prefix="curated-faults-"))
            for where in (fast, None)
        ]
        yield Path(made[0]), Path(made[1])


def run_alone(name: str, *, full: bool) -> Figures:
    """The job's figures, from a process of its own."""
    begun = time.monotonic()
    with folders() as (here, other):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.support.faults_run",
                name,
                str(here),
                str(other),
                "full" if full else "short",
            ],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        return Figures(name, violations=[f"ended with {done.returncode}: {done.stderr}"])
    found = json.loads(done.stdout.splitlines()[-1])
    figures = Figures(found["part"], found["tried"], found["violations"], Counter(found["covered"]))
    figures.seconds = time.monotonic() - begun
    return figures


def soak(target: Path | None) -> int:
    """Run everything at its full count; how many violations there were."""
    begun = time.monotonic()
    rows: dict[str, Figures] = {}
    names = list(jobs(FULL))
    with ThreadPoolExecutor(2) as pool:
        for name, figures in zip(names, pool.map(lambda name: run_alone(name, full=True), names), strict=True):
            tried, wrong = f"{figures.tried:,} tried", f"{len(figures.violations)} wrong"
            print(f"{name}: {tried}, {wrong}, {figures.seconds:.0f} s", flush=True)
            for each in figures.violations[:5]:
                print(f"    {each}", flush=True)
            row = rows.setdefault(figures.part, Figures(figures.part))
            row.add(figures)
            row.seconds += figures.seconds
    missing = KILLS - rows[_KILLS].tried
    if missing > 0:
        with folders() as (here, _):
            rows[_KILLS].add(_named(faults_kills.random_kills(here, missing, 5, "same")))
    seconds = time.monotonic() - begun
    print(f"\n{'what':66}{'tried':>8}{'wrong':>7}{'s':>7}")
    for row in rows.values():
        print(f"{row.part:66}{row.tried:>8,}{len(row.violations):>7}{row.seconds:>7.0f}")
    print("\nkilled or cut off, by the step: " + ", ".join(f"{name} {count:,}" for name, count in _by_step(rows)))
    print(f"all in {seconds / 60:.1f} minutes")
    if target is not None:
        report = {"minutes": round(seconds / 60, 1), "parts": [row.as_json() for row in rows.values()]}
        target.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    return sum(len(row.violations) for row in rows.values())


def _by_step(rows: dict[str, Figures]) -> list[tuple[str, int]]:
    """How often it was in or right after each kind of step that the process died or the power went."""
    found: Counter[str] = Counter()
    for part in (_KILLS, _POWER):
        for what, count in rows[part].covered.items():
            found[what.rpartition(" ")[2]] += count if what.rpartition(" ")[2] in CHANGING else 0
    return [(name, count) for name, count in found.most_common() if count]


def main() -> None:
    if len(sys.argv) <= 2:
        sys.exit(1 if soak(Path(sys.argv[1]) if len(sys.argv) == 2 else None) else 0)
    name, here, other, amount = sys.argv[1:]
    # What a child's collector would touch, it would have to copy.
    gc.collect()
    gc.freeze()
    figures = jobs(FULL if amount == "full" else SHORT)[name](Path(here), Path(other))
    print(json.dumps(figures.as_json()))


if __name__ == "__main__":
    main()
