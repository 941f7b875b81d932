from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import ModalScreen

from curated.config import Reading
from curated.domain import Photo
from curated.state.rows import photo_from_arrival
from curated.tui.drawing import Cells, Drawings, Drawn, half_blocks
from curated.tui.images import Pictures
from curated.tui.picture import PictureView, Thumbnail
from curated.tui.terminal import Terminal
from tests.support.filing_world import NOON
from tests.support.pictures import arrival, encoded, scene, write

PLACEHOLDER = "\U0010eeee"


class PictureApp(App[None]):
    """The least application that shows pictures."""

    def __init__(self, pictures: Pictures, *widgets: PictureView) -> None:
        super().__init__()
        self.pictures = pictures
        self.widgets = widgets

    def compose(self) -> ComposeResult:
        yield from self.widgets


Body = Callable[[PictureApp, Pilot[None]], Awaitable[None]]


class World:
    """A folder with pictures, and an application run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = Pictures(folder / "cache", limits=Reading(), disk_bytes=10**7, memory_bytes=10**7)

    def picture(self, name: str = "a.jpg", width: int = 320, height: int = 240, seed: int = 1) -> tuple[Photo, Path]:
        file = write(self.folder / name, encoded(scene(width, height, seed), "JPEG"))
        return self.row(file, width, height), file

    def row(self, file: Path, width: int, height: int) -> Photo:
        photo = photo_from_arrival(arrival(file), f"{abs(hash(file)):064x}", NOON)
        return replace(photo, id=1, name=file.stem, width=width, height=height)

    def run(self, body: Body, *widgets: PictureView, size: tuple[int, int] = (80, 24)) -> None:
        app = PictureApp(self.pictures, *widgets)

        async def main() -> None:
            async with app.run_test(size=size) as pilot:
                await body(app, pilot)

        asyncio.run(main())


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.pictures.close()


async def until(pilot: Pilot[None], condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        await pilot.pause(0.01)


def lines(view: PictureView) -> list[str]:
    return [view.render_line(y).text for y in range(view.content_size.height)]


def blocks(view: PictureView) -> tuple[int, int]:
    """How many cells of picture there are across and down."""
    rows = [line.count("▀") for line in lines(view)]
    return max(rows), sum(1 for row in rows if row)


def test_a_picture_is_as_large_as_its_room_with_its_aspect_kept_and_centred(world):
    async def body(app, pilot):
        view.show(*world.picture())
        await until(pilot, lambda: blocks(view) != (0, 0))
        assert blocks(view) == (64, 24)
        assert lines(view)[0] == " " * 8 + "▀" * 64 + " " * 8

    view = PictureView()
    world.run(body, view)


def test_a_small_picture_is_not_blown_up_beyond_four_times_its_pixels(world):
    async def body(app, pilot):
        view.show(*world.picture(width=8, height=8))
        await until(pilot, lambda: blocks(view) != (0, 0))
        assert blocks(view) == (32, 16)

    view = PictureView()
    world.run(body, view, size=(120, 40))


def test_a_picture_in_memory_is_there_at_once(world):
    async def body(app, pilot):
        photo, file = world.picture()
        world.pictures.load(photo, file, 384).result(20)
        view.show(photo, file)
        assert blocks(view) != (0, 0)

    view = PictureView()
    world.run(body, view)


def test_resizing_the_terminal_draws_anew(world):
    async def body(app, pilot):
        view.show(*world.picture())
        await until(pilot, lambda: blocks(view) == (64, 24))
        await pilot.resize_terminal(40, 30)
        await until(pilot, lambda: blocks(view) == (40, 15))

    view = PictureView()
    world.run(body, view)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (1, 1)])
def test_a_picture_without_room_is_no_error(world, size):
    async def body(app, pilot):
        photo, file = world.picture()
        world.pictures.load(photo, file, 384).result(20)
        world.pictures.prefetch([(photo, file)], 1)
        view.show(photo, file)
        view._draw_ahead()
        view.refresh()
        await pilot.pause()
        assert len(lines(view)) == size[1]

    view = PictureView()
    view.styles.width, view.styles.height = size
    world.run(body, view)


def test_a_picture_gone_from_the_disk_says_so(world):
    async def body(app, pilot):
        photo, file = world.picture()
        file.unlink()
        view.show(photo, file)
        await until(pilot, lambda: "gone from the disk" in "".join(lines(view)))

    view = PictureView()
    world.run(body, view)


def test_a_broken_picture_says_so(world):
    async def body(app, pilot):
        photo, file = world.picture()
        file.write_bytes(file.read_bytes()[:900])
        view.show(photo, file)
        await until(pilot, lambda: "data" in view.words)

    view = PictureView()
    world.run(body, view)


def test_what_comes_late_does_not_take_the_place_of_a_newer_picture(world):
    async def body(app, pilot):
        shown = [world.picture(f"{seed}.jpg", seed=seed, height=240 + 10 * seed) for seed in range(1, 9)]
        for each in shown:
            view.show(*each)
        await until(pilot, lambda: view.image is not None)
        for photo, file in shown:
            world.pictures.load(photo, file, 384).result(20)
        await pilot.pause()
        assert view.image.size == (320, 320)
        view.clear()
        assert blocks(view) == (0, 0)

    view = PictureView()
    world.run(body, view)


def test_a_thumbnail_carries_its_name_and_marks_before_it(world):
    async def body(app, pilot):
        file = world.folder / "生日快乐 🎂 and a long name \udcff.jpg"
        photo, file = world.picture(file.name)
        view.show(photo, file)
        await until(pilot, lambda: blocks(view) == (13, 5))
        assert lines(view)[-1].strip() == "生日快乐 🎂 and…"
        view.add_class("-current", "-marked", "-seen")
        assert lines(view)[-1].strip() == ">*· 生日快乐 🎂…"
        assert view.render_line(5).cell_length == 16

    view = Thumbnail()
    view.styles.width, view.styles.height = 16, 6
    world.run(body, view)


@pytest.fixture
def truecolor(monkeypatch):
    monkeypatch.setenv("COLORTERM", "truecolor")


def text(view: PictureView) -> str:
    return "\n".join(lines(view))


def test_a_terminal_with_kitty_graphics_gets_the_pixels_and_cells_that_name_them(world, truecolor):
    async def body(app, pilot):
        sent: list[str] = []
        app._driver.write = sent.append
        view.show(*world.picture(width=800, height=600))
        await until(pilot, lambda: PLACEHOLDER in text(view))
        assert text(view).count(PLACEHOLDER) == 64 * 24
        (picture,) = sent
        assert "a=T,U=1" in picture
        assert "s=640,v=480,c=64,r=24" in picture
        number = int(re.search(r"i=(\d+)", picture)[1])
        colour = next(segment.style.color for segment in view.render_line(3) if PLACEHOLDER in segment.text)
        assert colour.triplet == (number >> 16, number >> 8 & 255, number & 255)

    world.pictures.terminal = Terminal("kitty", (10, 20))
    view = PictureView()
    world.run(body, view)


def test_behind_a_dialog_pictures_are_half_blocks_whatever_the_terminal_can(world, truecolor):
    async def body(app, pilot):
        view.show(*world.picture(width=800, height=600))
        await until(pilot, lambda: PLACEHOLDER in text(view))
        await app.push_screen(ModalScreen())
        assert PLACEHOLDER not in text(view)
        await app.pop_screen()
        assert PLACEHOLDER in text(view)

    world.pictures.terminal = Terminal("kitty", (10, 20))
    view = PictureView()
    world.run(body, view)


def test_a_terminal_with_sixel_gets_one_picture_painted_over_blank_cells(world):
    async def body(app, pilot):
        view.show(*world.picture(width=800, height=600))
        await until(pilot, lambda: "\x1bP" in text(view))
        assert text(view).count("\x1bP") == 1
        assert "\x1b[1;9H\x1bP" in text(view)  # row and column of its left top
        assert view.render_line(23).cell_length == 80

    world.pictures.terminal = Terminal("sixel", (10, 20))
    view = PictureView()
    world.run(body, view)


def test_half_blocks_are_grey_where_colours_are_unwanted(world, truecolor, monkeypatch):
    async def body(app, pilot):
        view.show(*world.picture())
        await until(pilot, lambda: blocks(view) == (64, 24))
        colours = {tuple(segment.style.color.triplet) for segment in view.render_line(10) if "▀" in segment.text}
        assert len(colours) > 5
        assert all(red == green == blue for red, green, blue in colours)

    monkeypatch.setenv("NO_COLOR", "1")
    world.pictures.terminal = Terminal("kitty", (10, 20))
    view = PictureView()
    world.run(body, view)


def test_256_colours_are_chosen_by_nearness():
    image = Image.new("RGB", (2, 2), (250, 3, 3))
    image.putpixel((0, 0), (118, 118, 118))
    ((segment, other),) = half_blocks(image, Cells(2, 1), "256")
    assert (segment.style.color.number, segment.style.bgcolor.number) == (243, 196)
    assert other.style.color.number == 196


def look(style):
    """(foreground, background) as the codes that a terminal gets."""
    colours = (style.color, style.bgcolor) if style else (None, None)
    return tuple(colour and colour.get_ansi_codes() for colour in colours)


def looks(line):
    """Each cell with its look, by Textual's segments."""
    return [(character, *look(style)) for text, style, _ in line for character in text]


