"""`curated status` over 300,000 pictures: wall time of the whole command, interpreter included."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.library import synthetic

SIZE = 300_000
RUNS = 10


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        folder = Path(name)
        with synthetic(folder, SIZE):
            pass
        (folder / "Unsorted").mkdir()
        (folder / "config.toml").write_text('[folders]\nunsorted = "Unsorted"\nlibrary = "Library"\nstate = "state"\n')
        environment = {**os.environ, "CURATED_CONFIG": str(folder / "config.toml")}
        for command in (["status", "--json"], ["list", "--limit", "20"], ["search", "lake boat"], ["--version"]):
            times = []
            for _ in range(RUNS):
                started = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "curated", *command], env=environment, check=True, stdout=subprocess.DEVNULL
                )
                times.append(time.perf_counter() - started)
            print(f"curated {' '.join(command):<20} {statistics.median(times):.3f} s (median of {RUNS})")
