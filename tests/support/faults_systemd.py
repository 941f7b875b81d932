"""The system unit under a systemd that runs: in a container whose root is this machine's, with changes in memory.

Nothing that happens in there is seen outside, and it has no network.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from curated.cli import service
from tests.support.clock import wait_until
from tests.support.faults_ground import Figures
from tests.support.faults_poison import good_pictures
from tests.support.filing_world import sha256
from tests.support.processes import children

PART = "the system unit under a running systemd (in a container)"
_BOOT_SECONDS = 60.0
_DROP_IN = Path("/etc/systemd/system/curated.service.d/watchdog.conf")
_CONFIG = Path("/etc/curated.toml")
_PICTURES = Path("/srv/curated-pictures")
_SETTINGS = f"""[folders]
unsorted = "{_PICTURES}/Unsorted"
library = "{_PICTURES}/Library"
state = "/var/lib/curated-trial"
cache = "/var/cache/curated-trial"
[watch]
settle_seconds = 0.5
[models]
profile = "lite"
"""
_BATCH = 12


def why_not() -> str:
    """Why no systemd can be started here; "" where it may."""
    if os.geteuid() != 0:
        return "only root may start a container"
    if shutil.which("systemd-nspawn") is None or not Path("/lib/systemd/systemd").exists():
        return "systemd-nspawn (Debian's systemd-container) is not installed"
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        return "the kernel has no overlay file system"
    if any(Path(path).is_relative_to("/tmp") for path in service.curated_command()):
        return "this installation lies in /tmp, of which a service has its own"
    return ""


class NoContainer(Exception):
    """The container does not start; why."""


class Container:
    """A container in which systemd runs; `root` is its root as seen from here."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self._leader = str(leader)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it in there, as root."""
        return subprocess.run(
            ["nsenter", "--target", self._leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/",
             "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
             f"CURATED_CONFIG={_CONFIG}", *map(str, command)],
            capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip

    def path(self, inside: Path) -> Path:
        """The same file as seen from here."""
        return self.root / inside.relative_to("/")

    def property(self, name: str) -> str:
        """A property of the service, as systemd tells it."""
        return self.run("systemctl", "show", "curated", "--value", "--property", name).stdout.strip()

    def journal(self) -> str:
        """All that the service has logged."""
        return self.run("journalctl", "--unit", "curated", "--no-pager", "--output", "cat").stdout


@contextmanager
def container(folder: Path) -> Iterator[Container]:
    """A container that has booted. Raises NoContainer where that does not go, with the reason."""
    upper, work, root = (folder / name for name in ("upper", "work", "root"))
    for each in (upper, work, root):
        each.mkdir()
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    mounted = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, root], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        raise NoContainer(f"no overlay can be mounted: {mounted.stderr.strip()}")
    try:
        with (folder / "boot.log").open("wb") as log:
            process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", f"--directory={root}", "--machine=curated-trial", "--register=no",
                 "--keep-unit", "--private-network", "--boot", "--", "--unit=basic.target"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            yield _booted(process, root, folder / "boot.log")
        finally:
            if process.poll() is None:
                for child in children(process.pid):
                    os.kill(child, signal.SIGKILL)
            process.terminate()
            process.wait(30)
    finally:
        subprocess.run(["umount", root], check=True)


def _booted(process: subprocess.Popen[bytes], root: Path, log: Path) -> Container:
    end = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        for leader in children(process.pid):
            found = Container(root, leader)
            if found.run("systemctl", "is-active", "basic.target").stdout.strip() == "active":
                return found
        time.sleep(0.2)
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise NoContainer(f"the container does not boot: {said[-1] if said else 'it says nothing'}")