def told(line, system):
    """The same by what the terminal is told."""
    console = Console(force_terminal=True, color_system=system, legacy_windows=False)
    runs = Text.from_ansi(line.render(console)).render(console)
    return [(character, *look(run.style)) for run in runs for character in run.text if character != "\n"]


@pytest.mark.parametrize(("depth", "system"), [("truecolor", "truecolor"), ("256", "256"), ("grey", "truecolor")])
def test_the_terminal_is_told_just_what_textual_would_show(depth, system):
    image = Image.open(BytesIO(encoded(scene(60, 40, 3), "PNG"))).convert("RGB")
    image.paste((10, 200, 30), (0, 0, 20, 40))  # runs of one colour
    for line in half_blocks(image, Cells(30, 10), depth):
        beside = line.crop_pad(30, 3, 2, Style(bgcolor="rgb(1,2,3)"))
        assert len(line) > 1
        assert told(line, system) == looks(line)
        assert looks(beside)[3:-2] == looks(line)
        assert told(beside, system)[3:-2] == told(line, system)
        assert (beside.cell_length, beside.text) == (35, "   " + line.text + "  ")


def test_a_terminal_of_fewer_colours_than_were_drawn_gets_those_it_knows():
    (line,) = half_blocks(Image.new("RGB", (4, 2), (250, 3, 3)), Cells(4, 1), "256")
    console = Console(force_terminal=True, color_system="standard", legacy_windows=False)
    assert "38;5" not in line.render(console)
    assert line.render(console).count("▀") == 4


def test_what_lies_over_a_picture_cuts_it_where_it_lies():
    (line,) = half_blocks(Image.open(BytesIO(encoded(scene(60, 2, 3), "PNG"))).convert("RGB"), Cells(60, 1), "256")
    parts = line.divide([10, 35, 60])
    assert [part.cell_length for part in parts] == [10, 25, 25]
    assert [each for part in parts for each in looks(part)] == looks(line)
    assert looks(line.crop(5, 9)) == looks(line)[5:9]


def test_going_back_draws_nothing_anew(world):
    drawings = Drawings(cells=100)
    for name in "abc":
        drawings.put(name, Drawn(Cells(7, 6)))
    assert [drawings.get(name) is not None for name in "abc"] == [False, True, True]
