"""What `curated doctor` looks at: each thing ok, a warning or a failure, with the mend. It changes nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from curated import config as configuration
from curated.cli import doctor_machine as machine
from curated.cli.doctor_check import Check, Level
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
from curated.state.database import Database
from curated.state.journal import Journal
from curated.state.schema import SCHEMA_VERSION, open_database
from curated.state.store import Store

_LITTLE_SPACE, _NO_SPACE = 2_000_000_000, 50_000_000
_FEW_INODES = 10_000
# An ending and a number for the second of that name.
_ENDING_BYTES = 16


def examine(
    config: Config, disk: Disk, *, digest_weights: bool = False, whole_database: bool = False
) -> Iterator[Check]:
    """Every check, in the order in which a newcomer would want them mended.

    `digest_weights` reads every file of weights, `whole_database` every page and index of the database.
    """
    yield from _configuration(config)
    yield from _guarded("folders", _folders(config))
    yield from _guarded("moving", _file_systems(config, disk))
    yield from _guarded("watching", machine.watching(config))
    yield machine.sqlite()
    yield from _guarded("database", _state(config, disk, whole_database))
    yield from _guarded("daemon", _daemon(config))
    yield from _guarded("models", _models(config, digest_weights))
    yield machine.gpu(config)
    yield machine.memory(config)
    yield machine.clock(newest=_newest(config))
    yield from machine.terminal()
    yield from _guarded("service", machine.services(config))


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
        yield _room(name, folder, here)
        yield from _kind(config, name, here)


def _room(name: str, folder: Path, here: Path) -> Check:
    """Whether there is room for more, in bytes and in files."""
    free, kind, found = shutil.disk_usage(here).free, mount_of(here).kind, os.statvfs(here)
    there = "" if here == folder else " is not there yet, `curated run` makes it"
    detail = f"{folder} ({kind}, {amount(free)} free){there}"
    # File systems that make inodes as they go say that they have none at all.
    if found.f_files and found.f_favail < _FEW_INODES:
        level: Level = "fail" if not found.f_favail else "warn"
        return Check(level, name, f"{detail}, {found.f_favail:,} inodes free", "remove files: it can hold few more")
    level = "fail" if free < _NO_SPACE else "warn" if free < _LITTLE_SPACE else "ok"
    return Check(level, name, detail, "" if level == "ok" else "make room: the disk is nearly full")


def _kind(config: Config, name: str, here: Path) -> Iterator[Check]:
    """What a file system cannot do that is needed there."""
    mount, owner = mount_of(here), here.stat().st_uid
    if name == "state" and mount.is_network:
        mend = "set folders.state to a folder of a disk of this machine"
        detail = f"{here} is on {mount.kind}: SQLite's log cannot be shared over a network, the database may be harmed"
        yield Check("fail", name, detail, mend, configuration=True)
    longest = os.pathconf(here, "PC_NAME_MAX") if name == "library" else None
    if longest is not None and config.naming.max_bytes + _ENDING_BYTES > longest:
        mend = f"set naming.max_bytes to {max(8, longest - _ENDING_BYTES)}"
        yield Check("warn", name, f"{here} takes names of {longest} bytes, naming.max_bytes allows more", mend)
    if name == "unsorted" and os.geteuid() == 0 and owner != 0:
        mend = "run the daemon as that user, or what it makes belongs to root"
        yield Check("warn", name, f"{here} belongs to user {owner}, and this is root", mend)


def _file_systems(config: Config, disk: Disk) -> Iterator[Check]:
    unsorted, library = config.folders.unsorted_path, config.folders.library_path
    if unsorted.is_dir():
        if _existing(library).stat().st_dev == unsorted.stat().st_dev:
            if mount_of(library).point == mount_of(unsorted).point:
                how = "unsorted and library are on one file system: files are renamed, not copied"
            else:
                how = "unsorted and library are two mounts of one disk: files are copied, compared and then removed"
            yield Check("ok", "moving", how)
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


def _state(config: Config, disk: Disk, whole: bool) -> Iterator[Check]:
    path = config.folders.database_path
    if not path.exists():
        yield Check("ok", "database", f"{path} is not there yet, `curated run` makes it")
        return
    mend = "put a copy in its place, or move it away to begin anew (what was filed can then not be undone)"
    try:
        with open_database(path, read_only=True) as database:
            found = str(database.execute(f"PRAGMA {'integrity' if whole else 'quick'}_check(1)").fetchone()[0])
            if found == "ok" and whole and (broken := database.execute("PRAGMA foreign_key_check").fetchone()):
                found = f"a row of {broken[0]} belongs to nothing"
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
        # A lock file that an earlier daemon left is none: the lock went with the process.
        yield Check("ok", "daemon", "not running", "`curated run` starts it")
    else:
        yield Check("ok", "daemon", f"running (process {daemon_pid(state) or 'just starting'})")
    yield from machine.other_daemons(config)


def _newest(config: Config) -> datetime | None:
    """When a picture was filed last, as far as a database says so."""
    try:
        with open_database(config.folders.database_path, read_only=True) as database:
            found = database.execute("SELECT max(filed_at) FROM photo").fetchone()[0]
    except (StateError, sqlite3.Error, OSError):
        return None  # there is none yet, or what is wrong with it has been said
    return datetime.fromisoformat(found) if found else None


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


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())
