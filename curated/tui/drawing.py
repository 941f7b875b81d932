"""From pixels to what a terminal can show of them: half blocks in colour or grey."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from PIL import Image
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Depth = Literal["truecolor", "256", "grey"]

# Nothing is shown larger than this many times its own pixels: what one looks at shall be the picture.
MOST_ENLARGED = 4
# A style costs some 500 bytes and there may be one for each cell: this is some 20 MB.
_CELLS_KEPT = 40_000
_UPPER_HALF = "▀"
# 64 levels a colour: the eye sees no difference in half blocks, and far fewer styles have to be made.
_LEVELS = 0xFC


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
    """The RGB image in that many cells, two pixels to a cell."""
    box = Image.Resampling.BOX if image.width > cells.width else Image.Resampling.BILINEAR
    small = image.resize((cells.width, cells.height * 2), box, reducing_gap=2.0)
    numbers, width = _numbers(small, depth), cells.width
    colours: dict[int, Color] = {}
    styles: dict[tuple[int, int], Style] = {}
    strips = []
    for start in range(0, len(numbers), 2 * width):
        segments: list[Segment] = []
        last: tuple[int, int] | None = None
        run = 0
        upper, lower = numbers[start : start + width], numbers[start + width : start + 2 * width]
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
        strips.append(Strip(segments, width))
    return strips


def _numbers(small: Image.Image, depth: Depth) -> Sequence[int]:
    """One number for each pixel, row by row. Without numpy, whose import takes as long as all of Textual's."""
    if depth == "256":
        return small.quantize(palette=_palette(), dither=Image.Dither.NONE).tobytes()
    if depth == "grey":
        small = small.convert("L").convert("RGB")
    levels = small.point([value & _LEVELS for value in range(256)] * 3)
    # Four bytes to a pixel, red the lowest, whatever the machine's order of bytes.
    packed = levels.convert("RGBA").tobytes()
    return struct.unpack(f"<{small.width * small.height}I", packed)


@cache
def _palette() -> Image.Image:
    """The 240 colours that are the same in all terminals, numbers 16 to 255: a cube of 6×6×6, then greys."""
    steps = (0, 95, 135, 175, 215, 255)
    colours = [(red, green, blue) for red in steps for green in steps for blue in steps]
    colours += [(8 + 10 * grey,) * 3 for grey in range(24)]
    # The palette must be full; what stands there once more is never taken.
    colours += [colours[0]] * 16
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in colours for value in colour])
    return palette


def _colour(number: int, depth: Depth) -> Color:
    if depth == "256":
        return Color.from_ansi(16 + number % 240)
    triplet = ColorTriplet(number & 255, number >> 8 & 255, number >> 16 & 255)
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
