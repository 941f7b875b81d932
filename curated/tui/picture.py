"""The widgets that show pictures: one as large as its room, and thumbnails with a name below."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol, cast

from PIL import Image
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from curated.domain import Photo
from curated.errors import PictureError, PictureTooLarge
from curated.tui.drawing import Cells, Depth, Drawn, fitted, half_blocks
from curated.tui.graphics import kitty_fits, kitty_lines, kitty_removal, kitty_sequence, sixel_lines, sixel_sequence
from curated.tui.images import SIDES, Pictures
from curated.tui.terminal import Means
from curated.tui.words import fitting, plain

# Sooner, and the eye would see a word flash by between two pictures.
_MOMENT = 0.3
# Between a key and work that can wait, and between two pieces of that; how many pictures are drawn in advance.
_REST, _BREATH = 0.08, 0.02
_AHEAD = 3
# Before the name of a thumbnail, as colours alone are not seen by all, nor on all terminals.
MARKS = ((">", "-current"), ("*", "-marked"), ("·", "-seen"))


class HasPictures(Protocol):
    """What the application must have for these widgets."""

    @property
    def pictures(self) -> Pictures: ...


class PictureView(Widget):
    """One picture, centred, as large as the room allows; a line of words where it cannot be shown."""

    DEFAULT_CSS = """
    PictureView { width: 1fr; height: 1fr; }
    """

    class _Loaded(Message):
        """A picture has come, or has not; it may no longer be wanted."""

        def __init__(self, serial: int, future: Future[Image.Image], final: bool) -> None:
            super().__init__()
            self.serial = serial
            self.future = future
            self.final = final

    class _Encoded(Message):
        """A picture has been made ready for the terminal."""

        def __init__(self, key: Hashable, drawn: Drawn) -> None:
            super().__init__()
            self.key = key
            self.drawn = drawn

    ALLOW_SELECT = False
    # Whether what comes next is drawn while nothing else is to do; a few cells take no time anyway.
    DRAWS_AHEAD: ClassVar[bool] = True
    # Sixel is painted over the cells, which only works for what stands still and alone.
    SIXEL: ClassVar[bool] = True

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._photo: Photo | None = None
        self._file: Path | None = None
        self._image: Image.Image | None = None
        self._words = ""
        self._serial = 0
        self._awaited: list[Future[Image.Image]] = []
        self._patience: Timer | None = None
        self._final = False  # nothing larger will come
        self._encoding: Hashable = None
        self._ahead: Timer | None = None
        self._lines: Sequence[Strip] | None = None
        self._drawn_for: Hashable = None

    @property
    def photo(self) -> Photo | None:
        """The picture that is shown, or on its way."""
        return self._photo

    @property
    def image(self) -> Image.Image | None:
        """What there is of the picture so far."""
        return self._image

    @property
    def words(self) -> str:
        """What is said in place of the picture; empty while it is there, or has been waited for only a moment."""
        return self._words

    @property
    def side(self) -> int:
        """The longer side in pixels that pictures must have for this room: what to prefetch."""
        room, (width, height) = self._room, self._pixels_of_cell(self._means)
        return round(max(room.width * width, room.height * height))

    def show(self, photo: Photo | None, file: Path | None) -> None:
        """Show this picture from now on, at once where memory has it."""
        same = self._photo is not None and photo is not None and photo.sha256 == self._photo.sha256
        unchanged = same and file == self._file and self._image is not None
        self._photo, self._file = photo, file
        if unchanged:
            return
        self._image, self._words, self._final = None, "", False
        self._seek()

    def clear(self) -> None:
        """Show nothing."""
        self.show(None, None)

    def on_mount(self) -> None:
        self._seek()

    def on_resize(self) -> None:
        self._seek()

    def on_unmount(self) -> None:
        self._give_up()

    def on_picture_view__loaded(self, message: _Loaded) -> None:
        """What came, unless another picture is wanted by now."""
        message.stop()
        if message.serial != self._serial or message.future.cancelled():
            return
        error = message.future.exception()
        if error is None:
            image = message.future.result()
            if self._image is None or max(image.size) > max(self._image.size):
                self._image = image
            self._words = ""
        elif message.final and not (isinstance(error, PictureTooLarge) and self._image is not None):
            # What is too large to be decoded here is shown by its thumbnail all the same.
            self._image = None
            self._words = plain(error.reason if isinstance(error, PictureError) else str(error)).capitalize()
        if message.final:
            self._final = True
            self._be_patient(False)
        self._redraw()

    def on_picture_view__encoded(self, message: _Encoded) -> None:
        """What the terminal needs to show a picture by itself has been made."""
        message.stop()
        self._encoding = None
        drawn = message.drawn
        if drawn.number is not None:
            self._tell_terminal(drawn.sequence)
            drawn = replace(drawn, sequence="", lines=kitty_lines(drawn.cells, drawn.number))
        self._hold(message.key, drawn)
        self._redraw()

    # -- loading -----------------------------------------------------------------------------------------

    @property
    def _pictures(self) -> Pictures:
        return cast(HasPictures, self.app).pictures

    def _seek(self) -> None:
        """Take the picture from memory, or have it loaded: the thumbnail first, then what the room needs."""
        self._give_up()
        self._redraw()
        if self._ahead is not None:
            self._ahead.stop()
        if self.DRAWS_AHEAD and self.is_mounted:
            self._ahead = self.set_timer(_REST, self._draw_ahead)
        photo, file, side = self._photo, self._file, self.side
        if photo is None or not self.is_mounted or not side:
            return
        image = self._pictures.ready(photo, side)
        if image is not None:
            self._image, self._words, self._final = image, "", True
            return
        self._image = self._image or self._pictures.ready(photo, 1)
        if file is None:
            self._words = "" if self._image else "There is no file to show"
            return
        small = min(SIDES)
        if self._image is None and side > small and photo.thumbnail is not None:
            self._await(self._pictures.load(photo, file, small), final=False)
        self._await(self._pictures.load(photo, file, side), final=True)
        self._be_patient(self._image is None)

    def _await(self, future: Future[Image.Image], final: bool) -> None:
        serial = self._serial
        self._awaited.append(future)
        future.add_done_callback(lambda done: self.post_message(self._Loaded(serial, done, final)) and None)

    def _give_up(self) -> None:
        """Wait for nothing any more; what still comes is of an older serial."""
        self._serial += 1
        self._be_patient(False)
        for future in self._awaited:
            if not future.done():
                self._pictures.forget(future)
        self._awaited.clear()

    def _be_patient(self, waiting: bool) -> None:
        if self._patience is not None:
            self._patience.stop()
        self._patience = self.set_timer(_MOMENT, self._say_that_it_takes_time) if waiting else None

    def _say_that_it_takes_time(self) -> None:
        if self._image is None:
            self._words = "Loading…"
            self._redraw()

    # -- drawing -----------------------------------------------------------------------------------------

    @property
    def _room(self) -> Cells:
        """The cells for the picture itself."""
        return Cells(self.content_size.width, self.content_size.height)

    @property
    def _depth(self) -> Depth:
        if self.app.no_color:
            return "grey"
        return "truecolor" if self.app.console.color_system in ("truecolor", None) else "256"

    @property
    def _bare(self) -> bool:
        """Whether our lines go to the screen as they are: no border to be drawn, no colours to be taken out."""
        return not (self.gutter.width or self.gutter.height or self.app.no_color or self.styles.has_rule("outline"))

    @property
    def _means(self) -> Means:
        """What to draw by here and now."""
        means = self._pictures.terminal.means
        # Behind a dialog Textual changes the colours of our cells, which are the pictures' numbers.
        if means == "halfblock" or self.app.is_web or not self._bare or not self.screen.is_active:
            return "halfblock"
        allowed = self.SIXEL if means == "sixel" else self._depth == "truecolor"
        return means if allowed else "halfblock"

    def _pixels_of_cell(self, means: Means) -> tuple[float, float]:
        width, height = self._pictures.terminal.cell
        # A half block is one pixel wide; the cell's real shape keeps the aspect right.
        return (1.0, height / width) if means == "halfblock" else (width, height)

    def _tell_terminal(self, sequence: str) -> None:
        # By the way that Textual's own output takes, or the two would run into each other.
        if self.app._driver is not None:
            self.app._driver.write(sequence)

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        if not self._bare:
            return super().render_lines(crop)
        # Textual's styles and colour filters would go through thousands of segments, and change none.
        return [line.crop(crop.x, crop.right) for line in self._content()[crop.y : crop.bottom]]

    def render_line(self, y: int) -> Strip:
        return self._content()[y]

    def _content(self) -> Sequence[Strip]:
        """All lines, drawn anew where something has changed."""
        room, means = self._room, self._means
        place = self.content_region.offset if means == "sixel" else None
        drawn_for = (room, self.rich_style, means, place)
        if self._lines is None or self._drawn_for != drawn_for:
            self._lines, self._drawn_for = self._draw(room, means), drawn_for
        return self._lines

    def _draw(self, room: Cells, means: Means) -> Sequence[Strip]:
        """The lines of the whole room."""
        style = self.rich_style
        blank = Strip.blank(room.width, style)
        if not room.width or not room.height:
            return [blank] * room.height
        if self._image is None or self._photo is None:
            said = _centred(fitting(self._words, room.width), room.width, style) if self._words else blank
            above = (room.height - 1) // 2
            return [blank] * above + [said] + [blank] * (room.height - above - 1)
        cells = self._fitted(self._photo, self._image, room, means)
        left, above = (room.width - cells.width) // 2, (room.height - cells.height) // 2
        strips = self._strips(self._photo.sha256, self._image, cells, means, (left, above))
        right = room.width - cells.width - left
        lines = [strip.crop_pad(cells.width, left, right, style) for strip in strips]
        return [blank] * above + lines + [blank] * (room.height - above - cells.height)

    def _strips(
        self, sha256: str, image: Image.Image, cells: Cells, means: Means, place: tuple[int, int]
    ) -> Sequence[Strip]:
        """The lines of the picture itself: in half blocks until it is encoded for a terminal that can do better."""
        drawings = self._pictures.drawings
        if means != "halfblock" and kitty_fits(cells):
            key: Hashable = (sha256, image.size, cells, means)
            if (drawn := drawings.get(key)) is not None:
                left, top = self.content_region.offset
                if means == "kitty":
                    return drawn.lines
                return sixel_lines(drawn.sequence, cells, left + place[0], top + place[1])
            if self._final and self._encoding != key:
                self._encoding = key
                encode = partial(self._encode, key, image, cells, means)
                self.run_worker(encode, thread=True, exclusive=True, group="encoding")
        return self._half_blocks(sha256, image, cells)

    def _half_blocks(self, sha256: str, image: Image.Image, cells: Cells) -> Sequence[Strip]:
        drawings, depth = self._pictures.drawings, self._depth
        key = (sha256, image.size, cells, depth)
        drawn = drawings.get(key)
        if drawn is None:
            drawn = Drawn(cells, half_blocks(image, cells, depth))
            self._hold(key, drawn)
        return drawn.lines

    def _hold(self, key: Hashable, drawn: Drawn) -> None:
        """Keep what was drawn, and have the terminal forget what has to go for it."""
        for gone in self._pictures.drawings.put(key, drawn):
            if gone.number is not None:
                self._tell_terminal(kitty_removal(gone.number))

    def _draw_ahead(self) -> None:
        """Draw one of the pictures that may come next, while nobody presses a key."""
        if not self.screen.is_active or self._means != "halfblock":
            return
        pictures, room, depth = self._pictures, self._room, self._depth
        if not (room.width and room.height):
            return  # it is not shown
        for photo in pictures.hoped_for[:_AHEAD]:
            image = pictures.ready(photo, self.side)
            if image is None:
                continue
            cells = self._fitted(photo, image, room, "halfblock")
            if pictures.drawings.get((photo.sha256, image.size, cells, depth)) is None:
                self._half_blocks(photo.sha256, image, cells)
                self._ahead = self.set_timer(_BREATH, self._draw_ahead)
                return

    def _fitted(self, photo: Photo, image: Image.Image, room: Cells, means: Means) -> Cells:
        full = max(photo.width or 0, photo.height or 0)
        return fitted(image.size, full, room, self._pixels_of_cell(means))

    def _encode(self, key: Hashable, image: Image.Image, cells: Cells, means: Means) -> None:
        """On a thread of its own."""
        terminal = self._pictures.terminal
        if means == "kitty":
            number = next(self._pictures.numbers)
            drawn = Drawn(cells, sequence=kitty_sequence(image, cells, terminal.cell, number), number=number)
        else:
            drawn = Drawn(cells, sequence=sixel_sequence(image, cells, terminal.cell))
        self.post_message(self._Encoded(key, drawn))


class Thumbnail(PictureView):
    """A small picture with its name below; marks stand before the name: `>` the current one, `*` marked, `·` seen.

    The classes "-current", "-marked" and "-seen" say which.
    """

    DEFAULT_CSS = """
    Thumbnail { width: 18; height: 7; }
    Thumbnail > .thumbnail--title { color: $text-muted; }
    Thumbnail.-marked > .thumbnail--title { color: $warning; text-style: bold; }
    Thumbnail.-current > .thumbnail--title { color: $text; text-style: reverse bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"thumbnail--title"}
    SIXEL = False
    DRAWS_AHEAD = False

    title: reactive[str | None] = reactive(None)
    """What stands below in place of the picture's name; an empty one leaves all the room to the picture."""

    @property
    def _room(self) -> Cells:
        return Cells(self.content_size.width, max(0, self.content_size.height - (self.title != "")))

    def _content(self) -> Sequence[Strip]:
        return [*super()._content(), *([] if self.title == "" else [self._title_line()])]

    def _title_line(self) -> Strip:
        width, style = self.content_size.width, self.get_component_rich_style("thumbnail--title")
        name = self.title if self.title is not None else self._photo.name if self._photo is not None else ""
        marks = "".join(mark for mark, kind in MARKS if self.has_class(kind))
        return _centred(fitting(f"{marks} {plain(name)}" if marks else plain(name), width), width, style)


def _centred(text: str, width: int, style: Style) -> Strip:
    left = max(0, width - cell_len(text)) // 2
    return Strip([Segment(" " * left + text, style)]).adjust_cell_length(width, style)
