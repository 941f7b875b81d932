"""A watched folder whose time is moved by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from curated.config import Watch
from curated.domain import Asset
from curated.intake.mounts import MOUNTINFO
from curated.intake.settle import open_for_writing
from curated.intake.watch import Watcher
from tests.support.clock import ManualClock, wait_until

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 60
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"h" * 60
RAW = b"II*\0" + b"r" * 60
MOV = b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"m" * 60

SETTLE = 2.0


class Watching:
    """A Watcher on `root`, started; `given` are all assets it has given so far."""

    def __init__(
        self,
        root: Path,
        *,
        is_open: Callable[[Path], bool | None] = open_for_writing,
        make_observer: Callable[[], BaseObserver] = Observer,
        mountinfo: Path = MOUNTINFO,
        **settings,
    ) -> None:
        self.root = root
        self.clock = ManualClock()
        self.woken = threading.Event()
        self.settings = Watch(**{"settle_seconds": SETTLE, "rescan_seconds": 300.0, "poll_seconds": 5.0} | settings)
        self.watcher = Watcher(root, self.settings, self.woken.set, self.clock, is_open, make_observer, mountinfo)
        self.given: list[Asset] = []
        self.watcher.start()

    @property
    def state(self):
        return self.watcher.state()

    def poll(self, after: float = 0.0) -> list[str]:
        """Move the clock, poll once, and name what came (companions after a plus)."""
        self.clock.advance(after)
        if self.settings.polling == "always":
            self.watcher.rescan()  # without events, a file is seen at the next poll instead of seconds later
        assets = self.watcher.poll()
        self.given += assets
        return ["+".join(str(each.path.relative_to(self.root)) for each in asset.arrivals) for asset in assets]

    def settle(self, times: int = 1) -> list[str]:
        """Poll now and after each of so many settle periods: what came of it."""
        came = self.poll()
        for _ in range(times):
            came += self.poll(SETTLE)
        return sorted(came)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Poll, with the clock standing still, until the condition holds: only events can make it so."""

        def polled() -> object:
            assert not self.poll(), "something was given while no time passed"
            return condition()

        wait_until(polled, what)

    def wait_for_waiting(self, count: int) -> None:
        self.wait_for(lambda: self.state.waiting == count, f"{count} files on their way")

    def release_all(self) -> None:
        for asset in self.given:
            self.watcher.release(asset)
        self.given.clear()

    def put(self, name: str, content: bytes = JPEG) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path
