"""What is in the trash, since when and how large; brings back what is chosen, and deletes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.widgets import Static

from curated.errors import NotFound
from curated.state.decisions import Action
from curated.state.overview import InTrash
from curated.tui.base import SideScreen
from curated.tui.dashboard_look import age
from curated.tui.keys import bindings, first_key
from curated.tui.picture import PictureView
from curated.tui.trash_list import TrashList
from curated.tui.words import plain, said, shown_path, size_in_words

if TYPE_CHECKING:
    from curated.tui.app import Changed

_AGAIN_SECONDS = 2.0
_EMPTY = "`curated trash empty`"


class Read(Message):
    """The trash was read; what was read earlier is worthless then."""

    def __init__(self, rows: Sequence[InTrash], on_their_way: Mapping[int, bool]) -> None:
        super().__init__()
        self.rows = rows
        self.on_their_way = on_their_way

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Read)


class TrashScreen(SideScreen):
    """The trash as a list, with the picture under the cursor beside it."""

    CSS_PATH = "trash_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("first", "last", "page_down", "page_up", "keep", "undecided", "confirm", "trash"),
        *bindings("mark", "mark_range", "mark_all", "clear"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._read_once = False
        self._stamp: object = None
        self._word = ""
        self._wanted_again = False

    @property
    def _list(self) -> TrashList:
        return self.query_one(TrashList)

    def compose(self) -> ComposeResult:
        yield Static("", id="title", markup=False)
        yield Static("", id="note", markup=False)
        with Horizontal(id="middle"):
            yield TrashList()
            with Vertical(id="side"):
                yield Static("", id="about", markup=False)
                yield PictureView()
        yield Static("", id="empty", markup=False)
        yield Static("", id="word", markup=False)
        yield Static("", id="foot", markup=False)

    def on_mount(self) -> None:
        keys = self._review.config.review.keys
        self.query_one("#note", Static).update(
            Content(
                f"Nothing here is deleted, and nothing empties the trash by itself: all stays until you run {_EMPTY}."
            )
        )
        key = {name: first_key(keys, name) for name in ("confirm", "keep", "mark", "mark_range", "undo", "trashed")}
        foot = (
            f"{key['confirm']} restore  {key['keep']} restore and keep  {key['mark']} {key['mark_range']} mark  "
            f"{key['undo']} undo  {key['trashed']} or Esc back"
        )
        self.query_one("#foot", Static).update(Content(foot))
        self.query_one("#empty", Static).update(
            Content(
                "The trash is empty.\n\n"
                f"What you trash with {first_key(keys, 'trash')} in the review comes here and can be brought back\n"
                f"until {_EMPTY} removes it for good. Nothing does that by itself."
            )
        )
        self._draw()
        self._read()
        self.set_interval(_AGAIN_SECONDS, self._read)

    # -- reading -----------------------------------------------------------------------------------------

    def _read(self) -> None:
        if any(worker.group == "read" and worker.is_running for worker in self.workers):
            self._wanted_again = True
            return
        self._wanted_again = False
        self._read_now()

    @work(thread=True, group="read", exit_on_error=False)
    def _read_now(self) -> None:
        try:
            stamp = (self._overview.trashed_count(), on_their_way := self._overview.on_their_way())
            if stamp == self._stamp:
                return
            rows = self._overview.trashed()
        except sqlite3.Error as error:
            self.app.call_from_thread(self.say, f"The trash cannot be read just now: {error}")
            return
        self._stamp = stamp
        self.post_message(Read(rows, on_their_way))

    def on_read(self, message: Read) -> None:
        """Show what was read."""
        self._read_once = True
        self._list.load(message.rows, message.on_their_way, self._review.clock())
        self._draw()
        if self._wanted_again:
            self._read()

    def on_changed(self, message: Changed) -> None:
        """A decision was made or carried out: read anew."""
        if message.photo_ids:
            self._read()

    # -- what is shown -----------------------------------------------------------------------------------

    def _draw(self) -> None:
        rows = self._list.rows
        self.set_class(self._read_once and not rows, "-empty")
        size = sum(row.size for row in rows)
        many = "1 picture" if len(rows) == 1 else f"{len(rows):,} pictures"
        parts = ["Trash", f"{many}, {size_in_words(size)} in all"] if self._read_once else ["Trash", "reading…"]
        if rows:
            parts.append(f"{self._list.place + 1:,} of {len(rows):,}")
        if self._list.marked:
            parts.append(f"{len(self._list.marked):,} marked")
        self.query_one("#title", Static).update(Content(" · ".join(parts)))
        self.query_one("#word", Static).update(Content(self._word))
        self._draw_current()

    def _draw_current(self) -> None:
        row, view, about = self._list.current, self.query_one(PictureView), self.query_one("#about", Static)
        if row is None:
            view.show(None, None)
            about.update("")
            return
        try:
            photo = self._review.desk.store.get(row.photo_id)
        except NotFound:  # forgotten between two looks
            return
        view.show(photo, photo.path)
        lines = [plain(row.file.name)]
        back = self._overview.came_from(row.photo_id)
        if self._list.is_going_back(row.photo_id):
            lines.append("Restored: its file is on its way back.")
        elif back is not None:
            library = self._review.config.folders.library_path
            place = back.parent.relative_to(library) if back.is_relative_to(library) else back.parent
            lines.append(f"from {shown_path(place)}")
        lines += _stay(row, self._review.clock())
        files = f" in {row.files} files" if row.files > 1 else ""
        lines.append(f"{size_in_words(row.size)}{files}")
        about.update(Content("\n".join(lines)))

    @on(TrashList.Moved)
    def moved(self) -> None:
        """The cursor is elsewhere."""
        self._draw()

    def say(self, text: str) -> None:
        """A word on what was just done, until the next key."""
        self._word = plain(text)
        self.query_one("#word", Static).update(Content(self._word))

    # -- keys --------------------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Up and down move in the list, whatever else they are in the review."""
        self._word = ""
        keys = self._review.config.review.keys
        if event.key == "down" or (event.key in keys.next and event.key not in keys.undecided):
            self._list.go(self._list.place + 1)
        elif event.key == "up" or event.key in keys.previous:
            self._list.go(self._list.place - 1)
        else:
            return
        event.stop()

    def action_first(self) -> None:
        self._list.go(0)

    def action_last(self) -> None:
        self._list.go(len(self._list.rows) - 1)

    def action_page_down(self) -> None:
        self._list.go(self._list.place + max(1, self._list.size.height - 1))

    def action_page_up(self) -> None:
        self._list.go(self._list.place - max(1, self._list.size.height - 1))

    def action_mark(self) -> None:
        self._list.toggle_mark()

    def action_mark_range(self) -> None:
        self._list.mark_range()

    def action_mark_all(self) -> None:
        self._list.mark_shown()

    def action_clear(self) -> None:
        if not self._list.clear_marks():
            self.app.pop_screen()

    def action_confirm(self) -> None:
        self._restore("undecided")

    def action_undecided(self) -> None:
        self._restore("undecided")

    def action_keep(self) -> None:
        self._restore("keep")

    def action_trash(self) -> None:
        self.say(f"It is in the trash already. Nothing is deleted here; {_EMPTY} does that.")

    def _restore(self, action: Action) -> None:
        ids = [photo_id for photo_id in self._list.subjects if not self._list.is_going_back(photo_id)]
        if not ids:
            return
        decided = self._review.decide(ids, action)
        if decided is None or decided.step is None:
            return
        self._list.clear_marks()
        undo = first_key(self._review.config.review.keys, "undo")
        number = len(decided.step.photo_ids)
        self.say(f"{said(action, None, number)}: back from the trash. {undo} takes it back.")
        self._read()


def _stay(row: InTrash, now: datetime) -> list[str]:
    """Since when it has been there, and when it would go."""
    if row.since is None:
        return ["put there by hand, nobody knows when:", f"{_EMPTY} leaves it alone"]
    days = max(0, (now - row.since).days)
    since = f"since {row.since.astimezone():%Y-%m-%d} ({age(row.since, now)})"
    longest = f" (--older-than {days}d at most)" if days else ""
    return [since, f"until {_EMPTY}{longest}"]
