"""What can become of an asset at each stage; plain values, for the daemon and for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from curated.domain import Asset, Photo, Reading
from curated.errors import PictureError


@dataclass(frozen=True, slots=True)
class Candidate:
    """An asset whose bytes were read: their sha256 (hex), and the row it already has, if any."""

    asset: Asset
    sha256: str
    companions: tuple[str, ...] = ()
    photo_id: int | None = None

    @property
    def path(self) -> Path:
        return self.asset.primary.path


@dataclass(frozen=True, slots=True)
class ToJudge:
    """The models have to see it."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class ToPlace:
    """What there is to know is known: its content has been judged before, as the picture `twin`, or is quarantined."""

    candidate: Candidate
    reading: Reading | PictureError
    twin: Photo | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """It is in the library (or its review or duplicates folder); `demoted` is a lesser twin that made way for it."""

    source: Path
    photo: Photo
    demoted: Photo | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It was put into the failed folder, with the reason in its row."""

    source: Path
    photo: Photo


@dataclass(frozen=True, slots=True)
class Retrying:
    """It stays where it is and is tried again at that time."""

    path: Path
    reason: str
    tries: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Returned:
    """It changed, or went away, on its way: should it be there, it is a new arrival."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """It stays where it is until it changes or `retry` is called."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """A whole folder of the library cannot be written; nothing can be filed until that is mended."""

    path: Path
    folder: Path
    reason: str


Outcome = Filed | Failed | Retrying | Returned | LeftAlone | Blocked
