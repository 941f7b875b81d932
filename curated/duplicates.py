"""Which known picture a new one duplicates, and which of the two is the better one.

Exact: the same bytes, or the same pixels in another container. Near: the 64-bit perceptual hashes differ in few
bits *and* a second signal agrees. The hash alone lies: one meme template with two texts has distance 0.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from curated.config import Duplicates
from curated.domain import Photo, Twin
from curated.naming import is_human_name
from curated.state.store import Fingerprint

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# The 256-bit hash of a re-encoded or resized picture differs by at most so many bits (measured on the labelled
# pictures: 99 % of re-encodes and resizes lie below 40, other pictures' median is 120).
_WIDE_DISTANCE = 48
# A hash with fewer bits set (or unset) comes from a blank or nearly blank picture and tells nothing.
_LEAST_BITS = 6
_TEXT_AGREES = 0.8
_TEXT_COUNTS = 12


@dataclass(frozen=True, slots=True)
class TwinMatch:
    """The answer of the index: `twin` is sure; `suspicion` is the id of one that is only like it."""

    twin: Twin | None
    suspicion: Twin | None = None


class TwinIndex:
    """All known pictures by content, pixels and perceptual hash, in memory (about 150 bytes a picture)."""

    def __init__(self, settings: Duplicates, known: Iterable[Fingerprint] = ()) -> None:
        import numpy

        self._settings = settings
        self._numpy = numpy
        self._hashes: npt.NDArray[np.uint64] = numpy.empty(1024, numpy.uint64)
        self._ids: list[int] = []
        self._by_pixels: dict[str, int] = {}
        self._details: dict[int, Fingerprint] = {}
        for fingerprint in known:
            self.add(fingerprint)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, picture: Fingerprint) -> None:
        """Remember a picture; the first with the same pixels stays the one that is found."""
        if picture.phash is None or picture.pixel_hash is None:
            return
        if len(self._ids) == len(self._hashes):
            self._hashes = self._numpy.concatenate([self._hashes, self._numpy.empty_like(self._hashes)])
        self._hashes[len(self._ids)] = int(picture.phash, 16)
        self._ids.append(picture.photo_id)
        self._by_pixels.setdefault(picture.pixel_hash, picture.photo_id)
        self._details[picture.photo_id] = picture

    def discard(self, photo_id: int) -> None:
        """Forget a picture, for instance one that is gone from disk."""
        details = self._details.pop(photo_id, None)
        if details and self._by_pixels.get(details.pixel_hash or "") == photo_id:
            del self._by_pixels[details.pixel_hash or ""]

    def find(self, picture: Fingerprint) -> TwinMatch:
        """The picture this one duplicates, else one it is suspiciously like, else neither."""
        same = self._by_pixels.get(picture.pixel_hash or "")
        if same is not None and same != picture.photo_id:
            return TwinMatch(Twin(same, "exact", 0, f"the same pixels as #{same}"))
        if picture.phash is None or not _tells(picture.phash) or not self._ids:
            return TwinMatch(None)
        distances = self._numpy.bitwise_count(
            self._hashes[: len(self._ids)] ^ self._numpy.uint64(int(picture.phash, 16))
        )
        near = self._numpy.flatnonzero(distances <= max(self._settings.near_distance, self._settings.ask_distance))
        order = sorted((int(distances[index]), self._ids[index]) for index in near)
        suspicion: Twin | None = None
        for distance, photo_id in order:
            other = self._details.get(photo_id)
            if other is None or photo_id == picture.photo_id:
                continue
            wide = _bits(picture.phash_wide, other.phash_wide)
            agrees = _texts_agree(picture.text, other.text)
            if distance <= self._settings.near_distance and wide <= _WIDE_DISTANCE and agrees:
                reason = f"like #{photo_id}: perceptual hashes differ in {distance} of 64 and {wide} of 256 bits"
                return TwinMatch(Twin(photo_id, "near", distance, reason))
            if suspicion is None and agrees:
                suspicion = Twin(photo_id, "near", distance, f"perhaps like #{photo_id} ({distance} of 64 bits differ)")
        return TwinMatch(None, suspicion)


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


def contender(photo: Photo) -> Contender:
    """A photo as a contender."""
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
    )


def better_of(known: Contender, new: Contender) -> tuple[bool, str]:
    """(whether the new one is better, why in words).

    By pixels, then format, then bytes of the same lossy format (generation loss), metadata, sharpness, a name
    that a person gave, and the earlier arrival. Antisymmetric: the answer does not depend on which came first,
    but for full equality, where the known one stays.
    """
    if known.pixels != new.pixels:
        sizes = [f"{each.width}×{each.height}" for each in (new, known)]
        bigger = new.pixels > known.pixels
        return bigger, f"{sizes[0]} against {sizes[1]}" if bigger else f"{sizes[1]} against {sizes[0]}"
    for value, words in (
        (_format_rank, "{0.format} against {1.format}"),
        (_metadata, "it has the camera's date or name"),
        (lambda each: each.size if _format_rank(each) == 1 else 0, "{0.size:,} bytes against {1.size:,}"),
        (lambda each: round(each.sharpness), "it is sharper"),
        (lambda each: is_human_name(each.original_name), "its name is a person's"),
    ):
        left, right = value(known), value(new)
        if left != right:
            winner, loser = (new, known) if right > left else (known, new)
            return right > left, words.format(winner, loser)
    return False, "it was there first"


def _format_rank(each: Contender) -> int:
    """Lossless above camera formats above formats that were made for sending."""
    return {"TIFF": 3, "PNG": 3, "BMP": 3, "HEIF": 2, "JPEG": 1, "AVIF": 1, "WEBP": 0, "GIF": 0}.get(each.format, 4)


def _metadata(each: Contender) -> int:
    return (each.taken_at is not None) + (each.camera is not None)


def _bits(left: str | None, right: str | None) -> int:
    if not left or not right or len(left) != len(right):
        return 256
    return (int(left, 16) ^ int(right, 16)).bit_count()


def _tells(phash: str) -> bool:
    bits = int(phash, 16).bit_count()
    return _LEAST_BITS <= bits <= 64 - _LEAST_BITS


def _texts_agree(left: str, right: str) -> bool:
    """Whether the texts read in two pictures are the same but for reading errors; little text says nothing."""
    a, b = (re.sub(r"\W+", "", text).casefold() for text in (left, right))
    if max(len(a), len(b)) < _TEXT_COUNTS:
        return True
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return matcher.quick_ratio() >= _TEXT_AGREES and matcher.ratio() >= _TEXT_AGREES
