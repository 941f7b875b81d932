"""What `make soak` consists of, part by part, at its full counts and at those of every `make test`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.mutants import MUTANTS, NEED_POWER
from tests.support import faults_kills, faults_power, faults_races, faults_space, faults_steps
from tests.support.faults_errors import ACTS, ROADS, Trials
from tests.support.faults_ground import Figures

KILLS, CUTS = 10_000, 600
KILLED = "kills (SIGKILL) while files move and while recovery works"
POWER = "power cuts (EXT4_IOC_SHUTDOWN)"
_ERRORS = "errors injected (EACCES, EROFS, EIO, EXDEV, ENOSPC, EINVAL)"
_MEDDLED = "another program's hand between two steps"
_SPACE = "full disks (tmpfs; ENOSPC at each write)"
_RACES = "assets filed while another process takes their names"
_DAEMON = "kills of the whole daemon: arrivals, decisions, recovery"
_MUTANTS = "wrong filers, each to be caught (found: not caught)"
_EXPOSURE = "exposure of the system unit (systemd-analyze security)"
_IDLE = "the daemon at rest, after it has filed"

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
    full: bool = False


SHORT = Amounts(
    kills={"same": 40, "no flag": 40, "across": 30, "decisions": 60},
    steps=(
        "restore",
        "decided: keeper",
        "decided: distinct",
        "undo across",
        "decided: undone",
        "decided: keeper, undone",
    ),
    steps_across=("undo",),
    cuts=3,
    cut_steps=(),
    every_error=53,
    every_meddle=97,
    every_space=5,
    race=40,
    daemons=3,
)
FULL = Amounts(
    kills={"same": 2000, "no flag": 1400, "across": 1200, "decisions": 2400},
    steps=tuple(faults_steps.ALL),
    steps_across=faults_steps.ACROSS,
    cuts=130,
    cut_steps=tuple(faults_power.ACTS),
    every_error=1,
    every_meddle=2,
    every_space=1,
    race=600,
    daemons=40,
    full=True,
)


def jobs(amounts: Amounts) -> dict[str, Job]:
    """Every job by its name."""
    found: dict[str, Job] = {
        "daemon, arrivals": lambda here, other: _daemon(here, other, amounts.daemons, decide=False),
        "daemon, decisions": lambda here, other: _daemon(here, other, amounts.daemons, decide=True),
    }
    for road, count in amounts.kills.items():
        found[f"kills, {road}"] = lambda here, other, r=road, c=count: _kills(here, other, r, c)
    for number in range(3):
        group = list(amounts.steps[number::3])
        found[f"steps {number + 1}"] = lambda here, other, g=group: _named(faults_steps.every_step(here, g))
    found["steps across"] = lambda here, other: _steps_across(here, other, amounts.steps_across)
    for layout in faults_power.LAYOUTS:
        found[f"power, {layout}"] = lambda here, other, name=layout: _power(here, name, amounts)
    for road in ROADS:
        found[f"errors, {road}"] = lambda here, other, r=road: _errors(here, r, amounts.every_error)
        found[f"meddled, {road}"] = lambda here, other, r=road: _meddled(here, r, amounts.every_meddle)
    found["space"] = lambda here, other: _space(here, amounts.every_space)
    found["races"] = lambda here, other: _races(here, other, amounts.race)
    found["mutants"] = lambda here, other: _mutants(here)
    found["exposure"] = lambda here, other: _exposure(here)
    found["systemd"] = lambda here, other: _systemd(here, full=amounts.full)
    found["idle"] = lambda here, other: _idle(other)
    return found


def _named(figures: Figures, part: str = KILLED) -> Figures:
    figures.part = part
    return figures


def _kills(here: Path, other: Path, road: str, count: int) -> Figures:
    if road == "across" and _same_device(here, other):
        return _skipped(KILLED, "there is no second file system")
    library = other / "Library" if road == "across" else None
    return _named(faults_kills.random_kills(here, count, 20261125, road, library))


def more_kills(here: Path, other: Path, count: int) -> Figures:
    """So many more, as some processes end before they are killed."""
    return _named(faults_kills.random_kills(here, count, 5, "same"))


def _steps_across(here: Path, other: Path, names: tuple[str, ...]) -> Figures:
    if _same_device(here, other):
        return _skipped(KILLED, "there is no second file system")
    return _named(faults_steps.every_step(here, list(names), other / "Library"))


def _power(here: Path, layout: str, amounts: Amounts) -> Figures:
    if why := faults_power.why_not():
        return _skipped(POWER, why)
    with faults_power.power(here, layout, 20261125) as cuts:
        for name in amounts.cut_steps:
            cuts.at_every_step(name)
        cuts.at_random(amounts.cuts)
    return _named(cuts.figures, POWER)


def more_cuts(here: Path, other: Path, count: int) -> Figures:
    """So many more cuts."""
    with faults_power.power(here, "one drive", 5) as cuts:
        cuts.at_random(count)
    return _named(cuts.figures, POWER)


def _errors(here: Path, road: str, every: int) -> Figures:
    figures = Figures(_sampled(_ERRORS, every))
    for number, act in enumerate(ACTS):
        trials = Trials(here, act, road, figures.part)
        trials.errors(every=every, offset=number * 7)
        if "across" in road and act in ("file", "undo"):
            trials.rotten()
        figures.add(trials.figures)
    return figures


def _meddled(here: Path, road: str, every: int) -> Figures:
    figures = Figures(_sampled(_MEDDLED, every))
    for number, act in enumerate(ACTS):
        trials = Trials(here, act, road, figures.part)
        trials.meddled(every=every, offset=number * 7)
        figures.add(trials.figures)
    return figures


def _sampled(part: str, every: int) -> str:
    return part if every == 1 else f"{part}; one in {every} of all"


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


def _daemon(here: Path, other: Path, count: int, *, decide: bool) -> Figures:
    from tests.support.faults_daemon import killed_daemons  # which imports a great deal

    # With the library on a real disk and the unsorted folder in memory files are copied, and moves take longer.
    library = None if _same_device(here, other) or not decide else other / "Library"
    return _named(killed_daemons(here, count, 20261125, decide=decide, library=library), _DAEMON)


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
        figures.zeros["not caught"] += not caught
        if not caught:
            figures.violations.append(f"not caught: a filer that {name}")
        figures.violations += [f"found in the real filer beside {name}: {each}" for each in violations(folder, True)]
    return figures


def _exposure(here: Path) -> Figures:
    from tests.support.faults_service import exposures

    found, unsaid, why = exposures(here)
    if not found:
        return _skipped(_EXPOSURE, why)
    figures = Figures(_EXPOSURE, tried=len(found), measured=found)
    figures.zeros["directives left open without a reason"] = len(unsaid)
    figures.violations += [f"left open without a reason: {each}" for each in unsaid]
    return _limited(figures)


def _systemd(here: Path, *, full: bool) -> Figures:
    from tests.support.faults_systemd import PART, NoContainer, under_systemd, why_not

    if why := why_not():
        return _skipped(PART, why)
    try:
        return _limited(under_systemd(here, full=full))
    except NoContainer as error:
        return _skipped(PART, str(error))


def _idle(other: Path) -> Figures:
    from tests.support.faults_service import idle_memory

    return _limited(Figures(_IDLE, tried=1, measured={"MB held": (idle_memory(other), 80.0)}))


def _limited(figures: Figures) -> Figures:
    figures.violations += figures.too_much()
    return figures


def _skipped(part: str, why: str) -> Figures:
    return Figures(part, covered=Counter({f"skipped: {why}": 1}))


def _same_device(here: Path, other: Path) -> bool:
    return here.stat().st_dev == other.stat().st_dev
