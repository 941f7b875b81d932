"""The unsorted folder, watched: whole assets come out, whatever happens to events, mounts or the folder itself."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from curated.config import Watch
from curated.domain import Asset
from curated.intake.events import DirtyPaths, Events
from curated.intake.gather import Gatherer
from curated.intake.mounts import MOUNTINFO, mount_of
from curated.intake.scan import PARTNER_SUFFIXES, look, present, scan
from curated.intake.settle import Settler, open_for_writing

log = logging.getLogger(__name__)

_MOST_SPECIALS = 20


@dataclass(frozen=True, slots=True)
class WatchState:
    """What the watcher can say of itself.

    `others` counts files left alone by what they are, `specials` says of the first of those that are never opened
    why, `unwatched` counts the folders that inotify had no watch left for.
    """

    paused: str = ""
    waiting: int = 0
    folders: int = 0
    polling: bool = False
    overflows: int = 0
    scans: int = 0
    others: dict[str, int] = field(default_factory=dict)
    specials: dict[str, str] = field(default_factory=dict)
    unwatched: int = 0


class Watcher:
    """Gives out whole, settled assets of one folder; all methods but `wake` are for one thread.

    `wake` is called from other threads when `poll` has something to do; `clock` is monotonic; `pulse` is called after
    each folder of a scan.
    """

    def __init__(
        self,
        root: Path,
        settings: Watch,
        wake: Callable[[], None],
        clock: Callable[[], float],
        is_open: Callable[[Path], bool | None] = open_for_writing,
        make_observer: Callable[[], BaseObserver] = Observer,
        mountinfo: Path = MOUNTINFO,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self.root = root
        self._settings = settings
        self._clock = clock
        self._make_observer = make_observer
        self._mountinfo = mountinfo
        self._pulse = pulse
        self._settler = Settler(settings.settle_seconds, is_open)
        self._gatherer = Gatherer(settings.settle_seconds, present)
        self._dirty = DirtyPaths(wake)
        self._events: Events | None = None
        self._wants_events = True
        self._next_start = clock()
        self._identity: tuple[int, int] | None = None
        self._mount: Path | None = None
        self._paused = ""
        self._next_try = clock()
        self._last_scan = -math.inf
        self._scans = 0
        self._folders = 0
        self._missed = 0
        self._unwatched = 0
        self._specials: dict[Path, str] = {}

    def start(self) -> None:
        """Begin to watch; the first `poll` scans everything. A folder that is not there is waited for."""
        self._root_is_there()

    def stop(self) -> None:
        """End the observer's threads."""
        if self._events is not None:
            self._events.stop()
            self._events = None

    def poll(self) -> list[Asset]:
        """The assets that have become whole since the last call.

        Each is claimed: it comes again only after `release`, or once one of its files has changed.
        """
        if not self._root_is_there():
            return []
        now = self._clock()
        self._mind_events(now)
        paths, everything = self._dirty.take()
        if everything or now >= self._next_scan:
            if not self._scan(now):
                return []
        else:
            self._look_at(paths, now)
        whole, deadline = self._settler.whole(now, present), self._gatherer.next_deadline()
        if not whole and (deadline is None or now < deadline):
            return []
        gathered = self._gatherer.gather(whole, self._settler.watched(), now)
        for path, stat in gathered.lost.items():
            self._settler.release(path, stat)
        self._look_at(gathered.lost, now)
        return gathered.assets

    def rescan(self) -> None:
        """Compare the whole folder at the next `poll`."""
        self._last_scan = -math.inf

    def release(self, asset: Asset) -> None:
        """An asset was dealt with: what is there of it counts as new when the next event or scan shows it.

        A file that has changed since it was given out is another one; its claim stands.
        """
        for arrival in asset.arrivals:
            self._settler.release(arrival.path, arrival)

    def look_again(self, asset: Asset) -> None:
        """Compare the files of an asset at the next `poll`, as if there had been an event."""
        for arrival in asset.arrivals:
            self._dirty.mark(arrival.path)

    def next_deadline(self) -> float:
        """When `poll` has something to do at the latest, by the monotonic clock."""
        if self._paused:
            return self._next_try
        deadlines = (self._settler.next_deadline(), self._gatherer.next_deadline(), self._next_scan)
        return min(deadline for deadline in deadlines if deadline is not None)

    @property
    def idle(self) -> bool:
        """Whether the folder has been scanned and nothing in it is on its way to being whole."""
        nothing = not len(self._settler) and not self._gatherer.holds and not self._dirty.pending
        return self._scans > 0 and nothing

    def state(self) -> WatchState:
        """For status and doctor."""
        return WatchState(
            paused=self._paused,
            waiting=len(self._settler) + self._gatherer.holds,
            folders=self._folders,
            polling=self._polls(),
            overflows=self._dirty.overflows,
            scans=self._scans,
            others={kind: count for kind, count in self._gatherer.loose_kinds.items() if count},
            specials={os.fspath(path): why for path, why in sorted(self._specials.items())[:_MOST_SPECIALS]},
            unwatched=self._unwatched,
        )

    # -- the root ----------------------------------------------------------------------------------------

    def _root_is_there(self) -> bool:
        """Whether the folder can be worked on; a vanished mount pauses, and never means deletions."""
        try:
            status = self.root.stat()
        except OSError as error:
            return self._pause(f"{self.root} is not there ({error.strerror}); nothing is done until it is back")
        identity = (status.st_dev, status.st_ino)
        if identity == self._identity and not self._paused:
            return True
        mount = mount_of(self.root, self._mountinfo)
        if self._mount is not None and mount.point != self._mount and self._mount.is_relative_to(mount.point):
            return self._pause(
                f"{self._mount}, where {self.root} was, is not mounted; nothing is done until it is, or until a restart"
            )
        if self._identity is not None:
            # It is back, or another folder has taken its place: watch that one, and look at all of it.
            log.info("%s is there again, or is another folder now; all of it is looked at", self.root)
        self._identity, self._mount, self._paused = identity, mount.point, ""
        polling = self._settings.polling
        self._wants_events = polling == "never" or (polling == "auto" and not mount.is_network)
        self._watch()
        return True

    def _pause(self, why: str) -> bool:
        if not self._paused:
            self.stop()
        self._paused = why
        self._next_try = self._clock() + self._settings.poll_seconds
        return False

    # -- events ------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Start the events anew where there may be any, and then look at everything."""
        self.stop()
        if self._wants_events:
            self._events = Events(self.root, self._settings.recursive, self._dirty, self._make_observer)
        self._next_start = self._clock() + self._settings.rescan_seconds
        self._missed = 0
        self.rescan()

    def _mind_events(self, now: float) -> None:
        """Try again where events could not be had, or not of all folders, or have ended."""
        if self._wants_events and now >= self._next_start and (self._unwatched or not self._has_events()):
            self._watch()

    def _has_events(self) -> bool:
        return self._events is not None and self._events.running

    def _polls(self) -> bool:
        return self._settings.polling != "never" and (not self._has_events() or self._missed > 0)

    @property
    def _next_scan(self) -> float:
        return self._last_scan + (self._settings.poll_seconds if self._polls() else self._settings.rescan_seconds)

    # -- what is in it -----------------------------------------------------------------------------------

    def _scan(self, now: float) -> bool:
        try:
            found = scan(self.root, self._settings, self._pulse)
        except OSError as error:
            return self._pause(f"{self.root} cannot be read ({error.strerror}); nothing is done until it can")
        for path, stat in found.files.items():
            self._settler.observe(path, stat, now)
        self._settler.keep_only(found.files)
        self._gatherer.keep_only(found.files)
        self._specials, self._folders = found.specials, len(found.folders)
        missed = self._events.unwatched(found.folders) if self._events is not None and self._has_events() else 0
        # A folder that has just come may only wait for watchdog's thread; one missed twice has no watch.
        self._missed, self._unwatched = missed, min(missed, self._missed)
        self._scans += 1
        self._last_scan = now
        return True

    def _look_at(self, paths: Iterable[Path], now: float) -> None:
        covered: set[Path] = set()
        for path in sorted({*paths, *_finished_by(paths)}):  # a folder comes before what is in it
            if path == self.root or path.parent in covered or not path.is_relative_to(self.root):
                continue
            found = look(self.root, path, self._settings)
            covered.update(found.folders)
            for each, stat in found.files.items():
                self._settler.observe(each, stat, now)
            if path not in found.files:
                self._settler.forget(path)
                loose = self._gatherer.forget(path)
                if loose is not None:
                    self._settler.release(path, loose)
            self._specials.pop(path, None)
            self._specials.update(found.specials)


def _finished_by(paths: Iterable[Path]) -> set[Path]:
    """The files whose downloads may be finished, now that something happened to their partners."""
    return {path.with_suffix("") for path in paths if path.suffix in PARTNER_SUFFIXES}


def remove_emptied(folder: Path, root: Path) -> None:
    """Remove a folder from which a file was just moved, and those above it, as far as they are empty now."""
    while folder != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except OSError:
            return  # not empty, or not ours to remove: it stays
        folder = folder.parent
