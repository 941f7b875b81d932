"""What the dashboard shows, looked up away from the thread that draws: one frozen value for each look."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from curated.config import Config
from curated.domain import Status
from curated.errors import ConfigError, WeightsMissing
from curated.filing.filed import unmounted
from curated.models.weights import profile_notice
from curated.state.daemon import DaemonState, daemon_runs, published
from curated.state.database import Database
from curated.state.decisions import Decisions, MadeDecision
from curated.state.journal import Journal
from curated.state.overview import Entry, Judged, Overview
from curated.state.schema import SCHEMA_VERSION
from curated.state.store import Attempt, Store
from curated.taste import CategoryFigures, Figures, learnt_categories, trainings
from curated.tui.words import plain, shown_path, size_in_words

Level = Literal["ok", "warn", "fail"]

MOST_LISTED = 60
_LITTLE_SPACE, _NO_SPACE = 2_000_000_000, 50_000_000
# What is counted over the whole library may take this share of the time.
_LONG_SHARE = 0.02
# Beyond the time that one batch may take.
_SILENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """One thing that was looked at, with the mend where it is not well."""

    level: Level
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted over the whole library, and how good the taste is."""

    categories: Mapping[str, Mapping[Status, int]]
    judged: Judged
    taste: Figures | None
    notice: str
    learnt: tuple[CategoryFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The daemon and the library at one moment."""

    at: datetime
    running: bool
    state: DaemonState | None
    per_minute: tuple[int, ...]
    last: tuple[Entry, ...]
    failed: tuple[Entry, ...]
    waiting: tuple[Attempt, ...]
    owed: int
    problems: tuple[tuple[MadeDecision, Path | None], ...]
    counts: Counts
    space: tuple[int, int] | None
    health: tuple[Health, ...] = field(default=())


class Looks(Protocol):
    """What a dashboard asks: how everything is now."""

    def look(self) -> Snapshot:
        """Everything as it is now. Raises sqlite3.Error where the database cannot be read."""
        ...

    def forget(self) -> None:
        """Count the whole library anew at the next look."""
        ...


def latest_figures(database: Database) -> Figures | None:
    """What the last training said of itself."""
    return next(iter(trainings(database, 1)), None)


class Looker:
    """Looks at one state, again and again; what takes long is looked at less often."""

    def __init__(
        self, config: Config, database: Database, clock: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._config = config
        self._clock = clock
        self._monotonic = monotonic
        self._store = Store(database)
        self._overview = Overview(database)
        self._decisions = Decisions(database)
        self._counts: Counts | None = None
        self._count_again_at = 0.0

    def forget(self) -> None:
        """Count the whole library anew at the next look."""
        self._counts = None

    def look(self) -> Snapshot:
        """Everything as it is now. Raises sqlite3.Error where the database cannot be read."""
        now = self._clock()
        state, running = published(self._store), daemon_runs(self._config.folders.state_path)
        problems = self._decisions.problems(MOST_LISTED)
        return Snapshot(
            at=now,
            running=running,
            state=state,
            per_minute=self._overview.filed_per_minute(now),
            last=tuple(self._overview.last_filed(MOST_LISTED)),
            failed=tuple(self._overview.failed(MOST_LISTED)),
            waiting=tuple(self._store.attempts()[:MOST_LISTED]),
            owed=self._decisions.owed_count(),
            problems=tuple((each, self._overview.file_of(each.photo_id)) for each in problems),
            counts=self._counted(),
            space=_space(self._config.folders.library_path),
            health=tuple(self._examined(running, state, now)),
        )

    def _counted(self) -> Counts:
        if self._counts is None or self._monotonic() >= self._count_again_at:
            start = time.perf_counter()
            self._counts = Counts(
                self._overview.categories(),
                self._overview.judged(),
                latest_figures(self._store.database),
                _notice(self._config),
                tuple(learnt_categories(self._store.database)),
            )
            self._count_again_at = self._monotonic() + (time.perf_counter() - start) / _LONG_SHARE
        return self._counts

    def _examined(self, running: bool, state: DaemonState | None, now: datetime) -> list[Health]:
        found = [*self._folders(), self._database(), *self._half_done(running, now)]
        if running and state is not None and (silent := _silent(self._config, state, now)):
            found.append(silent)
        return sorted(found, key=lambda each: ("fail", "warn", "ok").index(each.level))

    def _folders(self) -> list[Health]:
        folders = self._config.folders
        found = []
        for what, folder in (("unsorted", folders.unsorted_path), ("library", folders.library_path)):
            if not folder.is_dir():
                found.append(Health("fail", what, f"{shown_path(folder)} is not there; is its disk mounted?"))
            elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                found.append(Health("fail", what, f"{shown_path(folder)} cannot be written; give yourself the rights"))
            elif what == "library" and (why := unmounted(folder, self._store)):
                found.append(Health("fail", what, plain(why)))
            else:
                found.append(Health("ok", what, shown_path(folder)))
        if (space := _space(folders.library_path)) is not None and space[0] < _LITTLE_SPACE:
            level: Level = "fail" if space[0] < _NO_SPACE else "warn"
            found.append(Health(level, "disk", f"nearly full, {size_in_words(space[0])} free: make room"))
        return found

    def _database(self) -> Health:
        version = int(self._store.database.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            detail = f"a newer curated has changed it (schema {version}): end this review and start that one's"
            return Health("fail", "database", detail)
        try:
            size = self._store.database.path.stat().st_size
        except OSError:
            return Health("fail", "database", f"{shown_path(self._store.database.path)} is gone: put a copy back")
        return Health("ok", "database", f"schema {version}, {size_in_words(size)}")

    def _half_done(self, running: bool, now: datetime) -> list[Health]:
        # A move takes a moment; what is older was left by something that was killed.
        old = [
            move
            for move in Journal(self._store.database).open_moves()
            if now - move.created_at > timedelta(seconds=_SILENT_SECONDS)
        ]
        if not old or running:
            return []
        many = "1 move was" if len(old) == 1 else f"{len(old):,} moves were"
        return [Health("warn", "moves", f"{many} left half done: `curated run` finishes them")]


def _silent(config: Config, state: DaemonState, now: datetime) -> Health | None:
    """A word on a daemon that should have said something; one with nothing to do has nothing to say."""
    if not (state.waiting or state.in_work or state.activity in ("starting", "stopping")):
        return None
    seconds = (now - datetime.fromisoformat(state.updated_at)).total_seconds()
    if seconds < config.models.batch_timeout + _SILENT_SECONDS:
        return None
    detail = f"no word for {seconds / 60:.0f} min with work to do: stop it and start it again"
    return Health("warn", "daemon", detail)


def _space(folder: Path) -> tuple[int, int] | None:
    """(free, all) bytes of the disk the folder is on; None where it is not there."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free, usage.total


def _notice(config: Config) -> str:
    try:
        return profile_notice(config.models)
    except (ConfigError, WeightsMissing) as error:
        return str(error)


def age(then: datetime, now: datetime) -> str:
    """ "just now", "40 s", "12 min", "3 h", "5 days"."""
    seconds = (now - then.astimezone(UTC)).total_seconds()
    if seconds < 2:
        return "just now"
    for length, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * length or (unit == "min" and seconds >= 60):
            number = int(seconds // length)
            return f"{number:,} {unit}{'s' if unit == 'day' and number > 1 else ''}"
    return f"{int(seconds)} s"
