"""The list of what is in the trash: one line a picture, drawn only where it is on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from curated.state.overview import InTrash
from curated.tui.dashboard_look import age
from curated.tui.review.panel import MARKED
from curated.tui.words import fitting, plain, size_in_words

GOING_BACK = "going back"


class TrashList(Widget):
    """Pictures in the trash, with a cursor and marks that stay with their pictures."""

    class Moved(Message):
        """The cursor is on another picture, or the list is another."""

    COMPONENT_CLASSES = {"list--current", "list--marked", "list--low"}  # noqa: RUF012 - Textual's own way

    def __init__(self) -> None:
        super().__init__(id="list")
        self.rows: Sequence[InTrash] = ()
        self.marked: set[int] = set()
        self._going_back: Set[int] = frozenset()
        self._now: datetime | None = None
        self._place = 0
        self._top = 0
        self._anchor: int | None = None

    @property
    def current(self) -> InTrash | None:
        """The picture under the cursor."""
        return self.rows[self._place] if self.rows else None

    @property
    def place(self) -> int:
        """Where the cursor is, from 0."""
        return self._place

    @property
    def subjects(self) -> list[int]:
        """What a key is about: all that are marked, in the list's order, else the picture under the cursor."""
        if self.marked:
            return [row.photo_id for row in self.rows if row.photo_id in self.marked]
        return [self.current.photo_id] if self.current else []

    def load(self, rows: Sequence[InTrash], on_their_way: Mapping[int, bool], now: datetime) -> None:
        """Show these; the cursor and the marks stay with their pictures where those are still there."""
        before = self.current
        self.rows, self._now = rows, now
        self._going_back = {photo_id for photo_id, into_trash in on_their_way.items() if not into_trash}
        there = {row.photo_id: place for place, row in enumerate(rows)}
        self.marked &= there.keys()
        place = there.get(before.photo_id) if before else 0
        self._place = min(self._place if place is None else place, max(0, len(rows) - 1))
        self._moved()

    def is_going_back(self, photo_id: int) -> bool:
        """Whether the picture was restored and its file has still to follow."""
        return photo_id in self._going_back

    def go(self, place: int) -> None:
        """Move the cursor there, or as far as the list goes."""
        self._place = max(0, min(place, len(self.rows) - 1))
        self._moved()

    def toggle_mark(self) -> None:
        """Mark the picture under the cursor, or no longer."""
        if self.current is not None:
            self.marked ^= {self.current.photo_id}
            self._anchor = self.current.photo_id
            self._moved()

    def mark_range(self) -> None:
        """Mark everything from the picture that was marked last to the one under the cursor."""
        places = {row.photo_id: place for place, row in enumerate(self.rows)}
        first, last = sorted((places.get(self._anchor or 0, self._place), self._place))
        self.marked |= {row.photo_id for row in self.rows[first : last + 1]}
        self._moved()

    def mark_shown(self) -> None:
        """Mark all that are on the screen."""
        self.marked |= {row.photo_id for row in self.rows[self._top : self._top + self.size.height]}
        self._moved()

    def clear_marks(self) -> bool:
        """Whether any picture was marked; none is any longer."""
        had = bool(self.marked)
        self.marked.clear()
        self._anchor = None
        self._moved()
        return had

    def on_resize(self) -> None:
        self._moved()

    def _moved(self) -> None:
        height = max(1, self.size.height)
        self._top = max(0, min(max(self._top, self._place - height + 1), self._place, max(0, len(self.rows) - height)))
        self.refresh()
        self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        width, place = self.size.width, self._top + y
        if place >= len(self.rows) or self._now is None:
            return Strip.blank(width, self.rich_style)
        row = self.rows[place]
        marked, current = row.photo_id in self.marked, place == self._place
        lead = f"{'▶' if current else ' '}{MARKED if marked else ' '} "
        style = self.rich_style
        if marked:
            style = self.get_component_rich_style("list--marked")
        if current:
            style = self.get_component_rich_style("list--current") + (Style(bold=True) if marked else Style())
        low = style if current else style + self.get_component_rich_style("list--low", partial=True)
        when = age(row.since, self._now) if row.since else "by hand"
        when = GOING_BACK if self.is_going_back(row.photo_id) else when
        right = f"{when:>10} {size_in_words(row.size):>10}"
        category = fitting(plain(row.category), 16) if width >= 70 else ""
        room = max(4, width - cell_len(lead) - cell_len(right) - (18 if category or width >= 70 else 1))
        name = fitting(plain(row.file.name), room)
        gap = " " * (room - cell_len(name) + 1)
        middle = category + " " * (17 - cell_len(category)) if width >= 70 else ""
        strip = Strip([Segment(lead + name + gap, style), Segment(middle + right, low)])
        return strip.adjust_cell_length(width, style)
