"""The unsorted folder, watched: whole assets come out, whatever happens to events, mounts or the folder itself."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from curated.config import Watch
from curated.domain import Arrival, Asset
from curated.files import open_regular
from curated.intake.assets import belongs_to, group
from curated.intake.events import DirtyPaths, Events
from curated.intake.scan import Stat, look, scan
from curated.intake.settle import Settler, open_for_writing
from curated.pictures.sniff import HEAD_BYTES, PICTURE_EXTENSIONS, RAW_EXTENSIONS, VIDEO_EXTENSIONS, sniff

_NETWORK_TYPES = ("nfs", "cifs", "smb", "fuse", "9p", "afs", "ceph", "gluster", "davfs", "vboxsf", "virtiofs")
# How often a picture may be put back to wait for what belongs to it (each time one settle period).
_MOST_WAITS = 5


@dataclass(frozen=True, slots=True)
class WatchState:
    """What the watcher can say of itself; `others` counts files left alone by what they are."""

    paused: str = ""
    waiting: int = 0
    folders: int = 0
    polling: bool = False
    overflows: int = 0
    scans: int = 0
    others: dict[str, int] = field(default_factory=dict)
    specials: dict[str, str] = field(default_factory=dict)


class Watcher:
    """Gives out whole, settled assets of one folder; all methods but `wake` are for one thread.

    `wake` is called from other threads when `poll` has something to do; `clock` is monotonic.
    """

    def __init__(
        self,
        root: Path,
        settings: Watch,
        wake: Callable[[], None],
        clock: Callable[[], float],
        is_open: Callable[[Path], bool | None] = open_for_writing,
    ) -> None:
        self.root = root
        self._settings = settings
        self._clock = clock
        self._settler = Settler(settings.settle_seconds, is_open)
        self._dirty = DirtyPaths(wake)
        self._events: Events | None = None
        self._identity: tuple[int, int] | None = None
        self._was_mount = False
        self._paused = ""
        self._next_scan = clock()
        self._scans = 0
        self._folders = 0
        self._specials: dict[Path, str] = {}
        self._loose: dict[Path, Stat] = {}
        self._waits: Counter[Path] = Counter()

    def start(self) -> None:
        """Begin to watch; the first `poll` scans everything."""
        self._remember_root()
        self._watch()

    def stop(self) -> None:
        """End the observer's threads."""
        if self._events is not None:
            self._events.stop()
            self._events = None

    def poll(self) -> list[Asset]:
        """The assets that have become whole since the last call; each is claimed until `release`."""
        now = self._clock()
        if not self._root_is_there():
            self._next_scan = now + self._settings.poll_seconds
            return []
        paths, everything = self._dirty.take()
        if everything or now >= self._next_scan:
            self._scan(now)
        else:
            for dirty in paths:
                self._look(dirty, now)
        return self._take(now)

    def rescan(self) -> None:
        """Compare the whole folder at the next `poll`."""
        self._next_scan = self._clock()

    def release(self, asset: Asset) -> None:
        """An asset was dealt with: should a file be there again, it counts as new."""
        for arrival in asset.arrivals:
            self._settler.release(arrival.path)
            self._waits.pop(arrival.path, None)

    def next_deadline(self) -> float:
        """When `poll` has something to do at the latest, by the monotonic clock."""
        settled = self._settler.next_deadline()
        return self._next_scan if settled is None else min(settled, self._next_scan)

    @property
    def idle(self) -> bool:
        """Whether the folder has been scanned and nothing in it is on its way to being whole."""
        return self._scans > 0 and not len(self._settler)

    def state(self) -> WatchState:
        """For status and doctor."""
        others = Counter("video" if path.suffix.lower() in VIDEO_EXTENSIONS else "other file" for path in self._loose)
        return WatchState(
            paused=self._paused,
            waiting=len(self._settler),
            folders=self._folders,
            polling=self._polls(),
            overflows=self._dirty.overflows,
            scans=self._scans,
            others=dict(others),
            specials={os.fspath(path): why for path, why in sorted(self._specials.items())[:20]},
        )

    # -- the root ----------------------------------------------------------------------------------------

    def _remember_root(self) -> None:
        status = self.root.stat()
        self._identity = (status.st_dev, status.st_ino)
        self._was_mount = os.path.ismount(self.root)

    def _root_is_there(self) -> bool:
        """Whether the folder can be worked on; a vanished mount pauses, and never means deletions."""
        try:
            status = self.root.stat()
        except OSError as error:
            return self._pause(f"{self.root} is not there ({error.strerror}); nothing is done until it is back")
        present = (status.st_dev, status.st_ino)
        if present == self._identity and not self._paused:
            return True
        known = self._identity or present
        if present[0] != known[0] and not os.path.ismount(self.root):
            return self._pause(f"{self.root} is on another file system than before; is it unmounted?")
        # It is back, or another folder has taken its place: watch that one, and look at all of it.
        self._paused = ""
        self._remember_root()
        self._watch()
        self._next_scan = self._clock()
        return True

    def _pause(self, why: str) -> bool:
        if not self._paused:
            self.stop()
        self._paused = why
        return False

    def _watch(self) -> None:
        self.stop()
        if self._settings.polling == "always" or (self._settings.polling == "auto" and is_network(self.root)):
            return
        self._events = Events(self.root, self._settings.recursive, self._dirty)

    def _polls(self) -> bool:
        if self._settings.polling == "never":
            return False
        return self._events is None or not self._events.running

    # -- what is in it -----------------------------------------------------------------------------------

    def _scan(self, now: float) -> None:
        found = scan(self.root, self._settings)
        for path, stat in found.files.items():
            self._settler.observe(path, stat, now)
        present = set(found.files)
        self._settler.keep_only(present)
        self._loose = {path: stat for path, stat in self._loose.items() if found.files.get(path) == stat}
        self._specials, self._folders = found.specials, len(found.folders)
        self._scans += 1
        self._next_scan = now + (self._settings.poll_seconds if self._polls() else self._settings.rescan_seconds)

    def _look(self, path: Path, now: float) -> None:
        if path == self.root or not path.is_relative_to(self.root):
            return
        seen = False
        for each, stat in look(self.root, path, self._settings):
            seen = True
            self._settler.observe(each, stat, now)
        if not seen:
            self._settler.forget(path)
            self._loose.pop(path, None)

    def _take(self, now: float) -> list[Asset]:
        whole = dict(self._settler.whole(now, _present))
        if not whole:
            return []
        candidates = {**self._loose, **whole}
        contents = {path: _content(path) for path in candidates}
        vanished = {path for path, content in contents.items() if content is None}
        arrivals = [
            Arrival(path, stat.size, stat.mtime_ns, stat.device, stat.inode)
            for path, stat in candidates.items()
            if path not in vanished
        ]
        grouped = group(arrivals, {path: content == "picture" for path, content in contents.items()})
        for path in vanished:
            self._settler.release(path)
        self._loose = {each.path: candidates[each.path] for each in grouped.others}
        return [asset for asset in grouped.assets if not self._waits_for_more(asset, whole, now)]

    def _waits_for_more(self, asset: Asset, whole: dict[Path, Stat], now: float) -> bool:
        """Put an asset back while a file that belongs to it is still being written, or may still come."""
        primary = asset.primary.path
        coming = [
            path
            for path in self._settler.watched()
            if path.parent == primary.parent and (belongs_to(path, primary) or belongs_to(primary, path))
        ]
        # A lone RAW: cameras and card readers write its JPEG next to it, before or after.
        alone = primary.suffix.lower() in RAW_EXTENSIONS and not self._waits[primary]
        if not coming and not alone or self._waits[primary] >= _MOST_WAITS:
            return False
        self._waits[primary] += 1
        for arrival in asset.arrivals:
            stat = whole.get(arrival.path)
            if stat is None:  # a loose one goes back among the loose
                present = _present(arrival.path)
                if present is not None:
                    self._loose[arrival.path] = present
            else:
                self._settler.put_back(arrival.path, stat, now)
        return True


