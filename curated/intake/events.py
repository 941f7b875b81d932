"""watchdog's events as a set of dirty paths; they are hints, so losing them costs time and nothing else."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Mapping
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
from watchdog.utils import BaseThread

log = logging.getLogger(__name__)


def _is_trouble(record: logging.LogRecord) -> bool:
    # An emitter says this, as an error, each time it is stopped.
    return "called when the thread is inactive" not in record.getMessage()


logging.getLogger("watchdog.observers.inotify").addFilter(_is_trouble)
# watchdog says this when a folder comes twice while it is being added; the rescan makes up for whatever it misses.
warnings.filterwarnings("ignore", message="Callback with id .* already exists for watch", category=RuntimeWarning)

# Beyond so many dirty paths a full scan is cheaper than looking at each.
DIRTY_LIMIT = 5_000
_INOTIFY_LINE = re.compile(r"^inotify wd:[0-9a-f]+ ino:([0-9a-f]+)", re.MULTILINE)
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
    """Paths that something happened to, gathered by watchdog's threads; bounded.

    `wake` is called once until the next `take`, however many paths follow.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._paths: set[Path] = set()
        self._everything = False
        self._told = False
        self.overflows = 0

    def mark(self, path: Path) -> None:
        """Something happened to this path."""
        with self._lock:
            if len(self._paths) < DIRTY_LIMIT:
                self._paths.add(path)
            else:
                self._everything = True
        self._tell()

    def mark_everything(self, *, overflow: bool = True) -> None:
        """Only a full scan tells what happened; `overflow` says that the kernel dropped events."""
        with self._lock:
            self._everything = True
            self.overflows += overflow
        self._tell()

    def take(self) -> tuple[set[Path], bool]:
        """(the dirty paths, whether a full scan is needed), both reset."""
        with self._lock:
            self._told = False
            paths, self._paths = self._paths, set()
            everything, self._everything = self._everything, False
        return paths, everything

    @property
    def pending(self) -> bool:
        """Whether anything was marked since the last `take`."""
        with self._lock:
            return bool(self._paths) or self._everything

    def _tell(self) -> None:
        with self._lock:
            told, self._told = self._told, True
        if not told:
            try:
                self._wake()
            except Exception:  # the edge of watchdog's threads: one would end, and all events with it
                self._told = False
                log.exception("the watcher could not be woken")


class _Handler(FileSystemEventHandler):
    """Runs in watchdog's thread, below `watched`; paths are told as below `root`, which may be a link to it."""

    def __init__(self, dirty: DirtyPaths, root: Path, watched: str) -> None:
        self._dirty = dirty
        self._root = root
        self._watched = watched

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, getattr(event, "dest_path", "")):
            below = os.fsdecode(path).removeprefix(self._watched)
            if below.startswith("/"):
                self._dirty.mark(self._root / below[1:])
            elif path and not below:
                self._dirty.mark(self._root)


class _Complaints(logging.Handler):
    """watchdog only logs that inotify's queue overflowed or that a watch could not be placed."""

    def __init__(self, dirty: DirtyPaths) -> None:
        super().__init__(logging.WARNING)
        self._dirty = dirty

    def emit(self, record: logging.LogRecord) -> None:
        self._dirty.mark_everything(overflow="overflow" in record.getMessage())


class Events:
    """A running observer of one folder, or none where it could not be started."""

    def __init__(
        self,
        root: Path,
        recursive: bool,
        dirty: DirtyPaths,
        make_observer: Callable[[], BaseObserver] = Observer,
    ) -> None:
        self._root = root
        self._complaints = _Complaints(dirty)
        self._observer: BaseObserver | None = None
        self._threads: list[threading.Thread] = []
        logger = logging.getLogger("watchdog")
        if logger.getEffectiveLevel() > logging.WARNING:
            logger.setLevel(logging.WARNING)
        logger.addHandler(self._complaints)
        before = set(threading.enumerate())
        # inotify would watch a link itself, and not the folder it leads to.
        watched = os.path.realpath(root)
        try:
            self._observer = make_observer()
            self._observer.schedule(_Handler(dirty, root, watched), watched, recursive=recursive, event_filter=_EVENTS)
            self._observer.start()
        except OSError as error:
            log.warning("%s cannot be watched (%s); it is polled instead", root, error.strerror or error)
            self.stop()
            return
        self._threads = [each for each in threading.enumerate() if each not in before and isinstance(each, BaseThread)]

    @property
    def running(self) -> bool:
        """Whether events come at all: each of watchdog's threads is needed for that."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def unwatched(self, folders: Mapping[Path, int]) -> int:
        """How many of the folders (with their inodes) the kernel does not watch; watchdog keeps silent on that."""
        inodes = _watched_inodes()
        if folders.get(self._root) in inodes:
            return sum(inode not in inodes for inode in folders.values())
        # The kernel's numbers are not those of stat on some layered file systems; how many there are is known.
        return max(0, len(folders) - len(inodes))

    def stop(self) -> None:
        """End the observer's threads."""
        logging.getLogger("watchdog").removeHandler(self._complaints)
        if self._observer is not None:
            self._observer.stop()
            if self._observer.is_alive():
                self._observer.join()
        self._observer, self._threads = None, []


def _watched_inodes() -> set[int]:
    """The inodes of the folders that this process watches, as proc_pid_fdinfo(5) lists them."""
    inodes: set[int] = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            if str(descriptor.readlink()) == "anon_inode:inotify":
                listed = Path("/proc/self/fdinfo", descriptor.name).read_text(encoding="ascii")
                inodes.update(int(inode, 16) for inode in _INOTIFY_LINE.findall(listed))
        except FileNotFoundError:
            continue  # closed meanwhile
    return inodes
