"""Readings as the worker would return them, from a few words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from curated.domain import KINDS, Findings, Kind, Picture, Reading


def reading(
    sha256: str,
    *,
    kind: Kind = "photo",
    confidence: float = 0.95,
    people: int | None = None,
    caption: str = "",
    text: str = "",
    phash: str = "",
    pixel_hash: str = "",
    size: tuple[int, int] = (800, 600),
    extension: str = ".jpg",
    picture_format: str = "JPEG",
    scores: Mapping[str, float] | None = None,
    taken_at: datetime | None = None,
) -> Reading:
    """A reading of that kind; hashes that are not given follow from the content's hash."""
    rest = (1 - confidence) / (len(KINDS) - 1)
    digest = hashlib.sha256(f"perceptual {sha256}".encode()).hexdigest()
    picture = Picture(
        sha256=sha256,
        pixel_hash=pixel_hash or hashlib.sha256(f"pixels {sha256}".encode()).hexdigest(),
        phash=phash or digest[:16],
        phash_wide=(phash * 4) or digest,
        width=size[0],
        height=size[1],
        format=picture_format,
        extension=extension,
        sharpness=100.0,
        taken_at=taken_at,
    )
    findings = Findings(
        sha256=sha256,
        profile="scripted",
        models={"embedder": "scripted-1"},
        kind_scores=scores or {each: confidence if each == kind else rest for each in KINDS},
        people=people if people is not None else (0 if kind in ("photo", "meme") else None),
        people_score=1.0,
        boxes=(),
        labels=(),
        caption=caption,
        text=text,
        embedding=b"\0\0" * 8,
    )
    return Reading(picture, findings)
