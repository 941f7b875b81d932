"""The contact sheet's grid: as many thumbnails as there is room for, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Grid, Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from curated.config.settings import Keys
from curated.domain import Status
from curated.review import Seen
from curated.tui.picture import Thumbnail
from curated.tui.review.panel import MARKED, signs
from curated.tui.words import fitting, plain

# The least room in which a picture can still be told from its neighbours, its two lines of words included.
CELL_WIDTH, CELL_HEIGHT = 18, 9
# With less than that there is nothing to be seen.
_LEAST_WIDTH, _LEAST_HEIGHT = 8, 5
# More would keep the terminal busy for longer than a key may take.
_MOST = 120


@dataclass(frozen=True, slots=True)
class Tile:
    """One place of the sheet; `seen` is None where the picture is no longer known."""

    photo_id: int
    seen: Seen | None
    current: bool
    marked: bool
    looked_at: bool


class TileView(Vertical):
    """A picture with two lines below it: its signs and name, and its category."""

    def __init__(self) -> None:
        super().__init__()
        self._tile: Tile | None = None

    def compose(self) -> ComposeResult:
        picture = Thumbnail()
        picture.title = ""  # its words are ours, on two lines
        yield picture
        yield Static("", classes="words", markup=False)

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_click(self) -> None:
        if self._tile is not None:
            self.post_message(SheetGrid.Chosen(self._tile.photo_id))

    def show(self, tile: Tile | None) -> None:
        """Put that picture here, or nothing."""
        if tile == self._tile:
            return
        self._tile = tile
        self._draw()

    def _draw(self) -> None:
        tile = self._tile
        if not self.is_mounted or not self.query(Thumbnail):
            return
        self.set_class(tile is not None and tile.current, "-current")
        self.set_class(tile is not None and tile.marked, "-marked")
        view = self.query_one(Thumbnail)
        if tile is None or tile.seen is None:
            view.show(None, None)
        else:
            view.show(tile.seen.photo, tile.seen.file)
        self.query_one(Static).update(words(tile, self.content_size.width) if tile else Content(""))


class SheetGrid(Grid):
    """Tiles in rows and columns; `columns` and `rows` follow from the room."""

    class Shaped(Message):
        """The grid has another number of places now."""

    class Chosen(Message):
        """A picture was clicked."""

        def __init__(self, photo_id: int) -> None:
            super().__init__()
            self.photo_id = photo_id

    def __init__(self) -> None:
        super().__init__(id="tiles")
        self.columns, self.rows = 1, 1

    @property
    def places(self) -> int:
        """How many pictures a page holds."""
        return self.columns * self.rows

    async def on_resize(self, event: Resize) -> None:
        """As many places as there is room for now."""
        columns, rows = shape(event.size.width, event.size.height)
        if (columns, rows) == (self.columns, self.rows) and self.children:
            return
        self.columns, self.rows = columns, rows
        self.styles.grid_size_columns, self.styles.grid_size_rows = columns, rows
        there = list(self.query(TileView))
        if len(there) > self.places:
            await self.remove_children(there[self.places :])
        elif len(there) < self.places:
            await self.mount(*(TileView() for _ in range(self.places - len(there))))
        self.post_message(self.Shaped())

    def show(self, tiles: Sequence[Tile]) -> None:
        """Show these from the upper left corner on; the other places are empty."""
        for number, place in enumerate(self.query(TileView)):
            place.show(tiles[number] if number < len(tiles) else None)

    @property
    def is_readable(self) -> bool:
        """Whether there is room enough for a picture to be seen."""
        cells = self.size.width // self.columns, self.size.height // self.rows
        return cells[0] >= _LEAST_WIDTH and cells[1] >= _LEAST_HEIGHT

    @property
    def side(self) -> int:
        """The longer side in pixels that pictures need here: what to prefetch."""
        views = self.query(Thumbnail)
        return views.first().side if views else 0


def shape(width: int, height: int) -> tuple[int, int]:
    """(columns, rows) of the densest grid in so many cells."""
    cell = 1.0
    while True:
        columns, rows = max(1, int(width / (CELL_WIDTH * cell))), max(1, int(height / (CELL_HEIGHT * cell)))
        if columns * rows <= _MOST:
            return columns, rows
        cell += 0.05


def step(key: str, keys: Keys, columns: int) -> int:
    """By how many pictures that key moves in a grid of so many columns; 0 for a key that does not."""
    known = (*keys.next, *keys.previous)
    moves = {"left": -1, "right": 1, "up": -columns, "down": columns, "h": -1, "l": 1, "k": -columns, "j": columns}
    # The letters only where the configuration has not given them to something else.
    if key in moves and (len(key) > 1 or key in known):
        return moves[key]
    return 0 if key not in known else 1 if key in keys.next else -1


def landing(place: int, by: int, columns: int, total: int) -> int:
    """Where a step from that place ends: in the same column, or at the end of a last row that is shorter."""
    wanted = place + by
    if 0 <= wanted < total or abs(by) == 1:
        return wanted
    into_shorter_row = by > 0 and place // columns < (total - 1) // columns
    return total - 1 if into_shorter_row else place


def words(tile: Tile, width: int) -> Content:
    """The two lines below a picture."""
    if tile.seen is None:
        return Content.assemble((_lead(tile, ""), "bold"), "no longer known")
    photo = tile.seen.photo
    lead = _lead(tile, f"{MARKED if tile.marked else ''}{signs(photo)}")
    name = fitting(plain(photo.name), max(1, width - cell_len(lead)))
    score = "" if photo.keep_score is None else f" {photo.keep_score * 100:.0f} %"
    place = "trash" if photo.status is Status.TRASHED or photo.verdict == "trash" else plain(photo.category or "none")
    where = fitting(("! " if photo.protected else "") + place, max(1, width - cell_len(score)))
    gap = " " * max(0, width - cell_len(where) - cell_len(score))
    first = Content.assemble((lead, "bold"), name, " " * max(0, width - cell_len(lead) - cell_len(name)))
    second = Content.assemble(where, gap, score)
    return Content("\n").join([first, second])


def _lead(tile: Tile, sign: str) -> str:
    # Not yet looked at long enough: a dot, where the others have nothing.
    sign = sign or ("" if tile.looked_at else "·")
    return f"{'▶' if tile.current else ''}{sign}{' ' if sign or tile.current else ''}"
