"""Putting the daemon together from the configuration, with everything that can be refused refused first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from curated.config import Config, check_folders, load
from curated.daemon.announce import Report, tell_recovery
from curated.daemon.loop import Daemon
from curated.daemon.notify import ServiceManager
from curated.daemon.progress import Progress
from curated.daemon.stages import StageMaker, check_stages
from curated.daemon.wake import Wake
from curated.errors import ConfigError
from curated.files import Disk, RealDisk
from curated.filing import Filer, recover
from curated.intake.watch import Watcher
from curated.state.daemon import InstanceLock
from curated.state.journal import Clock, utc_now
from curated.state.schema import open_database
from curated.state.store import Store
from curated.taste.background import Trainer
from curated.worker.client import WorkerClient


@contextmanager
def build_daemon(
    config: Config,
    report: Report,
    *,
    once: bool = False,
    disk: Disk | None = None,
    read: Callable[[], Config] = load,
    factory: str | None = None,
    clock: Clock = utc_now,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Daemon]:
    """A daemon ready to run, alone on its state, with the moves of an earlier crash finished or taken back.

    `read` is what `reload` reads the configuration by; `factory` names another maker of the models (see WorkerSpec).
    Raises ConfigError, WeightsMissing, AlreadyRunning or StateError before any file is touched.
    """
    check_folders(config)
    check_stages(config)
    folders = config.folders
    service = ServiceManager(monotonic=monotonic)
    # A large file takes its time: each piece of it that was read or written is progress.
    disk = disk or RealDisk(service.pulse)
    with InstanceLock(folders.state_path), open_database(folders.database_path) as database, Wake() as woken:
        _make_library(config)
        store = Store(database)
        recovery = recover(database, disk, roots=[folders.unsorted_path, folders.library_path], clock=clock)
        store.forget_arriving()
        filer = Filer(database, disk, roots=[folders.library_path, folders.unsorted_path], clock=clock)
        maker = StageMaker(store, disk, filer, clock, once, factory, read)
        stages = maker.make(config)
        progress = Progress(os.getpid(), monotonic)
        daemon = Daemon(
            maker,
            stages,
            store,
            watcher=Watcher(folders.unsorted_path, config.watch, woken.set, monotonic, pulse=service.pulse),
            worker=WorkerClient(stages.spec, woken.set),
            trainer=Trainer(config, database),
            progress=progress,
            report=report,
            service=service,
            woken=woken,
            monotonic=monotonic,
            once=once,
        )
        tell_recovery(recovery, progress)
        with _metrics(config, progress):
            yield daemon


def _metrics(config: Config, progress: Progress) -> AbstractContextManager[None]:
    """Serves the counters if the configuration asks for it."""
    if not config.metrics.port:
        return nullcontext()
    # Imported here: it brings Python's web server, which a daemon that serves nothing need not hold in memory.
    from curated.daemon.metrics import served

    return served(config.metrics, lambda: progress.state)


def _make_library(config: Config) -> None:
    library = config.folders.library_path
    try:
        library.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"folders.library: {library} cannot be made: {error.strerror}") from error
