from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from curated.config import Config, from_dict
from curated.domain import Arrival, Asset, Photo, Reading
from curated.duplicates import TwinIndex
from curated.errors import PictureError
from curated.files import Disk, RealDisk
from curated.pipeline import Admit, Candidate, Filed, Outcome, Place, Retries, ToJudge, ToPlace
from curated.state.store import Store
from tests.support.filing_world import NOON, World, sha256
from tests.support.readings import reading


@dataclass
class Line:
    """The pipeline over a small world, with a clock that the test turns."""

    world: World
    once: bool = False
    disk: Disk = field(default_factory=RealDisk)
    now: datetime = NOON
    settings: dict[str, Any] = field(default_factory=dict)

    def clock(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def config(self) -> Config:
        folders = self.world.folders
        places = {"unsorted": folders.unsorted, "library": folders.library, "state": folders.state}
        return from_dict({"folders": places, **self.settings}, "test")

    @property
    def store(self) -> Store:
        return self.world.store

    def stages(self) -> tuple[Admit, Place]:
        retries = Retries.by(self.store, self.clock, self.config.watch, once=self.once)
        filer = self.world.filer(self.disk, clock=self.clock, roots=[self.world.library])
        place = Place(self.config, self.store, filer, retries, TwinIndex(self.config.duplicates, self.store))
        return Admit(self.store, self.disk, retries, place), place

    def asset(self, *paths: Path) -> Asset:
        first, *others = (_arrival(path) for path in paths)
        return Asset(first, tuple(others))

    def admit(self, *paths: Path) -> ToJudge | ToPlace | Outcome:
        return self.stages()[0](self.asset(*paths))

    def send(self, *paths: Path, answer: Reading | PictureError | None = None, **facts: Any) -> Outcome:
        """Bring files through both stages; the models' answer is as given, or made from `facts`."""
        admit, place = self.stages()
        step = admit(self.asset(*paths))
        if isinstance(step, ToPlace):
            return place(step.candidate, step.reading, step.twin)
        if not isinstance(step, ToJudge):
            return step
        return place(step.candidate, answer or reading(step.candidate.sha256, **facts))

    def file(self, *paths: Path, **facts: Any) -> Photo:
        outcome = self.send(*paths, **facts)
        assert isinstance(outcome, Filed), outcome
        return outcome.photo

    def candidate(self, *paths: Path) -> Candidate:
        step = self.admit(*paths)
        assert isinstance(step, ToJudge), step
        return step.candidate


def _arrival(path: Path) -> Arrival:
    found = os.lstat(path)
    return Arrival(path, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


__all__ = ["Line", "sha256"]
