"""How alike two pictures are, by small grey copies laid over each other; pure numbers, no picture library.

A perceptual hash says that two pictures may be one. Whether they are is seen by laying one over the other: whole, as a
part of the other (a crop, or a border that was added), turned or mirrored. The picture is cut into sixteen fields, and
most of them must agree, so that a text laid over it does no harm, and a scene with another person in it does not pass.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from curated.domain import GREY_SIDE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]

CODE_BITS = 256
TURNS = 8

_LEVELS = 4
_HASH_INPUT = 32
_HASH_SIDE = 8
_FIELDS = 4
_FIELD_PIXELS = 8
# A field without any structure of its own (sky, paper) agrees with what is as bare.
_BARE = 0.15
# A coefficient of so small a share of the others' mean may have either sign in a copy.
_NEAR_NOTHING = 0.1
# What fits nowhere so well at a rough look is not looked at finely.
_WORTH_A_LOOK = 0.5
# A window is no narrower than this.
_NARROWEST = 0.4
# The smallest part of a side that a crop may leave.
_LEAST_PART = 0.62
_TURN_WORDS = (
    "", "mirrored", "upside down and mirrored", "upside down",
    "turned and mirrored", "turned", "turned", "turned and mirrored",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """A picture's grey copy (GREY_SIDE squared, 0 to 255) and its shape, width divided by height."""

    grey: Grey
    shape: float


@dataclass(frozen=True, slots=True)
class Overlay:
    """How well one picture lies on another. `agreement` is that of the fourth-worst of sixteen fields (−1 to 1).

    `worst` is that of the worst; `part` is the share of the larger one's area that the other covers (1: the whole),
    `contains` whether the first is the larger one; `turn` one of TURNS, 0 for none; `lean` are degrees beside that.
    """

    agreement: float
    worst: float
    part: float = 1.0
    contains: bool = False
    turn: int = 0
    lean: float = 0.0

    @property
    def words(self) -> str:
        """What was done to the one, as far as it shows: "mirrored", "a part of it", or ""."""
        parts = [_TURN_WORDS[self.turn]] if self.turn else []
        parts += ["turned a little"] if self.lean else []
        if self.part < 1:
            parts.append("it shows more" if self.contains else "a part of it")
        return ", ".join(parts)


