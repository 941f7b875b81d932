"""From pixels to what a terminal can show of them: half blocks in colour or grey."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Depth = Literal["truecolor", "256", "grey"]

# Nothing is shown larger than this many times its own pixels: what one looks at shall be the picture.
MOST_ENLARGED = 4
# A style costs some 500 bytes and there may be one for each cell: this is some 30 MB.
_CELLS_KEPT = 60_000
_UPPER_HALF = "▀"
# 64 levels a colour: the eye sees no difference in half blocks, and far fewer styles have to be made.
_LEVELS = 0xFC

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Cells:
    """A width and height in cells."""

    width: int
    height: int


def fitted(size: tuple[int, int], full: int, room: Cells, cell: tuple[float, float]) -> Cells:
    """The cells that a picture of that size takes: the most that the room has, its aspect kept.

    `full` is the longer side of the whole picture, of which there may be only a thumbnail; `cell` is what one cell
    measures in pixels of the screen.
    """
    width, height = size
    scale = min(room.width * cell[0] / width, room.height * cell[1] / height)
    scale = min(scale, MOST_ENLARGED * max(full, width, height) / max(width, height))
    return Cells(
        min(room.width, max(1, round(width * scale / cell[0]))),
        min(room.height, max(1, round(height * scale / cell[1]))),
    )


def half_blocks(image: Image.Image, cells: Cells, depth: Depth) -> list[Strip]:
    """The image in that many cells, two pixels to a cell."""
    box = Image.Resampling.BOX if image.width > cells.width else Image.Resampling.BILINEAR
    small = image.resize((cells.width, cells.height * 2), box, reducing_gap=2.0)
    pixels: Pixels = np.asarray(small.convert("L").convert("RGB") if depth == "grey" else small)
    numbers = _cube_numbers(pixels) if depth == "256" else _packed(pixels & _LEVELS)
    colours: dict[int, Color] = {}
    styles: dict[tuple[int, int], Style] = {}
    strips = []
    for upper, lower in zip(numbers[0::2].tolist(), numbers[1::2].tolist(), strict=True):
        segments: list[Segment] = []
        last: tuple[int, int] | None = None
        run = 0
        for pair in zip(upper, lower, strict=True):
            if pair == last:
                run += 1
                continue
            if last is not None:
                segments.append(Segment(_UPPER_HALF * run, styles[last]))
            last, run = pair, 1
            if pair not in styles:
                styles[pair] = Style.from_color(
                    *(colours.get(each) or colours.setdefault(each, _colour(each, depth)) for each in pair)
                )
        if last is not None:
            segments.append(Segment(_UPPER_HALF * run, styles[last]))
        strips.append(Strip(segments, cells.width))
    return strips


def _packed(pixels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int32]:
    red, green, blue = (pixels[..., each].astype(np.int32) for each in range(3))
    return (red << 16) | (green << 8) | blue


def _cube_numbers(pixels: Pixels) -> npt.NDArray[np.int32]:
    """The nearest of the 256 colours that every terminal has: its cube of 6×6×6 (16–231) or its greys (232–255)."""
    values = pixels.astype(np.int32)
    steps = np.array((0, 95, 135, 175, 215, 255), dtype=np.int32)
    index = np.searchsorted((steps[1:] + steps[:-1]) // 2, values)
    cube = 16 + 36 * index[..., 0] + 6 * index[..., 1] + index[..., 2]
    grey = np.clip((values.mean(axis=2) - 3) // 10, 0, 23).astype(np.int32)
    of_cube = ((values - steps[index]) ** 2).sum(axis=2)
    of_grey = ((values - (8 + 10 * grey)[..., np.newaxis]) ** 2).sum(axis=2)
    return np.where(of_grey < of_cube, 232 + grey, cube).astype(np.int32)


def _colour(number: int, depth: Depth) -> Color:
    if depth == "256":
        return Color.from_ansi(number)
    triplet = ColorTriplet(number >> 16, number >> 8 & 255, number & 255)
    return Color("", ColorType.TRUECOLOR, None, triplet)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn into that many cells: lines, or (Sixel) a sequence for the terminal.

    `number` is what the terminal holds the picture under, where it does; see `graphics`.
    """

    cells: Cells
    lines: Sequence[Strip] = ()
    sequence: str = ""
    number: int | None = None


class Drawings:
    """What was drawn lately, so that going back costs nothing; bounded by cells."""

    def __init__(self, cells: int = _CELLS_KEPT) -> None:
        self._most = cells
        self._held = 0
        self._drawn: OrderedDict[Hashable, Drawn] = OrderedDict()

    def get(self, key: Hashable) -> Drawn | None:
        """What was drawn for that key, if it is still held."""
        found = self._drawn.get(key)
        if found is not None:
            self._drawn.move_to_end(key)
        return found

    def put(self, key: Hashable, drawn: Drawn) -> list[Drawn]:
        """Hold it; gives back those that had to go for it, those not looked at for longest."""
        gone = [self._drawn.pop(key)] if key in self._drawn else []
        self._drawn[key] = drawn
        self._held += _count(drawn) - sum(map(_count, gone))
        while self._held > self._most and len(self._drawn) > 1:
            _, oldest = self._drawn.popitem(last=False)
            self._held -= _count(oldest)
            gone.append(oldest)
        return gone


def _count(drawn: Drawn) -> int:
    return drawn.cells.width * drawn.cells.height
