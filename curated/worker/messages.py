"""What daemon and worker say to each other; pickled over a socket pair between parent and child."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from curated.config import Models
from curated.config import Reading as ReadingLimits
from curated.domain import Arrival, Reading
from curated.errors import CuratedError, PictureError


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to read: the identity it must have, its hash, and where its thumbnail goes."""

    path: Path
    sha256: str
    arrival: Arrival
    thumbnail: Path | None = None


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """How the child builds its models: `factory` is "module:function", called as factory(models, cache)."""

    models: Models
    reading: ReadingLimits
    cache: Path
    factory: str = "curated.models.load:load_models"


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures to be judged together."""

    number: int
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The child's first word: its models are loaded."""

    profile: str
    device: str
    models: dict[str, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class NotReady:
    """The child's only word, where it cannot load its models for a reason we know."""

    error: CuratedError


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign of life within a batch."""

    number: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch's answers, one for each job in order, and what each stage took (seconds)."""

    number: int
    answers: tuple[Reading | PictureError, ...]
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The device has too little memory even for one picture: restart on the CPU."""

    number: int
    device: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the daemon gets for one job: a reading, or why there is none; `quarantine` if it must not be retried."""

    job: Job
    answer: Reading | PictureError
    quarantine: bool = False
