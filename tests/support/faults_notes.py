"""What tests measure, told to whoever runs them for the figures, and those figures put together again.

A test calls `note` before it asserts, so that what went wrong is in the figures, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from tests.support.faults_ground import Figures

_ROOT = Path(__file__).parents[2]
_NOTES = "CURATED_SOAK_NOTES"


def note(part: str, tried: int, zeros: dict[str, int], measured: dict[str, tuple[float, float]] | None = None) -> None:
    """Say what was tried, what of it must be 0 and was how many, and what was measured and may be how much at most."""
    said = Figures(part, tried, zeros=Counter(zeros), measured=measured or {}).as_json()
    print(json.dumps(said), file=sys.stderr)
    if path := os.environ.get(_NOTES):
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(said) + "\n")


def run_tests(part: str, tests: list[str], folder: Path, temporary: Path, *, full: bool) -> list[Figures]:
    """Have pytest run these at their full or their short counts; the figures of each part that they tell of.

    Their temporary folders are in `temporary`. What failed is a violation of the part told last; where they tell of
    none, they are the tests of `part`.
    """
    notes, results = folder / "notes", folder / "results.xml"
    environment = {name: value for name, value in os.environ.items() if name != "CURATED_SOAK"}
    environment |= {_NOTES: str(notes)} | ({"CURATED_SOAK": "1"} if full else {})
    options = [f"--basetemp={temporary / 'tests'}", f"--junitxml={results}", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Figures] = {}
    for line in notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []:
        told = Figures.from_json(json.loads(line))
        found.setdefault(told.part, Figures(told.part)).add(told)
    if not found:
        found[part] = Figures(part)
    last = list(found.values())[-1]
    if results.exists():
        _judge(results, last)
    elif done.returncode:
        last.violations.append(f"pytest ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    for figures in found.values():
        figures.violations += [f"{count} {name}" for name, count in figures.zeros.items() if count]
        figures.violations += figures.too_much()
    return list(found.values())


def _judge(results: Path, figures: Figures) -> None:
    passed = 0
    for case in ElementTree.parse(results).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        wrong = [*case.findall("failure"), *case.findall("error")]
        figures.violations += [f"{name}: {(each.get('message') or '')[:500]}" for each in wrong]
        for each in case.findall("skipped"):
            figures.covered[f"skipped: {case.get('name')}: {each.get('message')}"] += 1
        passed += not wrong and case.find("skipped") is None
    figures.covered["tests passed"] += passed
    if not figures.zeros:
        figures.tried += passed
