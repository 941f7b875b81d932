"""The values that flow from an arrival to a filed picture; all frozen, none knows disk or database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

Kind = Literal["photo", "illustration", "screenshot", "document", "meme"]
KINDS: tuple[Kind, ...] = ("photo", "illustration", "screenshot", "document", "meme")

# The user's categories that have prompts, each with its prompts.
Categories = Mapping[str, tuple[str, ...]]

Verdict = Literal["keep", "trash"]
TwinKind = Literal["exact", "near", "burst"]


class Status(StrEnum):
    """Where a picture stands. `arriving` lasts only while its first move is under way."""

    ARRIVING = "arriving"
    FILED = "filed"
    REVIEW = "review"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    TRASHED = "trashed"
    MISSING = "missing"
    UNDONE = "undone"  # taken back by `undo`; left alone until `retry` or until the file changes


# Where a picture that was judged can stand; what failed has not been, and what was undone is out of our hands.
JUDGED = (Status.FILED, Status.REVIEW, Status.DUPLICATE, Status.TRASHED)


class Purpose(StrEnum):
    """Why a move is made."""

    FILE = "file"
    DUPLICATE = "duplicate"
    FAIL = "fail"
    TRASH = "trash"
    RESTORE = "restore"
    CORRECT = "correct"
    RECURATE = "recurate"  # the program's own second thoughts, by newer models
    UNDO = "undo"
    EMPTY = "empty"  # the one that removes: `trash empty`


class MoveState(StrEnum):
    """How far one file of a move has come; see filing for the protocol. The first four are open."""

    PLANNED = "planned"
    COPYING = "copying"
    LANDING = "landing"
    LANDED = "landed"
    DONE = "done"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A whole, settled regular file and its identity at that moment (one claim per identity)."""

    path: Path
    size: int
    mtime_ns: int
    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Asset:
    """Files that are one picture: RAW+JPEG, HEIC+MOV, sidecars. All move under one name, or none."""

    primary: Arrival
    companions: tuple[Arrival, ...] = ()

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        return (self.primary, *self.companions)


@dataclass(frozen=True, slots=True)
class Box:
    """A detection, as fractions (0..1) of the oriented picture: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    label: str


# Side, in pixels, of the small grey copies by which pictures are laid over each other.
GREY_SIDE = 48


@dataclass(frozen=True, slots=True)
class Picture:
    """What the file itself says, from one decode.

    `pixel_hash` is the sha256 (hex) of size and oriented RGB(A) pixels, `phash` imagehash's 64-bit
    perceptual hash, `phash_wide` its 256-bit one (both hex), `sharpness` the variance of the Laplacian on
    a 512-pixel grey copy, `format` Pillow's name for the content, `extension` what it should be called. `grey` is a
    small grey copy (one byte a pixel) and `inner` the 64-bit hash of what a border of one colour encloses, "" for none.
    """

    sha256: str
    pixel_hash: str
    phash: str
    phash_wide: str
    width: int
    height: int
    format: str
    extension: str
    sharpness: float
    taken_at: datetime | None = None
    camera: str | None = None
    thumbnail: Path | None = None
    grey: bytes = b""
    inner: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the models say of one picture.

    `embedding` is a unit vector as float16 bytes made by `models["embedder"]`; `kind_scores` sums to 1;
    `people` is None where it is not counted (kinds other than photo and meme); `labels` are
    (label, probability), best first; `models` maps role to model id. `category_scores` has a probability for each
    category with prompts; what is missing to 1 is that it is none of them; empty where prompts cannot be judged.
    """

    sha256: str
    profile: str
    models: Mapping[str, str]
    kind_scores: Mapping[str, float]
    people: int | None
    people_score: float | None
    boxes: tuple[Box, ...]
    labels: tuple[tuple[str, float], ...]
    caption: str
    text: str
    embedding: bytes
    category_scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return max(KINDS, key=lambda kind: self.kind_scores.get(kind, 0.0))


@dataclass(frozen=True, slots=True)
class Reading:
    """A picture with its findings: what the worker returns for one file."""

    picture: Picture
    findings: Findings


@dataclass(frozen=True, slots=True)
class Twin:
    """The picture this one duplicates; `distance` in bits of the 64-bit hash (0 for exact)."""

    photo_id: int
    kind: TwinKind
    distance: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a picture goes and why, in words. `folder` is relative to the library; `name` has no extension."""

    category: str
    folder: str
    name: str
    extension: str
    status: Status
    reason: str
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MoveFile:
    """One file of a move with the identity it must have, and how far it has come."""

    id: int
    move_id: int
    role: Literal["primary", "companion"]
    source: Path
    target: Path
    temporary: Path | None
    device: int
    inode: int
    size: int
    mtime_ns: int
    sha256: str
    state: MoveState


@dataclass(frozen=True, slots=True)
class Move:
    """One asset's move: all its files or none. `before`/`after` are the photo columns it changes."""

    id: int
    photo_id: int | None
    purpose: Purpose
    files: tuple[MoveFile, ...]
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    open: bool
    undone_by: int | None
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Photo:
    """One row of the library: everything known of one picture file.

    `confirmed` is when a person confirmed or chose its category; one that is `protected` is not put into the trash;
    one that is `chosen` was made the keeper of its duplicates by a person.
    """

    id: int
    sha256: str
    original_path: Path
    path: Path
    name: str
    status: Status
    size: int
    mtime_ns: int
    device: int
    inode: int
    reason: str
    arrived_at: datetime
    filed_at: datetime | None = None
    category: str | None = None
    kind: Kind | None = None
    kind_scores: Mapping[str, float] = field(default_factory=dict)
    category_scores: Mapping[str, float] = field(default_factory=dict)
    people: int | None = None
    people_score: float | None = None
    boxes: tuple[Box, ...] = ()
    labels: tuple[tuple[str, float], ...] = ()
    caption: str | None = None
    text: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    extension: str | None = None
    camera: str | None = None
    taken_at: datetime | None = None
    sharpness: float | None = None
    pixel_hash: str | None = None
    phash: str | None = None
    phash_wide: str | None = None
    thumbnail: Path | None = None
    twin_of: int | None = None
    twin_kind: TwinKind | None = None
    twin_distance: int | None = None
    keep_score: float | None = None
    verdict: Verdict | None = None
    profile: str | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    companions: tuple[Path, ...] = ()
    confirmed: datetime | None = None
    protected: bool = False
    chosen: bool = False
