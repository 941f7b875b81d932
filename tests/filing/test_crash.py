"""SIGKILL after every step of a move and of every recovery: no byte is lost, nothing is left half done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.filing_crash import SCENARIOS


def explore(scenario: str, *folders: Path) -> dict:
    for folder in folders:
        folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.filing_crash", scenario, *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_after_any_step_no_byte_is_lost(scenario: str, in_memory: Path) -> None:
    report = explore(scenario, in_memory)
    assert report["problems"] == []
    assert report["deaths"] > len(report["steps"]) > 0
    assert report["second_deaths"] > 0
    assert report["finished"] > 0, "no death was recovered by going forward: the scenario proves little"
    assert report["aborted"] > 0, "no death was recovered by going back: the scenario proves little"


def test_killed_after_any_step_between_two_real_file_systems(tmp_path: Path, in_memory: Path) -> None:
    if tmp_path.stat().st_dev == in_memory.stat().st_dev:
        pytest.skip("there is no second file system to move to")
    report = explore("single", tmp_path, in_memory / "Library")
    assert report["problems"] == []
    assert "copy" in report["steps"]
