"""The daemon's single-instance lock, and the state it publishes for `status` and the review."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from curated.errors import AlreadyRunning, StateError
from curated.state.store import Store

Activity = Literal["starting", "watching", "working", "paused", "stopping", "stopped"]

_KEY = "daemon"
_TRIES, _PAUSE_SECONDS = 5, 0.02


@dataclass(frozen=True, slots=True)
class DaemonState:
    """What the daemon says of itself; times are ISO 8601 in UTC, `rate` pictures a minute.

    `outcomes` counts every kind of outcome since `started_at`, `others` the files left alone by what they are.
    """

    pid: int
    started_at: str
    updated_at: str
    activity: Activity
    detail: str = ""
    profile: str = ""
    device: str = ""
    waiting: int = 0
    in_work: int = 0
    retrying: int = 0
    filed: int = 0
    review: int = 0
    duplicates: int = 0
    failed: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    watched_folders: int = 0
    polling: bool = False
    overflows: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    specials: dict[str, str] = field(default_factory=dict)
    last_names: tuple[str, ...] = ()
    last_errors: tuple[str, ...] = ()


def publish(store: Store, state: DaemonState) -> None:
    """Keep the state where other processes find it."""
    store.set_setting(_KEY, msgspec.json.encode(state).decode())


def published(store: Store) -> DaemonState | None:
    """The last state a daemon published, or None; whether it still runs the lock tells."""
    text = store.setting(_KEY)
    return msgspec.json.decode(text, type=DaemonState) if text else None


class InstanceLock:
    """A lock file that lives as long as the process: one daemon for each state folder."""

    def __init__(self, state_folder: Path) -> None:
        self.path = state_folder / "daemon.lock"
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"{self.path}: cannot be made: {error.strerror}; set folders.state to another") from error
        if not _locked(descriptor):
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise AlreadyRunning(
                f"another curated (process {holder or 'unknown'}) works on {self.path.parent}; "
                "stop it first, or use another folders.state"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _locked(descriptor: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # `daemon_runs` holds it for a moment when it asks.
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
    return False


def daemon_runs(state_folder: Path) -> bool:
    """Whether a daemon holds the lock on this state."""
    try:
        descriptor = os.open(state_folder / "daemon.lock", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def daemon_pid(state_folder: Path) -> int | None:
    """The process id of the daemon that works on this state; None if none does, or it has only just begun to."""
    if not daemon_runs(state_folder):
        return None
    lock = state_folder / "daemon.lock"
    text = lock.read_text(encoding="ascii", errors="replace").strip()
    # A daemon takes the lock before it writes its number: until then the number is that of an earlier process,
    # which by now may be anybody's. The daemon's own process has the file open.
    return int(text) if text.isdecimal() and _has_open(int(text), lock) else None


def ask_to_retry(store: Store, state_folder: Path) -> int | None:
    """Have the daemon look again at what failed; its process id, None where none runs (any more).

    Raises StateError if it is another user's.
    """
    pid = daemon_pid(state_folder)
    if pid is None:
        return None
    state = published(store)
    # Until it has published, it has not set its signal handlers either, and SIGUSR1 would end it.
    if state is not None and state.pid == pid:
        try:
            os.kill(pid, signal.SIGUSR1)
        except ProcessLookupError:
            return None
        except PermissionError as error:
            raise StateError(f"the daemon (process {pid}) is another user's and cannot be told: {error}") from error
    return pid


def _has_open(pid: int, path: Path) -> bool:
    try:
        found = path.stat()
        return any(_is_open_as(each, found) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended, or is another user's
        return False


def _is_open_as(descriptor: Path, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), found)
    except OSError:  # closed meanwhile
        return False
