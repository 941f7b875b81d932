"""Pictures in pixels, for terminals that can: Kitty's graphics protocol and Sixel. Encoding takes tens of ms."""

from __future__ import annotations

import random
import zlib
from base64 import standard_b64encode
from collections.abc import Iterator

from PIL import Image
from rich.color import Color
from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.strip import Strip

from curated.tui.drawing import Cells

# The character that stands for a cell of a picture; what row it is says a combining character behind it.
_PLACEHOLDER = "\U0010eeee"
_CHUNK = 4096
_NULL_STYLE = Style()


def picture_numbers() -> Iterator[int]:
    """Numbers for pictures in the terminal, which may hold those of other programs: 24 bits from a random start."""
    number = random.getrandbits(24)
    while True:
        number = number % 0xFFFFFF + 1
        yield number


def kitty_sequence(image: Image.Image, cells: Cells, cell: tuple[int, int], number: int) -> str:
    """What makes a terminal hold the picture under that number, to be shown in so many cells."""
    small = _for_cells(image, cells, cell)
    data = standard_b64encode(zlib.compress(small.tobytes(), 1)).decode("ascii")
    first = f"a=T,U=1,q=2,i={number},f=24,o=z,s={small.width},v={small.height},c={cells.width},r={cells.height},"
    parts = []
    for start in range(0, len(data), _CHUNK):
        more = int(start + _CHUNK < len(data))
        parts.append(f"\x1b_G{first}m={more};{data[start : start + _CHUNK]}\x1b\\")
        first = "q=2,"
    return "".join(parts)


def kitty_lines(cells: Cells, number: int) -> list[Strip]:
    """The cells in which the picture appears: their colour is its number."""
    from textual_image.renderable.tgp import _NUMBER_TO_DIACRITIC as diacritics

    style = Style(color=Color.from_rgb(number >> 16, number >> 8 & 255, number & 255))
    lines = []
    for row in range(cells.height):
        text = "".join(
            f"{_PLACEHOLDER}{chr(diacritics[row])}{chr(diacritics[column])}" for column in range(cells.width)
        )
        lines.append(Strip([Segment(text, style)], cells.width))
    return lines


def kitty_fits(cells: Cells) -> bool:
    """Whether there are combining characters for so many rows and columns."""
    return cells.width <= 297 and cells.height <= 297


def kitty_removal(number: int) -> str:
    """What makes the terminal forget the picture."""
    return f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"


def sixel_sequence(image: Image.Image, cells: Cells, cell: tuple[int, int]) -> str:
    """The picture as Sixel data."""
    from textual_image.renderable import SixelImage

    console = Console(width=cells.width, height=cells.height, color_system=None, legacy_windows=False)
    options = console.options.update(width=cells.width, height=cells.height)
    drawn = SixelImage(_for_cells(image, cells, cell), cells.width, cells.height)
    return next(segment.text for segment in console.render(drawn, options) if segment.text.startswith("\x1bP"))


def sixel_lines(sequence: str, cells: Cells, left: int, top: int) -> list[Strip]:
    """Blank cells, and behind the last of them the picture painted over all; `left` and `top` count from the screen's.

    Textual knows nothing of Sixel: the picture is smuggled through as something that takes no room.
    """
    blank = Strip.blank(cells.width)
    last = [
        Segment(" " * cells.width),
        Segment(Control.move_to(left, top).segment.text, _NULL_STYLE, ((ControlType.CURSOR_FORWARD, 0),)),
        Segment(sequence, _NULL_STYLE, ((ControlType.CURSOR_FORWARD, 0),)),
        Segment(
            Control.move_to(left + cells.width, top + cells.height - 1).segment.text,
            _NULL_STYLE,
            ((ControlType.CURSOR_FORWARD, 0),),
        ),
    ]
    return [blank] * (cells.height - 1) + [Strip(last, cells.width)]


def _for_cells(image: Image.Image, cells: Cells, cell: tuple[int, int]) -> Image.Image:
    """No more pixels than are shown; the terminal enlarges what has fewer."""
    width, height = cells.width * cell[0], cells.height * cell[1]
    if image.width <= width and image.height <= height:
        return image
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
