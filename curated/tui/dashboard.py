"""The dashboard: the daemon and the library live, looked at each second away from the thread that draws."""

from __future__ import annotations

import sqlite3
import time
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from curated.domain import Status
from curated.errors import CuratedError
from curated.files import RealDisk
from curated.filing import Filer
from curated.review import Review
from curated.state.daemon import ask_to_retry
from curated.state.store import Store
from curated.tui import dashboard_panels as panels
from curated.tui.base import SideScreen
from curated.tui.dashboard_look import Looker, Looks, Snapshot
from curated.tui.dashboard_panels import Draw
from curated.tui.keys import bindings, first_key
from curated.tui.words import plain

if TYPE_CHECKING:
    from curated.tui.app import ReviewApp

_WIDE = 120


class Looked(Message):
    """A look is over; a newer one makes it worthless."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Looked)


class Retried(Message):
    """What failed was given to the daemon again: so many were taken, and what happens next."""

    def __init__(self, text: str, *, well: bool) -> None:
        super().__init__()
        self.text = text
        self.well = well


class Panel(Widget):
    """One part of the dashboard; it is drawn anew only where its text is another."""

    def __init__(self, name: str, title: str, draw: Draw) -> None:
        super().__init__(id=name)
        self.border_title = title
        self._draw = draw
        self._snapshot: Snapshot | None = None
        self._drawn: Content | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Show that moment."""
        self._snapshot = snapshot
        content = self._content()
        if self._drawn is None or content.plain != self._drawn.plain or content.spans != self._drawn.spans:
            self.refresh()

    def render(self) -> Content:
        self._drawn = self._content()
        return self._drawn

    def _content(self) -> Content:
        if self._snapshot is None or not self.size.width:
            return Content("")
        return self._draw(self._snapshot, self.size.width, self.size.height)


class DashboardScreen(SideScreen):
    """The daemon and the library at a glance."""

    CSS_PATH = "dashboard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("retry"),
        Binding("escape", "close", "back", show=False),
    ]

    def __init__(self, looker: Looks | None = None) -> None:
        super().__init__()
        self._given = looker
        self._retrying = False

    def compose(self) -> ComposeResult:
        yield Static("", id="title", markup=False)
        with Container(id="columns"):
            with Vertical(classes="column"):
                yield Panel("daemon", "Daemon", panels.daemon)
                yield Panel("rate", "Filed per minute", panels.rate)
                yield Panel("last", "Filed last", panels.last_filed)
            with Container(id="right"):
                with Vertical(classes="column"):
                    yield Panel("library", "Library", panels.library)
                    yield Panel("taste", "Taste", panels.taste)
                with Vertical(classes="column"):
                    yield Panel("failed", "Failed", panels.failed)
                    yield Panel("decisions", "Decisions", panels.decisions)
                    yield Panel("health", "Health", panels.health)
        yield Static("", id="foot", markup=False)

    @cached_property
    def _looker(self) -> Looks:
        review = self._review
        return self._given or Looker(review.config, review.database, review.clock, time.monotonic)

    def on_mount(self) -> None:
        keys = self._review.config.review.keys
        self.query_one("#title", Static).update(Content("curated · the daemon and the library"))
        retry, back, known = (first_key(keys, action) for action in ("retry", "dashboard", "help"))
        foot = f"{retry} try failed ones again   {back} or Esc back to the review   {known} keys"
        self.query_one("#foot", Static).update(Content(foot))
        self._look()
        self.set_interval(1.0, self._look)

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width >= _WIDE, "-wide")

    def on_screen_resume(self) -> None:
        self._looker.forget()

    # -- looking -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        # A look that takes longer than a second is let finish; the next turn comes soon enough.
        if self.is_current and not any(worker.group == "look" and worker.is_running for worker in self.workers):
            self._look_now()

    @work(thread=True, group="look", exit_on_error=False)
    def _look_now(self) -> None:
        try:
            self.post_message(Looked(self._looker.look()))
        except (sqlite3.Error, CuratedError) as error:
            self.app.call_from_thread(self._trouble, str(error))

    def _trouble(self, text: str) -> None:
        self.query_one("#title", Static).update(Content(f"the database cannot be read just now: {plain(text)}"))

    def on_looked(self, message: Looked) -> None:
        """Show what was seen."""
        snapshot = message.snapshot
        failed, waiting = len(snapshot.failed), len(snapshot.waiting)
        self.query_one("#title", Static).update(Content("curated · the daemon and the library"))
        retry = first_key(self._review.config.review.keys, "retry")
        self.query_one("#failed", Panel).border_title = (
            f"Failed · {retry} tries again" if failed or waiting else "Failed"
        )
        for panel in self.query(Panel):
            panel.show(snapshot)

    # -- keys --------------------------------------------------------------------------------------------

    def action_close(self) -> None:
        self.app.pop_screen()

    def action_retry(self) -> None:
        if self._retrying:
            return
        self._retrying = True
        self._retry()

    @work(thread=True, group="retry", exit_on_error=False)
    def _retry(self) -> None:
        review = self._review
        try:
            text, well = self._tried_again(review)
        except CuratedError as error:
            text, well = str(error), False
        self.post_message(Retried(text, well=well))

    def _tried_again(self, review: ReviewApp) -> tuple[str, bool]:
        store, folders = Store(review.database), review.config.folders
        filer = Filer(review.database, RealDisk(), roots=[folders.library_path, folders.unsorted_path])
        failed, waiting = list(store.with_status(Status.FAILED)), store.attempts()
        results = list(Review(review.config, filer).retry(failed, waiting))
        taken = sum(result.taken for result in results)
        if not results:
            return "Nothing failed or waits: there is nothing to try again.", True
        refused = [result for result in results if not result.taken]
        if refused:
            why = f"{len(refused):,} cannot be tried again: {refused[0].path.name}: {refused[0].detail}"
            if not taken:
                return why, False
        pid = ask_to_retry(store, folders.state_path)
        next_step = "the daemon files them now" if pid else "`curated run` files them, for no daemon is running"
        many = "1 file is" if taken == 1 else f"{taken:,} files are"
        return " ".join([f"{many} tried again: {next_step}.", *([why] if refused else [])]), not refused

    def on_retried(self, message: Retried) -> None:
        """Say what became of it, and look again."""
        self._retrying = False
        say = self._review.say if message.well else self._review.complain
        say(plain(message.text))
        self._looker.forget()
        self._look()
