"""From pixels to what a terminal can show of them: half blocks in colour or grey."""

from __future__ import annotations

import sys
from array import array
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal

from PIL import Image
from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Depth = Literal["truecolor", "256", "grey"]

# Nothing is shown larger than this many times its own pixels: what one looks at shall be the picture.
MOST_ENLARGED = 4
# A cell takes up to 100 bytes: this is some 8 MB.
_CELLS_KEPT = 80_000
_UPPER_HALF = "▀"
# 64 levels a colour: the eye sees no difference in half blocks, and far fewer styles have to be made.
_LEVELS = 0xFC
# The terminals that understand the codes of that depth. Rich says None for those without colours, which Textual's
# filters take out, and tells them all colours else.
_SYSTEMS: dict[Depth, tuple[str | None, ...]] = {
    "truecolor": ("truecolor", None),
    "grey": ("truecolor", None),
    "256": ("256",),
}


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


def half_blocks(image: Image.Image, cells: Cells, depth: Depth) -> list[BlockStrip]:
    """The RGB image in that many cells, two pixels to a cell."""
    box = Image.Resampling.BOX if image.width > cells.width else Image.Resampling.BILINEAR
    small = image.resize((cells.width, cells.height * 2), box, reducing_gap=2.0)
    numbers, width = _numbers(small, depth), cells.width
    starts = range(0, len(numbers), 2 * width)
    rows = [(numbers[start : start + width], numbers[start + width : start + 2 * width]) for start in starts]
    codes = _Codes(depth)
    return [BlockStrip(Row(upper, lower, depth, codes.of(upper, lower))) for upper, lower in rows]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of half blocks: a number for each pixel above and below, and what the terminal is told for them."""

    upper: array[int]
    lower: array[int]
    depth: Depth
    codes: str

    def segments(self) -> list[Segment]:
        """The same for Textual: a segment for each run of cells of one look."""
        pairs = groupby(zip(self.upper, self.lower, strict=True))
        return [
            Segment(
                _UPPER_HALF * len(list(run)),
                Style(color=_colour(above, self.depth), bgcolor=_colour(below, self.depth)),
            )
            for (above, below), run in pairs
        ]


class BlockStrip(Strip):
    """A row with room at its sides, kept as the terminal reads it: thousands of styles need not be made and read again.

    Its segments are made as soon as Textual asks for them, which it does where something lies over the picture.
    """

    __slots__ = ("_beside", "_made", "_row")

    def __init__(self, row: Row, left: int = 0, right: int = 0, style: Style | None = None) -> None:
        self._row = row
        self._beside = [Segment(" " * cells, style) if cells else None for cells in (left, right)]
        self._made: list[Segment] | None = None
        super().__init__((), left + len(row.upper) + right)

    @property
    def _segments(self) -> list[Segment]:
        if self._made is None:
            left, right = self._beside
            self._made = [*([left] if left else []), *self._row.segments(), *([right] if right else [])]
        return self._made

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        """What Strip begins with: nothing."""

    def crop_pad(self, cell_length: int, left: int, right: int, style: Style) -> Strip:
        """The row with that much room beside it."""
        if cell_length != len(self._row.upper) or any(self._beside):
            return super().crop_pad(cell_length, left, right, style)
        return BlockStrip(self._row, left, right, style)

    def render(self, console: Console) -> str:
        """What the terminal is told."""
        if self._render_cache is None and console.color_system in _SYSTEMS[self._row.depth]:
            left, right = (Strip([each]).render(console) if each else "" for each in self._beside)
            self._render_cache = left + self._row.codes + right
        return super().render(console)


class _Codes:
    """What terminals are told for cells; in one picture, as the same colours come again."""

    def __init__(self, depth: Depth) -> None:
        self._depth = depth
        self._above: dict[int, str] = {}
        self._below: dict[int, str] = {}

    def of(self, upper: array[int], lower: array[int]) -> str:
        """The whole row; a colour that stays is not said again."""
        parts: list[str] = []
        add, above, below = parts.append, self._above, self._below
        last_above = last_below = -1
        for one, other in zip(upper, lower, strict=True):
            if one != last_above:
                add(above.get(one) or self._new(above, one, 38))
                last_above = one
            if other != last_below:
                add(below.get(other) or self._new(below, other, 48))
                last_below = other
            add(_UPPER_HALF)
        add("\x1b[0m")
        return "".join(parts)

    def _new(self, known: dict[int, str], number: int, plane: int) -> str:
        if self._depth == "256":
            known[number] = code = f"\x1b[{plane};5;{_ansi(number)}m"
        else:
            known[number] = code = f"\x1b[{plane};2;{number & 255};{number >> 8 & 255};{number >> 16 & 255}m"
        return code


def _numbers(small: Image.Image, depth: Depth) -> array[int]:
    """One number for each pixel, row by row. Without numpy, whose import takes as long as all of Textual's."""
    if depth == "256":
        return array("B", small.quantize(palette=_palette(), dither=Image.Dither.NONE).tobytes())
    if depth == "grey":
        small = small.convert("L").convert("RGB")
    levels = small.point([value & _LEVELS for value in range(256)] * 3)
    # Four bytes to a pixel, red the lowest, whatever the machine's order of bytes.
    packed = levels.convert("RGBA").tobytes()
    numbers = array("I", packed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


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
        return Color.from_ansi(_ansi(number))
    triplet = ColorTriplet(number & 255, number >> 8 & 255, number >> 16 & 255)
    return Color("", ColorType.TRUECOLOR, None, triplet)


def _ansi(number: int) -> int:
    """The terminal's number of a colour of the palette."""
    return 16 + number % 240


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
