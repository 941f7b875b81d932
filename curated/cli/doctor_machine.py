"""What `curated doctor` asks of the machine: watching, SQLite, GPU, memory, clock, terminal, other daemons, systemd."""

from __future__ import annotations

import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from curated.cli import service
from curated.cli.doctor_check import Check
from curated.cli.output import amount, counted
from curated.config import Config
from curated.intake.mounts import mount_of
from curated.state.daemon import daemon_pid
from curated.state.database import WAL_RESET_FIXED
from curated.tui.terminal import is_multiplexed

_INOTIFY = Path("/proc/sys/fs/inotify")
_PROCESSES = Path("/proc")
# Before this program was: a clock without a battery begins anew in 1970 or so.
_FIRST_YEAR = 2025
# The model process of lite takes 1.1 GB for the demo's pictures; for full the size of its weights is doubled.
_LEAST_MEMORY = {"lite": 2_000_000_000, "full": 4_000_000_000}
_COLUMNS, _LINES = 80, 24


def watching(config: Config) -> Iterator[Check]:
    """How arrivals are noticed, and whether inotify has enough to give."""
    unsorted, watch = config.folders.unsorted_path, config.watch
    if not unsorted.is_dir():
        return
    mount = mount_of(unsorted)
    if watch.polling == "always" or (watch.polling == "auto" and mount.is_network):
        why = "as watch.polling says" if watch.polling == "always" else f"{mount.kind} raises no events"
        yield Check("ok", "watching", f"looked at every {watch.poll_seconds:g} s: {why}")
        return
    unreadable: list[str] = []
    found = os.walk(unsorted, onerror=lambda error: unreadable.append(str(error.filename)))
    folders = sum(1 for _ in found) if watch.recursive else 1
    limit, instances = _limit("max_user_watches"), _limit("max_user_instances")
    detail = f"{counted(folders, 'folder')}; inotify allows {limit:,} watches and {instances:,} instances"
    if folders > limit * 0.8:
        mend = f"`sudo sysctl fs.inotify.max_user_watches={max(524_288, folders * 4)}`; until then it is polled"
        yield Check("warn", "watching", detail, mend)
    elif not _inotify_is_to_be_had():
        mend = f"`sudo sysctl fs.inotify.max_user_instances={max(512, instances * 4)}`; until then it is polled"
        yield Check("warn", "watching", f"other programs have all {instances:,} instances of inotify", mend)
    else:
        yield Check("ok", "watching", detail)
    if unreadable:
        mend = "give yourself the rights, or what lies there is left alone"
        yield Check("warn", "watching", f"{counted(len(unreadable), 'folder')} cannot be read: {unreadable[0]}", mend)


