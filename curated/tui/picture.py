"""The widgets that show pictures: one as large as its room, and thumbnails with a name below."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar, Protocol, cast

from PIL import Image
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from curated.domain import Photo
from curated.errors import PictureError, PictureTooLarge
from curated.tui.drawing import Cells, Depth, fitted, half_blocks
from curated.tui.images import SIDES, Pictures
from curated.tui.words import fitting, plain

# Sooner, and the eye would see a word flash by between two pictures.
_MOMENT = 0.3
_HALF_BLOCK = (1.0, 2.0)
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

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._photo: Photo | None = None
        self._file: Path | None = None
        self._image: Image.Image | None = None
        self._words = ""
        self._serial = 0
        self._awaited: list[Future[Image.Image]] = []
        self._patience: Timer | None = None
        self._lines: list[Strip] | None = None
        self._drawn_for: object = None

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
        room = self._room
        return max(room.width, room.height * 2)

    def show(self, photo: Photo | None, file: Path | None) -> None:
        """Show this picture from now on, at once where memory has it."""
        same = self._photo is not None and photo is not None and photo.sha256 == self._photo.sha256
        unchanged = same and file == self._file and self._image is not None
        self._photo, self._file = photo, file
        if unchanged:
            return
        self._image, self._words = None, ""
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
            self._be_patient(False)
        self._redraw()

    # -- loading -----------------------------------------------------------------------------------------

    @property
    def _pictures(self) -> Pictures:
        return cast(HasPictures, self.app).pictures

    def _seek(self) -> None:
        """Take the picture from memory, or have it loaded: the thumbnail first, then what the room needs."""
        self._give_up()
        self._redraw()
        photo, file, side = self._photo, self._file, self.side
        if photo is None or not self.is_mounted or not side:
            return
        image = self._pictures.ready(photo, side)
        if image is not None:
            self._image, self._words = image, ""
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

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        room = self._room
        if y >= room.height:
            return Strip.blank(room.width, self.rich_style)
        drawn_for = (room, self.rich_style)
        if self._lines is None or self._drawn_for != drawn_for:
            self._lines, self._drawn_for = self._draw(room), drawn_for
        return self._lines[y] if y < len(self._lines) else Strip.blank(room.width, self.rich_style)

    def _draw(self, room: Cells) -> list[Strip]:
        """The lines of the whole room."""
        style = self.rich_style
        blank = Strip.blank(room.width, style)
        if not room.width or not room.height:
            return []
        if self._image is None or self._photo is None:
            words = fitting(self._words, room.width)
            said = _centred(words, room.width, style) if words else blank
            above = (room.height - 1) // 2
            return [blank] * above + [said] + [blank] * (room.height - above - 1)
        full = max(self._photo.width or 0, self._photo.height or 0)
        cells = fitted(self._image.size, full, room, _HALF_BLOCK)
        depth = self._depth
        key = (self._photo.sha256, self._image.size, room, cells, depth, style)
        drawings = self._pictures.drawings
        if (drawn := drawings.get(key)) is not None:
            return drawn
        left, above = (room.width - cells.width) // 2, (room.height - cells.height) // 2
        before = Segment(" " * left, style)
        after = Segment(" " * (room.width - cells.width - left), style)
        strips = half_blocks(self._image, cells, depth)
        lines = [Strip([before, *strip, after], room.width) for strip in strips]
        drawn = [blank] * above + lines + [blank] * (room.height - above - cells.height)
        drawings.put(key, drawn, cells)
        return drawn


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

    title: reactive[str | None] = reactive(None)
    """What stands below in place of the picture's name; an empty one leaves all the room to the picture."""

    @property
    def _room(self) -> Cells:
        return Cells(self.content_size.width, max(0, self.content_size.height - (self.title != "")))

    def render_line(self, y: int) -> Strip:
        width, height = self.content_size
        if self.title == "" or y != height - 1:
            return super().render_line(y)
        style = self.get_component_rich_style("thumbnail--title")
        name = self.title if self.title is not None else self._photo.name if self._photo is not None else ""
        marks = "".join(mark for mark, kind in MARKS if self.has_class(kind))
        text = fitting(f"{marks} {plain(name)}" if marks else plain(name), width)
        return _centred(text, width, style)


def _centred(text: str, width: int, style: Style) -> Strip:
    left = max(0, width - cell_len(text)) // 2
    return Strip([Segment(" " * left + text, style)]).adjust_cell_length(width, style)