def pack(pixels: bytes) -> bytes:
    """A grey copy (one byte a pixel) as it is stored: compressed, with six bits a pixel."""
    return zlib.compress(bytes(value // _LEVELS for value in pixels), 6)


def look(packed: bytes, width: int, height: int) -> Look | None:
    """What was packed, of a picture of that size; None where there is none or it is damaged."""
    import numpy

    if not packed or width < 1 or height < 1:
        return None
    try:
        pixels = zlib.decompress(packed)
    except zlib.error:
        return None
    if len(pixels) != GREY_SIDE * GREY_SIDE:
        return None
    grey = numpy.frombuffer(pixels, numpy.uint8).reshape(GREY_SIDE, GREY_SIDE).astype(numpy.float32) * _LEVELS
    return Look(grey, width / height)


def turned(one: Look, turn: int) -> Look:
    """The picture under one of the eight turns and mirrorings; 0 leaves it as it is."""
    grey = one.grey.T if turn & 4 else one.grey
    grey = grey[::-1] if turn & 2 else grey
    grey = grey[:, ::-1] if turn & 1 else grey
    return Look(grey, 1 / one.shape if turn & 4 else one.shape)


def turned_hashes(one: Look) -> list[int]:
    """The 64-bit perceptual hash of the picture under each turn; the first is the picture's own but for a bit or two.

    Turning a picture permutes the coefficients of its cosine transform and flips their signs, so one transform does.
    """
    coefficients = _coefficients(one)
    return [_hash(_turned_coefficients(coefficients, turn)) for turn in range(TURNS)]


def mirrorless_hashes(one: Look) -> list[int]:
    """The hashes under which `mirrorless` has put the picture, whichever way it was turned or mirrored there.

    Two, as it stands and on its side; more where the coefficients by which a picture is put upright are near nothing.
    """
    import numpy

    coefficients = _coefficients(one)
    # The bits of a hash tell what is above the median, which is not quite zero.
    middle = abs(float(numpy.median(coefficients)))
    near_nothing = middle + _NEAR_NOTHING * float(numpy.abs(coefficients).flatten()[1:].mean())
    found = []
    for side in (0, 4):
        lying = _turned_coefficients(coefficients, side)
        flips = [0]
        for flip, value in ((1, float(lying[0, 1])), (2, float(lying[1, 0]))):
            both = abs(value) < near_nothing
            flips = [each | choice for each in flips for choice in ((0, flip) if both else (0 if value > 0 else flip,))]
        found += [_hash(_turned_coefficients(lying, flip)) for flip in flips]
    return found


def mirrorless(phash: int) -> int:
    """The hash as it is when the picture is mirrored and stood on its head until the two lowest frequencies are set."""
    if not phash & 1 << 62:
        phash ^= 0x5555555555555555
    if not phash & 1 << 55:
        phash ^= 0x00FF00FF00FF00FF
    return phash


def _coefficients(one: Look) -> Grey:
    cosines = _cosines()
    rows: Grey = cosines @ _resampled(one.grey, _HASH_INPUT, _HASH_INPUT)
    coefficients: Grey = rows @ cosines.T
    return coefficients


def _turned_coefficients(coefficients: Grey, turn: int) -> Grey:
    import numpy

    signs = numpy.where(numpy.arange(_HASH_SIDE) % 2, -1.0, 1.0).astype(numpy.float32)
    values = coefficients.T if turn & 4 else coefficients
    values = values * signs[:, None] if turn & 2 else values
    return values * signs[None, :] if turn & 1 else values


def _hash(coefficients: Grey) -> int:
    import numpy

    bits = numpy.packbits((coefficients > numpy.median(coefficients)).flatten())
    return int.from_bytes(bits.tobytes(), "big")


def code_of(embedding: bytes) -> bytes:
    """CODE_BITS signs of fixed random sums of an embedding (float16 bytes): what points the same way has like signs.

    The share of bits in which two codes differ is about their angle divided by π (Charikar 2002). b"" for no embedding.
    """
    import numpy

    vector = numpy.frombuffer(embedding, numpy.float16).astype(numpy.float32)
    if not vector.any():
        return b""
    return numpy.packbits(_directions(len(vector)) @ (vector - vector.mean()) > 0).tobytes()


def overlay(one: Look, other: Look, turns: Sequence[int] = (0,)) -> Overlay:
    """The best way to lay one picture on the other, whole or in part; `one` is turned by each of `turns`."""
    found = []
    for turn in turns:
        lying = turned(one, turn)
        whole = _agreement(lying.grey, other.grey)
        found.append(Overlay(*whole, turn=turn))
        if whole[0] < _SURE:
            found += _in_part(lying, other, turn)
    return max(found, key=lambda each: each.agreement)


# Whoever agrees so well as a whole need not be tried in part.
_SURE = 0.9


def _in_part(one: Look, other: Look, turn: int) -> list[Overlay]:
    found = []
    for contains, (small, large) in enumerate(((one, other), (other, one))):
        place = _place(small, large)
        if place is not None:
            top, left, height, width = place
            window = large.grey[top : top + height, left : left + width]
            part = height * width / GREY_SIDE**2
            agreement = _agreement(_resampled(small.grey, height, width), window)
            found.append(Overlay(*agreement, part=part, contains=bool(contains), turn=turn))
    return found


def _place(small: Look, large: Look) -> tuple[int, int, int, int] | None:
    """(top, left, height, width) of the window of the large picture that the small one fits best; None if nowhere.

    Both were scaled evenly, so that the window's shape follows from theirs; its size and place are tried out, roughly
    everywhere and then finely about the best.
    """
    coarse = _search(small, large, GREY_SIDE // 2, range(GREY_SIDE // 2, int(GREY_SIDE // 2 * _LEAST_PART) - 1, -1))
    if coarse is None or coarse.correlation < _WORTH_A_LOOK:
        return None
    about = 2 * max(coarse.place[2:])
    fine = _search(small, large, GREY_SIDE, range(min(about + 2, GREY_SIDE), about - 3, -1))
    return fine.place if fine else None


@dataclass(frozen=True, slots=True)
class _Fit:
    correlation: float
    place: tuple[int, int, int, int]


def _search(small: Look, large: Look, side: int, lengths: range) -> _Fit | None:
    """The best fit among windows whose longer side is one of `lengths`, in copies of `side` pixels."""
    import numpy

    ground = _resampled(large.grey, side, side)
    sums, squares = _summed(ground), _summed(ground * ground)
    ratio = small.shape / large.shape
    best: _Fit | None = None
    for longer in lengths:
        height, width = (round(longer / ratio), longer) if ratio >= 1 else (longer, round(longer * ratio))
        if min(height, width) < side * _NARROWEST:
            break
        pattern = _resampled(small.grey, height, width)
        pattern = pattern - float(pattern.mean())
        length = float(numpy.sqrt((pattern * pattern).sum()))
        if length < 1e-6:
            return None
        windows = numpy.lib.stride_tricks.sliding_window_view(ground, (height, width))
        products = numpy.tensordot(windows, pattern / length, ((2, 3), (0, 1)))
        total, square = _window_sums(sums, height, width), _window_sums(squares, height, width)
        correlation = products / numpy.sqrt(numpy.maximum(square - total * total / (height * width), 1.0))
        top, left = divmod(int(correlation.argmax()), correlation.shape[1])
        if best is None or correlation[top, left] > best.correlation:
            best = _Fit(float(correlation[top, left]), (top, left, height, width))
    return best


def _agreement(one: Grey, other: Grey) -> tuple[float, float]:
    """(of the fourth-worst, of the worst) of sixteen fields: their correlation, free of brightness and contrast."""
    import numpy

    left, right = _fields(one), _fields(other)
    spread = left.std(axis=1), right.std(axis=1)
    products = (left - left.mean(axis=1, keepdims=True)) * (right - right.mean(axis=1, keepdims=True))
    correlation = products.mean(axis=1) / (spread[0] * spread[1] + 1e-6)
    ordered = numpy.sort(numpy.where(numpy.maximum(*spread) < _BARE, 1.0, correlation))
    return float(ordered[3]), float(ordered[0])


def _fields(grey: Grey) -> Grey:
    """The pixels of each of the sixteen fields, a row each, on one scale of brightness for the whole picture."""
    side = _FIELDS * _FIELD_PIXELS
    small = _resampled(grey, side, side)
    small = (small - float(small.mean())) / (float(small.std()) + 1e-6)
    cut: Grey = small.reshape(_FIELDS, _FIELD_PIXELS, _FIELDS, _FIELD_PIXELS).swapaxes(1, 2)
    return cut.reshape(_FIELDS * _FIELDS, -1)


def _summed(values: Grey) -> npt.NDArray[np.float64]:
    import numpy

    return numpy.pad(values.cumsum(0, numpy.float64).cumsum(1), ((1, 0), (1, 0)))


def _window_sums(sums: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.float64]:
    total: npt.NDArray[np.float64] = (
        sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    )
    return total


def _resampled(grey: Grey, height: int, width: int) -> Grey:
    """The picture at another size, by area averaging."""
    rows: Grey = _weights(height, grey.shape[0]) @ grey
    smaller: Grey = rows @ _weights(width, grey.shape[1]).T
    return smaller


@lru_cache(maxsize=256)
def _weights(count: int, of: int) -> Grey:
    import numpy

    edges = numpy.linspace(0, of, count + 1)
    pixels = numpy.arange(of)
    covered = numpy.minimum(edges[1:, None], pixels + 1) - numpy.maximum(edges[:-1, None], pixels)
    parts = numpy.clip(covered, 0, None)
    weights: Grey = (parts / parts.sum(axis=1, keepdims=True)).astype(numpy.float32)
    return weights


@lru_cache(maxsize=1)
def _cosines() -> Grey:
    import numpy

    at = numpy.arange(_HASH_INPUT)
    rows = [numpy.cos(numpy.pi * order * (2 * at + 1) / (2 * _HASH_INPUT)) for order in range(_HASH_SIDE)]
    cosines: Grey = numpy.array(rows, numpy.float32)
    return cosines


@lru_cache(maxsize=2)
def _directions(dimensions: int) -> Grey:
    """CODE_BITS rows of +1 and −1, the same on every machine and with every version of every library."""
    import numpy

    stream = hashlib.shake_256(f"curated directions {dimensions}".encode()).digest(CODE_BITS * dimensions // 8 + 1)
    bits = numpy.unpackbits(numpy.frombuffer(stream, numpy.uint8))[: CODE_BITS * dimensions]
    directions: Grey = (bits.reshape(CODE_BITS, dimensions) * 2.0 - 1.0).astype(numpy.float32)
    return directions
