from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from curated.config import Config, from_dict
from curated.daemon import Daemon, build_daemon
from curated.domain import Photo
from curated.files import Disk
from curated.pipeline import Outcome
from curated.state.daemon import DaemonState
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.clock import wait_until
from tests.support.plain_models import FACTORY
from tests.support.trees import tree


@dataclass
class House:
    """Folders, and real daemons over them whose models are plain."""

    base: Path
    settings: dict[str, Any] = field(default_factory=dict)
    events: list[Outcome | DaemonState] = field(default_factory=list)
    disk: Disk | None = None

    def __post_init__(self) -> None:
        self.unsorted, self.library = self.base / "Unsorted", self.base / "Library"
        self.unsorted.mkdir()

    @property
    def config(self) -> Config:
        settings = {
            "watch": {"settle_seconds": 0.1, "retry_seconds": 0.1, "rescan_seconds": 60.0}
            | self.settings.get("watch", {}),
            "models": {"profile": "lite", "batch_size": 4} | self.settings.get("models", {}),
            "folders": {
                "unsorted": str(self.unsorted),
                "library": str(self.library),
                "state": str(self.base / "state"),
                "cache": str(self.base / "cache"),
            },
        }
        return from_dict(settings, "test")

    def picture(self, name: str, colour: tuple[int, int, int] = (200, 20, 20), seed: int | None = None) -> Path:
        """A picture mostly of that colour, each seed another one; no seed: that colour alone."""
        path = self.unsorted / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((96, 128, 3), colour, np.uint8)
        if seed is not None:
            coarse = np.random.default_rng(seed).integers(-20, 56, (6, 8, 1)).repeat(16, 0).repeat(16, 1)
            pixels = np.clip(pixels.astype(int) + coarse, 0, 255).astype(np.uint8)
        temporary = path.with_name(f".{path.name}")
        Image.fromarray(pixels).save(temporary, "PNG" if path.suffix == ".png" else "JPEG")
        temporary.rename(path)
        return path

    def once(self) -> bool:
        with self.built(once=True) as daemon:
            return daemon.run()

    @contextmanager
    def built(self, *, once: bool = False) -> Iterator[Daemon]:
        with build_daemon(self.config, self.events.append, once=once, factory=FACTORY, disk=self.disk) as daemon:
            yield daemon

    @contextmanager
    def running(self) -> Iterator[Daemon]:
        """A daemon at work in a thread of its own."""
        started: list[Daemon] = []
        failures: list[BaseException] = []

        def work() -> None:
            try:
                with self.built() as daemon:
                    started.append(daemon)
                    daemon.run()
            except BaseException as error:  # noqa: BLE001 - told to the test's own thread below
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            wait_until(lambda: started or failures, "the daemon to start")
            if started:
                yield started[0]
        finally:
            for daemon in started:
                daemon.stop()
            thread.join(30)
        if failures:
            raise failures[0]

    def files(self) -> list[str]:
        return sorted(
            [*(f"Unsorted/{name}" for name in tree(self.unsorted)), *(f"Library/{name}" for name in self.filed())]
        )

    def filed(self) -> list[str]:
        return sorted(tree(self.library)) if self.library.exists() else []

    def photos(self) -> list[Photo]:
        with open_database(self.base / "state" / "curated.db") as database:
            return list(Store(database).photos())

    def outcomes(self) -> list[Outcome]:
        return [event for event in self.events if not isinstance(event, DaemonState)]

    def states(self) -> list[DaemonState]:
        return [event for event in self.events if isinstance(event, DaemonState)]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)
