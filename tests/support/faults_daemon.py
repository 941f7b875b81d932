"""A daemon in a process of its own, whose memory is measured; light, as the real one is.

`python -m tests.support.faults_daemon BASE SETTINGS` files what lies in BASE/Unsorted, then prints what it cost: one
JSON object with the most memory it held itself and how often a model process was started.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curated.config import from_dict
from curated.daemon import build_daemon

ROOT = Path(__file__).parents[2]
POISONED = "tests.support.faults_poison:open_poisoned"


@dataclass(frozen=True)
class Ran:
    """What a daemon that has ended says of itself."""

    good: bool
    peak_mb: float
    starts: int
    log: str


def run_daemon(base: Path, seconds: float = 100, **settings: dict[str, Any]) -> Ran:
    """Have a daemon in a process of its own file what lies in `base`/Unsorted; `settings` are tables of the config."""
    command = [sys.executable, "-m", "tests.support.faults_daemon", str(base), json.dumps(settings)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=ROOT, check=False)
    assert ended.returncode == 0, ended.stderr
    return Ran(**json.loads(ended.stdout.splitlines()[-1]), log=ended.stderr)


def settings_for(base: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a daemon over `base`, as its TOML would say it."""
    (base / "Unsorted").mkdir(exist_ok=True)
    return {
        "watch": {"settle_seconds": 0.1, "retries": 0} | settings.get("watch", {}),
        "models": {"profile": "lite", "batch_size": 4, "decode_threads": 2} | settings.get("models", {}),
        "reading": settings.get("reading", {}),
        "folders": {
            "unsorted": str(base / "Unsorted"),
            "library": str(base / "Library"),
            "state": str(base / "state"),
            "cache": str(base / "cache"),
        },
    }


def _main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    base, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    config = from_dict(settings_for(base, settings), "test")
    with build_daemon(config, lambda _: None, once=True, factory=POISONED) as daemon:
        good = daemon.run()
    starts = base / "cache" / "starts"
    lines = starts.read_text(encoding="ascii").splitlines() if starts.exists() else []
    print(json.dumps({"good": good, "peak_mb": round(peak_memory() / 1e6, 1), "starts": len(lines)}))


def peak_memory(pid: int | str = "self") -> int:
    """The most bytes a process has held; ru_maxrss would begin with what its parent held."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


if __name__ == "__main__":
    _main()
