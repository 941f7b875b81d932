"""Runs the parts of the fault tests, each in a process of its own, and puts their figures together.

`python -m tests.support.faults_run FIGURES.json DOCUMENT.md` runs all of them at their full counts on two cores, prints
the table of what was tried and found, and writes it as JSON and into the document; it ends with 1 if anything was found
(`make soak`). With `--short` in front it does so at the counts of every `make test`.
`python -m tests.support.faults_run JOB FOLDER OTHER full|short` runs one and prints its figures as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.support.faults_ground import Figures
from tests.support.faults_jobs import CUTS, FULL, KILLED, KILLS, POWER, SHORT, jobs, more_cuts, more_kills
from tests.support.faults_notes import run_tests
from tests.support.faults_table import Report, as_text, written_into
from tests.support.filing_disks import CHANGING

_ROOT = Path(__file__).parents[2]
# Longer than any of them takes; one that hangs shall not keep the others from being told.
_LONGEST = 1100.0
_ARRIVALS, _POISON = "tests/faults/test_arrivals.py", "tests/faults/test_poison.py"
_BURST = f"{_ARRIVALS}::test_a_burst_that_overflows_the_queue_of_events_is_taken_whole"
_KILLERS = f"{_POISON}::test_a_whole_folder_of_pictures_that_break_the_decoder_does_not_end_the_daemon"
_SERVICE = "tests/daemon/test_as_a_service.py"
_STOPS = f"{_SERVICE}::test_sigterm_in_the_middle_of_a_batch_ends_it_with_0_and_loses_nothing"
_WRITERS = "tests/state/test_two_writers.py"
# Promises whose tests need more of pytest than a function: the tests run as they are, and tell their figures.
TESTS: dict[str, list[str]] = {
    "burst": [_BURST],
    "sigterm": [_STOPS],
    "killers": [_KILLERS],
    "poison": [_POISON, f"--deselect={_KILLERS}"],
    "arrivals": [_ARRIVALS, f"--deselect={_BURST}"],
    "two writers": [_WRITERS],
    "names": ["tests/faults/test_names.py"],
    "faults found before, each alone": ["tests/faults/test_mended.py"],
}
# The longest first, so that two cores end at about the same time; those not named follow.
_ORDER = (
    "burst",
    "sigterm",
    "daemon, arrivals",
    "daemon, decisions",
    "killers",
    "poison",
    "arrivals",
    "systemd",
    "two writers",
)


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
        command = [
            sys.executable,
            "-m",
            "tests.support.faults_run",
            name,
            str(here),
            str(other),
            "full" if full else "short",
        ]
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            said, complaints = process.communicate(timeout=_LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, complaints = process.communicate()
            complaints += f"killed after {_LONGEST:.0f} s"
    if process.returncode:
        return Figures(name, violations=[f"{name} ended with {process.returncode}: {complaints[-3000:]}"])
    figures = Figures.from_json(json.loads(said.splitlines()[-1]))
    figures.seconds = time.monotonic() - begun
    return figures


def run_promises(name: str, *, full: bool) -> list[Figures]:
    """The figures of each part that these tests tell of."""
    begun = time.monotonic()
    with folders() as (here, other):
        found = run_tests(name, TESTS[name], here, other, full=full)
    for figures in found:
        figures.seconds = (time.monotonic() - begun) / len(found)
    return found


def _run(name: str, *, full: bool) -> list[Figures]:
    found = run_promises(name, full=full) if name in TESTS else [run_alone(name, full=full)]
    tried, wrong = sum(each.tried for each in found), sum(len(each.violations) for each in found)
    print(f"{name}: {tried:,} tried, {wrong} wrong, {sum(each.seconds for each in found):.0f} s", flush=True)
    for each in [text for figures in found for text in figures.violations][:5]:
        print(f"    {each}", flush=True)
    return found


def all_names() -> list[str]:
    """Every job by its name, the longest first."""
    return list(dict.fromkeys([*_ORDER, *jobs(FULL), *TESTS]))


def soak(names: Iterable[str], *, full: bool) -> Report:
    """Run these, some at a time; what they tried and found."""
    begun = time.monotonic()
    found: dict[str, Figures] = {}
    # Three, as some of them wait most of the time: for a file to settle, for a drive, for a process to start.
    with ThreadPoolExecutor(3) as pool:
        for figures in (each for one in pool.map(partial(_run, full=full), names) for each in one):
            _count(found, figures)
    if full:
        _make_up(found)
    return {
        "when": datetime.now(UTC).date().isoformat(),
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "parts": [each.as_json() for each in found.values()],
        "steps": _by_step(found),
    }


def _count(found: dict[str, Figures], figures: Figures) -> None:
    row = found.setdefault(figures.part, Figures(figures.part))
    row.add(figures)
    row.seconds += figures.seconds


def _make_up(found: dict[str, Figures]) -> None:
    """More kills and cuts, where some processes had ended before it was their turn."""
    for part, wanted, more in ((KILLED, KILLS, more_kills), (POWER, CUTS, more_cuts)):
        missing = wanted - found[part].tried if part in found and found[part].tried else 0
        if missing > 0:
            with folders() as (here, other):
                _count(found, more(here, other, missing))


def _by_step(found: dict[str, Figures]) -> dict[str, int]:
    """How often it was in or right after each kind of step that the process died or the power went."""
    steps: Counter[str] = Counter()
    for part in (KILLED, POWER):
        for what, count in found[part].covered.items() if part in found else ():
            step = what.rpartition(" ")[2]
            steps[step] += count if step in CHANGING else 0
    return {name: count for name, count in steps.most_common() if count}


def _main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) == 4:
        name, here, other, amount = arguments
        # What a child's collector would touch, it would have to copy.
        gc.collect()
        gc.freeze()
        print(json.dumps(jobs(FULL if amount == "full" else SHORT)[name](Path(here), Path(other)).as_json()))
        return
    full = "--short" not in arguments
    report = soak(all_names(), full=full)
    print(f"\n{as_text(report)}")
    for target in (Path(each) for each in arguments if not each.startswith("--")):
        if target.suffix == ".json":
            target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        else:
            target.write_text(written_into(target.read_text(encoding="utf-8"), report), encoding="utf-8")
    sys.exit(1 if any(part["violations"] for part in report["parts"]) else 0)


if __name__ == "__main__":
    _main()
