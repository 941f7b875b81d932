"""Putting the daemon together from the configuration, with everything that can be refused refused first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from curated.config import Config, check_folders
from curated.daemon.loop import Daemon, Report
from curated.daemon.progress import Progress
from curated.daemon.wake import Wake
from curated.duplicates import TwinIndex
from curated.errors import ConfigError
from curated.files import Disk, RealDisk
from curated.filing import Filer, recover
from curated.intake.watch import Watcher
from curated.models.weights import resolve_profile
from curated.naming import check_template
from curated.pipeline import Admit, Place, Retries
from curated.review import Carrier
from curated.state.daemon import InstanceLock
from curated.state.journal import Clock, utc_now
from curated.state.schema import open_database
from curated.state.store import Store
from curated.taste.background import Trainer
from curated.worker.client import WorkerClient
from curated.worker.messages import WorkerSpec


@contextmanager
def build_daemon(
    config: Config,
    report: Report,
    *,
    once: bool = False,
    disk: Disk | None = None,
    factory: str | None = None,
    clock: Clock = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Daemon]:
    """A daemon ready to run, alone on its state, with the moves of an earlier crash finished or taken back.

    `factory` names another maker of the models (see WorkerSpec). Raises ConfigError, WeightsMissing, AlreadyRunning
    or StateError before any file is touched.
    """
    check_folders(config)
    check_template(config.naming.template)
    resolve_profile(config.models)
    folders = config.folders
    disk = disk or RealDisk()
    with InstanceLock(folders.state_path), open_database(folders.database_path) as database, Wake() as woken:
        _make_library(config)
        store = Store(database)
        recovery = recover(database, disk, roots=[folders.unsorted_path, folders.library_path], clock=clock)
        store.forget_arriving()
        filer = Filer(database, disk, roots=[folders.library_path, folders.unsorted_path], clock=clock)
        retries = Retries.by(store, clock, config.watch, once=once)
        place = Place(config, store, filer, retries, TwinIndex(config.duplicates, store))
        worker = WorkerClient(WorkerSpec.of(config, factory), woken.set)
        daemon = Daemon(
            config,
            store,
            watcher=Watcher(folders.unsorted_path, config.watch, woken.set, monotonic),
            worker=worker,
            admit=Admit(store, disk, retries, place),
            place=place,
            carrier=Carrier(config, filer),
            trainer=Trainer(config, database),
            progress=Progress(os.getpid(), monotonic),
            report=report,
            woken=woken,
            monotonic=monotonic,
            once=once,
        )
        daemon.tell_recovery(recovery)
        yield daemon


def _make_library(config: Config) -> None:
    library = config.folders.library_path
    try:
        library.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"folders.library: {library} cannot be made: {error.strerror}") from error