class Trial:
    """What is done to the service, each with what must be true afterwards."""

    def __init__(self, inside: Container, figures: Figures) -> None:
        self._inside = inside
        self._figures = figures
        self._hashes: list[str] = []

    def must(self, what: str, holds: bool, otherwise: object = "") -> None:
        """Count it, and note it where it does not hold."""
        self._figures.tried += 1
        self._figures.covered[what] += 1
        if not holds:
            self._figures.violations.append(f"{what}: {otherwise}\n{self._inside.journal()[-1500:]}")

    def until(self, what: str, holds: Callable[[], object], seconds: float) -> None:
        """Count it, and note it where it does not come true in time."""
        try:
            wait_until(holds, what, seconds)
        except AssertionError as error:
            self.must(what, False, error)
        else:
            self.must(what, True)

    def start(self) -> None:
        """Installed as the README says, it starts, and files what is there."""
        inside = self._inside
        for folder in ("Unsorted", "Library"):
            inside.path(_PICTURES / folder).mkdir(parents=True)
        inside.path(_CONFIG).write_text(_SETTINGS, encoding="utf-8")
        self.arrive()
        installed = inside.run(*service.curated_command(), "service", "install", "--system")
        self.must("installed", installed.returncode == 0, installed.stderr)
        inside.run("systemctl", "daemon-reload")
        started = inside.run("systemctl", "start", "curated")
        self.must("started, and ready", started.returncode == 0, started.stderr)
        self.until("all filed within the sandbox", lambda: not self.waiting(), 120)

    def reload(self) -> None:
        """SIGHUP takes the configuration over."""
        inside = self._inside
        inside.path(_CONFIG).write_text(f"{_SETTINGS}[naming]\nmax_bytes = 100\n", encoding="utf-8")
        self.must("reloaded", inside.run("systemctl", "reload", "curated").returncode == 0)
        self.until("it took the configuration over", lambda: "taken over: naming.max_bytes" in inside.journal(), 20)

    def kill(self) -> None:
        """SIGKILL: systemd starts it again."""
        self._inside.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "curated")
        self.until("killed, and started again", lambda: self._up_again(1), 60)

    def hang(self) -> None:
        """The daemon stands still: the watchdog ends it and starts it again."""
        inside = self._inside
        inside.path(_DROP_IN).parent.mkdir(exist_ok=True)
        inside.path(_DROP_IN).write_text("[Service]\nWatchdogSec=6\nRestartSec=1\n", encoding="utf-8")
        inside.run("systemctl", "daemon-reload")
        inside.run("systemctl", "restart", "curated")
        time.sleep(14)
        self.must("it feeds the watchdog", inside.property("NRestarts") == "0", inside.property("Result"))
        inside.run("kill", "-STOP", inside.property("MainPID"))
        self.until("hung, and started again by the watchdog", lambda: self._up_again(1), 60)
        inside.path(_DROP_IN).unlink()
        inside.run("systemctl", "daemon-reload")
        inside.run("systemctl", "restart", "curated")

    def stop(self) -> None:
        """SIGTERM in the middle of a batch: it ends with 0, and starts again to file the rest."""
        inside = self._inside
        self.arrive()
        self.until("a batch has begun", lambda: 0 < len(self.waiting()) < _BATCH, 120)
        begun = time.monotonic()
        inside.run("systemctl", "stop", "curated")
        self._figures.measured["seconds to stop in a batch"] = (round(time.monotonic() - begun, 1), 120.0)
        ended = (inside.property("Result"), inside.property("ExecMainStatus"))
        self.must("stopped in a batch, with 0", ended == ("success", "0"), ended)
        inside.run("systemctl", "start", "curated")
        self.until("the rest filed after that", lambda: not self.waiting(), 120)

    def misconfigure(self) -> None:
        """A configuration that cannot be: it ends with 78, and is not started again and again."""
        inside = self._inside
        inside.run("systemctl", "stop", "curated")
        inside.path(_CONFIG).write_text(f"{_SETTINGS}nonsense = 1\n", encoding="utf-8")
        inside.run("systemctl", "start", "curated")
        time.sleep(12)  # longer than RestartSec
        state = tuple(map(inside.property, ("ActiveState", "ExecMainStatus", "NRestarts")))
        self.must("misconfigured: ended with 78, left alone", state == ("failed", "78", "0"), state)
        inside.path(_CONFIG).write_text(_SETTINGS, encoding="utf-8")

    def end(self) -> None:
        """Every picture is there once, and the database agrees."""
        inside = self._inside
        inside.run("systemctl", "stop", "curated")
        there = [each for each in inside.path(_PICTURES).rglob("*") if each.is_file()]
        lost = sorted(set(self._hashes) - {sha256(each) for each in there})
        self._figures.zeros["pictures lost or altered"] += len(lost)
        self.must("every picture is there once", not lost and len(there) == len(self._hashes), lost)
        checked = inside.run(*service.curated_command(), "fsck")
        self.must("fsck finds no problem", checked.returncode == 0, checked.stdout + checked.stderr)

    def arrive(self) -> None:
        """So many new pictures as make a batch."""
        apart = self._inside.path(_PICTURES / "apart")
        apart.mkdir()
        # Those that were there before are made again, and left out.
        for each in good_pictures(apart, len(self._hashes) + _BATCH)[len(self._hashes) :]:
            self._hashes.append(sha256(each))
            each.rename(self._inside.path(_PICTURES / "Unsorted") / each.name)
        shutil.rmtree(apart)

    def waiting(self) -> list[str]:
        """What is in the unsorted folder."""
        return os.listdir(self._inside.path(_PICTURES / "Unsorted"))

    def _up_again(self, restarts: int) -> bool:
        state = tuple(map(self._inside.property, ("NRestarts", "ActiveState", "SubState")))
        return state == (str(restarts), "active", "running")


def under_systemd(folder: Path, *, full: bool) -> Figures:
    """Start it, have it file, stop it in a batch; in full also reload it, kill it, have it hang, misconfigure it.

    Raises NoContainer where none can be started.
    """
    figures = Figures(PART)
    with container(folder) as inside:
        trial = Trial(inside, figures)
        for act in (trial.start, trial.reload, trial.kill, trial.hang, trial.stop, trial.misconfigure, trial.end):
            if full or act in (trial.start, trial.stop, trial.end):
                act()
    return figures
