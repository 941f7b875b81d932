"""What daemon and worker say to each other; pickled over a socket pair between parent and child."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from curated.config import Config, Models
from curated.config import Reading as ReadingLimits
from curated.domain import Arrival, Categories, Reading
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
    """How the child builds its models: `factory` is "module:function", called as factory(models, cache, categories).

    `categories` maps the user's categories to their prompts.
    """

    models: Models
    reading: ReadingLimits
    cache: Path
    factory: str = "curated.models.load:load_models"
    categories: Categories = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config, factory: str | None = None) -> WorkerSpec:
        """What the configuration asks for; `factory` names another maker of the models."""
        described = {rule.name: rule.prompts for rule in config.category if rule.prompts}
        made = cls(config.models, config.reading, config.folders.cache_path, categories=described)
        return made if factory is None else replace(made, factory=factory)


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
