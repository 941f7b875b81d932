"""The service measured: how open its sandbox is, and what the daemon holds when it has nothing to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from curated.cli import service
from curated.cli.sandbox import Sandbox
from curated.state.daemon import DaemonState, published
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.clock import wait_until
from tests.support.faults_poison import good_pictures
from tests.support.processes import children
from tests.support.service_manager import Manager, end, started

_MOST_EXPOSURE = 0.5
_PLACES = {
    "folders in /srv": Sandbox(
        pictures=(Path("/srv/pictures/Unsorted"), Path("/srv/pictures/Library")),
        writable=(Path("/srv/pictures"), Path("/var/lib/curated")),
        hidden_writable=(),
        hidden_readable=(),
        renames=True,
    ),
    "folders in a home": Sandbox(
        pictures=(Path("/home/me/Pictures/Unsorted"), Path("/home/me/Pictures/Library")),
        writable=(Path("/home/me/.local/state/curated"), Path("/home/me/Pictures")),
        hidden_writable=(Path("/home/me/.local/state/curated"), Path("/home/me/Pictures")),
        hidden_readable=(Path("/home/me/curated"),),
        renames=True,
    ),
}


def exposures(folder: Path) -> tuple[dict[str, tuple[float, float]], list[str], str]:
    """(exposure and the most it may be by place, what is left open without a reason, why neither is known or "")."""
    if shutil.which("systemd-analyze") is None:
        return {}, [], "systemd-analyze is not installed"
    found, unsaid = {}, []
    for name, sandbox in _PLACES.items():
        unit = folder / "curated.service"
        text = service.system_unit_text(["/opt/curated/bin/curated"], None, sandbox, "me")
        unit.write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
            capture_output=True,
            text=True,
            check=False,
        )
        if not (level := re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)):
            return {}, [], f"systemd-analyze says no exposure: {(done.stdout + done.stderr).strip()[:100]}"
        found[name] = (float(level[1]), _MOST_EXPOSURE)
        reasons = " ".join(re.findall(r"^# Open: (.+)", text, re.MULTILINE))
        unsaid += [
            f"{name}: {each}" for each in re.findall(r"^✗ (\S+)", done.stdout, re.MULTILINE) if each not in reasons
        ]
    return found, unsaid, ""


def idle_memory(folder: Path, pictures: int = 200) -> float:
    """The megabytes that a daemon holds once it has filed so many pictures and its model process has ended."""
    (folder / "Unsorted").mkdir()
    (folder / "config.toml").write_text(
        '[folders]\nunsorted = "Unsorted"\nlibrary = "Library"\nstate = "state"\ncache = "cache"\n'
        '[models]\nprofile = "lite"\nidle_timeout = 1.0\n[watch]\nsettle_seconds = 0.1\n'
    )

    def state() -> DaemonState | None:
        with open_database(folder / "state" / "curated.db", read_only=True) as database:
            return published(Store(database))

    def is_idle() -> bool:
        now = state()
        return now is not None and now.activity == "watching" and not children(daemon.pid)

    with (
        Manager(folder) as manager,
        started(folder / "log", CURATED_CONFIG=str(folder / "config.toml"), **manager.environment()) as daemon,
    ):
        manager.wait_for("READY=1")
        good_pictures(folder / "Unsorted", pictures)
        wait_until(lambda: manager.count(f"STATUS=watching; {pictures} filed"), "all to be filed", 120)
        wait_until(is_idle, "the model process to end", 60)
        held = _held(daemon.pid)
        if end(daemon) != 0:
            raise AssertionError((folder / "log").read_text())
    return held


def _held(pid: int) -> float:
    """The resident megabytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    kilobytes = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
    return round(int(kilobytes) * 1024 / 1e6, 1)
