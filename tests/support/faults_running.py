"""A daemon in a process of its own, whose memory is measured; light, as the real one is.

`python -m tests.support.faults_running BASE SETTINGS` files what lies in BASE/Unsorted, with one line for each file as
`curated run` prints them, then says what it cost: one JSON object with the most memory it held itself and how often a
model process was started. With `watch` behind it, it goes on until SIGTERM.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curated.cli.display import LineReport
from curated.config import from_dict
from curated.daemon import build_daemon
from curated.errors import StateError
from curated.state.daemon import DaemonState, published
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.clock import wait_until

ROOT = Path(__file__).parents[2]
POISONED = "tests.support.faults_poison:open_poisoned"


@dataclass(frozen=True)
class Ran:
    """What a daemon that has ended says of itself; `lines` and `log` are its standard output and error."""

    good: bool
    peak_mb: float
    starts: int
    lines: tuple[str, ...]
    log: str


def run_daemon(base: Path, seconds: float = 100, **settings: dict[str, Any]) -> Ran:
    """Have a daemon in a process of its own file what lies in `base`/Unsorted; `settings` are tables of the config."""
    command = [sys.executable, "-m", "tests.support.faults_running", str(base), json.dumps(settings)]
    ended = subprocess.run(command, capture_output=True, timeout=seconds, cwd=ROOT, check=False)
    log = ended.stderr.decode()
    assert ended.returncode == 0, log
    # Not `splitlines`, which knows many more ends of lines than a terminal or a journal does.
    *lines, last = ended.stdout.decode().rstrip("\n").split("\n")
    return Ran(**json.loads(last), lines=tuple(lines), log=log)


def settings_for(base: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a daemon over `base`, as its TOML would say it."""
    (base / "Unsorted").mkdir(exist_ok=True)
    return settings | {
        "watch": {"settle_seconds": 0.1, "retries": 0} | settings.get("watch", {}),
        "models": {"profile": "lite", "batch_size": 4, "decode_threads": 2} | settings.get("models", {}),
        "folders": {
            "unsorted": str(base / "Unsorted"),
            "library": str(base / "Library"),
            "state": str(base / "state"),
            "cache": str(base / "cache"),
        },
    }


class Watching:
    """A daemon that is running in a process of its own."""

    def __init__(self, base: Path, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._database = base / "state" / "curated.db"

    def state(self) -> DaemonState:
        """What it last said of itself."""
        with open_database(self._database, read_only=True) as database:
            state = published(Store(database))
        assert state is not None
        return state

    def is_up(self) -> bool:
        assert self.process.poll() is None, "the daemon ended"
        if not self._database.exists():
            return False
        try:
            with open_database(self._database, read_only=True) as database:
                state = published(Store(database))
        except StateError:
            return False  # it is just being made
        return state is not None and state.activity != "starting"


@contextmanager
def watching_daemon(base: Path, prefix: Sequence[str] = (), **settings: dict[str, Any]) -> Iterator[Watching]:
    """A daemon at work over `base`, started by way of `prefix`; it must end by itself when it is told to."""
    (base / "Unsorted").mkdir(exist_ok=True)
    command = [*prefix, sys.executable, "-m", "tests.support.faults_running", str(base), json.dumps(settings), "watch"]
    with (base.parent / f"{base.name}.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, text=True, cwd=ROOT)
        try:
            made = Watching(base, process)
            wait_until(made.is_up, "the daemon to be up", 60)
            yield made
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.seek(0) or log.read()
        except BaseException:
            log.seek(0)
            print(log.read(), file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def peak_memory(pid: int | str = "self") -> int:
    """The most bytes a process has held; ru_maxrss would begin with what its parent held."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


def _main() -> None:
    base, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    config = from_dict(settings_for(base, settings), "test")
    once = sys.argv[3:] != ["watch"]
    report = LineReport(config)
    handler = report.log_handler()
    logging.basicConfig(handlers=[handler], level=handler.level)
    with build_daemon(config, report, once=once, factory=POISONED) as daemon:
        signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
        good = daemon.run()
    starts = base / "cache" / "starts"
    lines = starts.read_text(encoding="ascii").splitlines() if starts.exists() else []
    print(json.dumps({"good": good, "peak_mb": round(peak_memory() / 1e6, 1), "starts": len(lines)}))


if __name__ == "__main__":
    _main()