def is_network(path: Path) -> bool:
    """Whether inotify is blind there: changes made by other machines raise no events."""
    best, kind = "", ""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(" ")
        mount = fields[4].encode().decode("unicode_escape")
        if (os.fspath(path) + "/").startswith(mount.rstrip("/") + "/") and len(mount) >= len(best):
            best, kind = mount, fields[fields.index("-") + 1]
    return kind.startswith(_NETWORK_TYPES)


def remove_emptied(folder: Path, root: Path) -> None:
    """Remove a folder from which a file was just moved, and those above it, as far as they are empty now."""
    while folder != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except OSError:
            return  # not empty, or not ours to remove: it stays
        folder = folder.parent


def _present(path: Path) -> Stat | None:
    try:
        return Stat.of(path.lstat())
    except OSError:
        return None


def _content(path: Path) -> str | None:
    """ "picture" (one, or something that claims to be), "other", or None where it is gone."""
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return None
    except OSError:
        # It cannot be read: whoever reads it next says why.
        return "picture" if path.suffix.lower() in PICTURE_EXTENSIONS | RAW_EXTENSIONS else "other"
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        sniffed = sniff(stream.read(HEAD_BYTES) or b"", path.suffix)
    if sniffed.kind in ("picture", "raw"):
        return "picture"
    if sniffed.kind == "video":
        return "other"
    return "picture" if path.suffix.lower() in PICTURE_EXTENSIONS | RAW_EXTENSIONS else "other"
