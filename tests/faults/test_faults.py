"""Whatever is killed, cut off, refused or taken away at whatever step: no byte is lost, and every row is true.

The short form of what `make soak` does in full; with CURATED_SOAK=1 these tests do it in full as well.
"""

from __future__ import annotations

import os

import pytest

from tests.support.faults_jobs import SHORT, jobs
from tests.support.faults_run import run_alone

_FULL = bool(os.environ.get("CURATED_SOAK"))


@pytest.mark.timeout(1800 if _FULL else 120)
@pytest.mark.parametrize("job", jobs(SHORT))
def test_no_fault_loses_a_byte_or_a_truth(job: str) -> None:
    figures = run_alone(job, full=_FULL)
    assert figures.violations == []
    if skipped := [what for what in figures.covered if what.startswith("skipped: ") and not figures.tried]:
        pytest.skip(skipped[0].removeprefix("skipped: "))
    assert figures.tried > 0
