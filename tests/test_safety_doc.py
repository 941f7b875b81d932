"""Every test that docs/safety.md leans on exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.faults_table import written_into

ROOT = Path(__file__).parents[1]
NAMED = re.findall(r"`(tests/[\w/]+(?:\.py)?/?)(?:::(\w+))?`", (ROOT / "docs/safety.md").read_text(encoding="utf-8"))


def test_every_test_that_the_promises_name_exists() -> None:
    assert len(NAMED) > 40
    for place, name in NAMED:
        path = ROOT / place
        assert path.exists(), place
        if name:
            assert f"def {name}(" in path.read_text(encoding="utf-8"), f"{place}::{name}"


def test_every_promise_names_a_test() -> None:
    text = (ROOT / "docs/safety.md").read_text(encoding="utf-8").split("## The latest figures")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
    assert rows
    assert all("`tests/" in row for row in rows)


def test_the_table_of_figures_is_that_of_the_soak() -> None:
    text = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
    report = json.loads((ROOT / "docs/safety-figures.json").read_text(encoding="utf-8"))
    assert written_into(text, report) == text
    assert not any(part["violations"] or any(part["zeros"].values()) for part in report["parts"])