def _limit(name: str) -> int:
    try:
        return int((_INOTIFY / name).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _inotify_is_to_be_had() -> bool:
    descriptor = int(ctypes.CDLL(None, use_errno=True).inotify_init1(os.O_CLOEXEC))
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor >= 0


def sqlite() -> Check:
    """Which SQLite, and whether its WAL-reset bug must be kept away."""
    fixed = ".".join(map(str, WAL_RESET_FIXED))
    if sqlite3.sqlite_version_info >= WAL_RESET_FIXED:
        return Check("ok", "sqlite", sqlite3.sqlite_version)
    detail = f"{sqlite3.sqlite_version}, before {fixed}: a file lock keeps its WAL-reset bug from harming the database"
    return Check("ok", "sqlite", detail)


def gpu(config: Config) -> Check:
    """Whether there is the GPU that the configuration wants."""
    wanted = config.models.device
    if not (Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi")):
        if wanted.startswith("cuda"):
            mend = 'set models.device to "auto" or "cpu"'
            return Check("warn", "gpu", f"models.device is {wanted!r}, but there is no NVIDIA GPU", mend)
        return Check("ok", "gpu", "none seen; the CPU is used")
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, errors="replace", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("warn", "gpu", f"there is one, but nvidia-smi does not answer ({error})", "look at the driver")
    said = "; ".join((done.stdout if done.returncode == 0 else done.stdout + done.stderr).strip().splitlines())
    if done.returncode != 0:
        return Check("warn", "gpu", f"nvidia-smi says: {said}", "look at the driver; until then the CPU is used")
    return Check("ok", "gpu", said)


def memory(config: Config, total: int | None = None) -> Check:
    """Whether the machine (with `total` bytes) has room for the model process."""
    total = total if total is not None else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    wanted = "full" if config.models.profile == "full" else "lite"
    least = _LEAST_MEMORY[wanted]
    if total < least:
        mend = (
            "set models.batch_size to 1, or use another machine" if wanted == "lite" else 'set models.profile = "lite"'
        )
        return Check("warn", "memory", f"{amount(total)}; the {wanted} profile wants {amount(least)}", mend)
    return Check("ok", "memory", amount(total))


def clock(now: datetime | None = None, newest: datetime | None = None) -> Check:
    """Whether the clock can be right: after this program was made, and after what was filed last (`newest`)."""
    now = now or datetime.now(UTC)
    shown = now.isoformat(timespec="seconds")
    mend = "set the clock (`timedatectl set-ntp true`): dates of arrivals and waits go by it"
    if now.year < _FIRST_YEAR:
        return Check("warn", "clock", f"it says {shown}", mend)
    if newest is not None and newest > now and (newest - now).total_seconds() > 60:
        late = newest.isoformat(timespec="seconds")
        return Check("warn", "clock", f"it says {shown}, but something was filed at {late} already", mend)
    return Check("ok", "clock", shown)


def terminal(environ: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """Whether the review can be shown here; nothing where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    size, kind = shutil.get_terminal_size(), environ.get("TERM", "")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if kind in ("", "dumb"):
        yield Check("warn", "terminal", f"TERM is {kind!r}: the review cannot be shown", "use another terminal")
    elif encoding != "utf8":
        mend = "`export LANG=C.UTF-8`, or choose a UTF-8 locale"
        yield Check("warn", "terminal", f"it is said to take {sys.stdout.encoding}, not UTF-8", mend)
    elif size.columns < _COLUMNS or size.lines < _LINES:
        mend = f"make it {_COLUMNS} by {_LINES} or more"
        yield Check("warn", "terminal", f"{size.columns} by {size.lines}: small for the review", mend)
    else:
        how = "pictures in half blocks" if is_multiplexed(environ) else "`curated review` asks it what it can show"
        yield Check("ok", "terminal", f"{kind}, {size.columns} by {size.lines}; {how}")


def other_daemons(config: Config, processes: Path = _PROCESSES) -> Iterator[Check]:
    """Other daemons of this machine, which may watch the same folder."""
    ours = daemon_pid(config.folders.state_path)
    for entry in processes.iterdir():
        if not entry.name.isdecimal() or int(entry.name) in (ours, os.getpid()):
            continue
        try:
            words = [os.fsdecode(word) for word in (entry / "cmdline").read_bytes().split(b"\0") if word]
        except OSError:  # it has ended, or is hidden from us
            continue
        if _is_daemon(words):
            detail = f"another `curated run` (process {entry.name}) works on another state"
            yield Check("warn", "daemon", detail, "if it watches the same unsorted folder, stop one of them")


def _is_daemon(words: list[str]) -> bool:
    """Whether a command line is `curated run`, started in any of its ways."""
    names = [Path(word).name for word in words[:3]]
    if "run" not in words:
        return False
    before = names[: words.index("run")] if "run" in words[:4] else []
    return "curated" in before and all(name in {"curated", "-m"} or "python" in name for name in before)


def services(config: Config) -> Iterator[Check]:
    """What systemd says of the units, the user's and the machine's."""
    own, machine = service.unit_path(), service.unit_path(system=True)
    if not service.has_systemd():
        yield Check("ok", "service", "this machine has no systemd; start `curated run` by other means")
        return
    if own.exists() and machine.exists():
        mend = "`curated service uninstall` removes your own, `sudo curated service uninstall --system` the machine's"
        yield Check("warn", "service", f"there are two units, {own} and {machine}", mend)
    elif not own.exists() and not machine.exists():
        yield Check("ok", "service", "not installed", "`curated service install` starts the daemon with the session")
    for path, system in ((own, False), (machine, True)):
        if path.exists():
            yield _unit(path, system)
            yield from _without_drop_in(config, path)


def _unit(path: Path, system: bool) -> Check:
    asked = ("is-active", "is-enabled")
    said = [service.systemctl(question, service.UNIT, system=system)[1] for question in asked]
    active, enabled = (each.splitlines()[0] if each else "?" for each in said)
    detail = f"{path} ({active}, {enabled})"
    manager, log = ("systemctl", "journalctl -u curated") if system else (
        "systemctl --user", "journalctl --user -u curated"
    )  # fmt: skip
    if active == "failed":
        return Check("warn", "service", detail, f"`{log}` says why; then `{manager} restart curated`")
    if active == "activating":
        return Check("warn", "service", detail, f"it starts, or starts again and again: `{log}` says why")
    if enabled == "masked":
        return Check("warn", "service", detail, f"`{manager} unmask curated`, or it never starts")
    if enabled == "disabled":
        return Check("ok", "service", detail, f"`{manager} enable --now curated` starts it, now and each time")
    return Check("ok", "service", detail)


def _without_drop_in(config: Config, path: Path) -> Iterator[Check]:
    folder = path.with_name(f"{path.name}.d")
    if config.metrics.port and not any("AF_INET" in each.read_text("utf-8") for each in folder.glob("*.conf")):
        mend = f"copy curated-metrics.conf to {folder}/metrics.conf, or set metrics.port = 0"
        yield Check("warn", "metrics", f"{path} lets no counters out", mend)
