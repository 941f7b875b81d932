"""Which of two duplicates is the better one, and why."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from curated.domain import Photo
from curated.naming import is_human_name

# Sharpness is told apart in steps of a quarter: a copy of a copy differs in it by less.
_STEP = math.log(1.25)
# Copies of one day tell nothing by their times.
_DAY = 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Contender:
    """What decides which of two duplicates stays."""

    pixels: int
    width: int
    height: int
    size: int
    format: str
    taken_at: datetime | None
    camera: str | None
    sharpness: float
    original_name: str
    arrived_at: datetime
    sha256: str
    mtime_ns: int = 0
    chosen: bool = False
    bordered: bool = False


def contender(photo: Photo, bordered: Collection[int] = ()) -> Contender:
    """A photo as a contender; `bordered` are the ids of those that have a border around what another one shows."""
    width, height = photo.width or 0, photo.height or 0
    return Contender(
        pixels=width * height,
        width=width,
        height=height,
        size=photo.size,
        format=photo.format or "",
        taken_at=photo.taken_at,
        camera=photo.camera,
        sharpness=photo.sharpness or 0.0,
        original_name=photo.original_path.stem,
        arrived_at=photo.arrived_at,
        sha256=photo.sha256,
        mtime_ns=photo.mtime_ns,
        chosen=photo.chosen,
        bordered=photo.id in bordered,
    )


def better_of(known: Contender, new: Contender) -> tuple[bool, str]:
    """(whether the new one is better, why in words).

    By a person's choice, the lack of a border, pixels, then format, metadata, bytes of the same lossy format
    (generation loss), sharpness, the earlier date, a name that a person gave, and the earlier arrival. Antisymmetric:
    the answer does not depend on which came first, but for full equality, where the known one stays.
    """
    if known.chosen != new.chosen:
        return new.chosen, "a person chose it"
    if known.bordered != new.bordered:
        return known.bordered, "it has no border"
    if known.pixels != new.pixels:
        sizes = [f"{each.width}×{each.height}" for each in (new, known)]
        bigger = new.pixels > known.pixels
        return bigger, f"{sizes[0]} against {sizes[1]}" if bigger else f"{sizes[1]} against {sizes[0]}"
    for value, words in (
        (_format_rank, "{0.format} against {1.format}"),
        (_metadata, "it has the camera's date or name"),
        (lambda each: each.size if _format_rank(each) == 1 else 0, "{0.size:,} bytes against {1.size:,}"),
        (lambda each: round(math.log1p(each.sharpness) / _STEP), "it is sharper"),
        (lambda each: -each.taken_at.timestamp() if each.taken_at else -math.inf, "its date is earlier"),
        (lambda each: -(each.mtime_ns // _DAY) if each.mtime_ns > 0 else 0, "its file is older"),
        (lambda each: is_human_name(each.original_name), "its name is a person's"),
    ):
        left, right = value(known), value(new)
        if left != right:
            winner, loser = (new, known) if right > left else (known, new)
            return right > left, words.format(winner, loser)
    return False, "it was there first"


def best_of(photos: Iterable[Photo], bordered: Collection[int] = ()) -> Photo:
    """The one that is to be the keeper; of equals the first; see `contender`. Raises ValueError for none."""
    best: Photo | None = None
    for photo in photos:
        if best is None or better_of(contender(best, bordered), contender(photo, bordered))[0]:
            best = photo
    if best is None:
        raise ValueError("there is no best of nothing")
    return best


def _format_rank(each: Contender) -> int:
    """Lossless above camera formats above formats that were made for sending."""
    return {"TIFF": 3, "PNG": 3, "BMP": 3, "HEIF": 2, "JPEG": 1, "AVIF": 1, "WEBP": 0, "GIF": 0}.get(each.format, 4)


def _metadata(each: Contender) -> int:
    return (each.taken_at is not None) + (each.camera is not None)
