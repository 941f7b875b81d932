"""watchdog's events as a set of dirty paths; they are hints, so losing them costs time and nothing else."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

# Beyond so many dirty paths a full scan is cheaper than looking at each.
DIRTY_LIMIT = 5_000
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]


class DirtyPaths:
    """Paths that something happened to, gathered by watchdog's threads; bounded."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._paths: set[Path] = set()
        self._everything = False
        self.overflows = 0

    def mark(self, path: Path) -> None:
        """Something happened to this path."""
        with self._lock:
            if len(self._paths) >= DIRTY_LIMIT:
                self._everything = True
            else:
                self._paths.add(path)
        self._wake()

    def mark_everything(self) -> None:
        """Events were lost: only a full scan tells what happened."""
        with self._lock:
            self._everything = True
            self.overflows += 1
        self._wake()

    def take(self) -> tuple[set[Path], bool]:
        """(the dirty paths, whether a full scan is needed), both reset."""
        with self._lock:
            paths, self._paths = self._paths, set()
            everything, self._everything = self._everything, False
        return paths, everything


class _Handler(FileSystemEventHandler):
    def __init__(self, dirty: DirtyPaths) -> None:
        self._dirty = dirty

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, getattr(event, "dest_path", "")):
            if path:
                self._dirty.mark(Path(os.fsdecode(path)))


class _Complaints(logging.Handler):
    """watchdog only logs that inotify's queue overflowed or that a watch could not be placed."""

    def __init__(self, dirty: DirtyPaths) -> None:
        super().__init__(logging.WARNING)
        self._dirty = dirty

    def emit(self, record: logging.LogRecord) -> None:
        self._dirty.mark_everything()


class Events:
    """A running observer of one folder, or none where it could not be started."""

    def __init__(self, root: Path, recursive: bool, dirty: DirtyPaths) -> None:
        self._complaints = _Complaints(dirty)
        logging.getLogger("watchdog").addHandler(self._complaints)
        self._observer: BaseObserver | None = Observer()
        try:
            self._observer.schedule(_Handler(dirty), os.fspath(root), recursive=recursive, event_filter=_EVENTS)
            self._observer.start()
        except OSError as error:
            log.warning("%s cannot be watched (%s); it is polled instead", root, error.strerror or error)
            self._observer = None

    @property
    def running(self) -> bool:
        """Whether events come at all."""
        return self._observer is not None and self._observer.is_alive()

    def stop(self) -> None:
        """End the observer's threads."""
        logging.getLogger("watchdog").removeHandler(self._complaints)
        if self._observer is not None and self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        self._observer = None
