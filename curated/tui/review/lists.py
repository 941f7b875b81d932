"""How the review's lists are read: the first page at once, the rest and all counting away from the UI's thread."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from textual import getters
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from curated.domain import Status
from curated.errors import CuratedError, NotFound
from curated.state.queue import Filter, Order, Reviewed
from curated.tui.app import ReviewApp
from curated.tui.sitting import FIRST_PAGE, Sitting

Found = TypeVar("Found")

_LIKE, _HITS = 300, 2000
_COUNT_SECONDS = 3.0
# A picture is filed at a moment, and its row seen a little later.
_OVERLAP = timedelta(seconds=60)
ORDER_WORDS: dict[Order, str] = {
    "new": "newest first",
    "date": "by date ↓",
    "keep": "keep ↓",
    "least": "keep ↑",
    "uncertain": "uncertain first",
}


class Arrived(Message):
    """Something that was read in another thread."""

    def __init__(self, take: Callable[[], None]) -> None:
        super().__init__()
        self.take = take


class Lists(Screen[None]):
    """A screen that goes through the sitting's list; the one below it shows what is under the cursor."""

    app = getters.app(ReviewApp)

    def __init__(self) -> None:
        super().__init__()
        self._loading = 0
        self._version = -1
        self._counting = self._count_again = False
        self._count_soon: Timer | None = None

    @property
    def sitting(self) -> Sitting:
        """The application's."""
        return self.app.sitting

    def show_current(self) -> None:
        """Show what is under the cursor, as its row is now."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """A short word on what was just done."""
        raise NotImplementedError

    def forget_known(self) -> None:
        """Somebody changed something: what was read before may be wrong."""
        raise NotImplementedError

    def aside(self, read: Callable[[], Found], take: Callable[[Found], None]) -> None:
        """Read in another thread, then take what was found in this one."""

        def run() -> None:
            try:
                found = read()
            except (CuratedError, sqlite3.Error) as error:
                words = str(error)
                self.post_message(Arrived(lambda: self.app.complain(words)))
            else:
                self.post_message(Arrived(lambda: take(found)))

        self.run_worker(run, thread=True)

    def on_arrived(self, message: Arrived) -> None:
        message.stop()
        message.take()

    # -- the queue ---------------------------------------------------------------------------------------

    def load(self) -> None:
        """The queue by the present filter and order: what comes first at once, the rest as soon as it is read."""
        sitting, queue = self.sitting, self.app.queue
        self._loading += 1
        serial, which, order, read_at = self._loading, sitting.which, sitting.order, self.app.clock()
        try:
            first = queue.ids(which, order, FIRST_PAGE)
        except sqlite3.Error as error:
            self.app.complain(str(error))
            return
        sitting.load(first, whole=len(first) < FIRST_PAGE, read_at=read_at)
        self.show_current()

        def take(ids: Sequence[int]) -> None:
            if serial == self._loading:
                sitting.complete(ids)
                self.show_current()

        if not sitting.listing.whole:
            self.aside(lambda: array("q", queue.ids(which, order)), take)
        self.count()

    def action_refresh(self) -> None:
        """Read the list anew: sorted by the present scores, without what is decided, with what was filed meanwhile."""
        sitting, queue = self.sitting, self.app.queue
        self._loading += 1
        serial, which, order, read_at = self._loading, sitting.which, sitting.order, self.app.clock()

        def take(ids: list[int]) -> None:
            if serial == self._loading:
                sitting.reload(ids, read_at=read_at)
                self.show_current()
                self.say(f"{len(ids):,} pictures, {ORDER_WORDS[order]}")

        self.aside(lambda: queue.ids(which, order), take)
        self.count()

    def count(self) -> None:
        """Count what is done; once more, if it is being counted already."""
        if self._counting:
            self._count_again = True
            return
        self._counting, self._count_again = True, False
        if self._count_soon is not None:
            self._count_soon.stop()
            self._count_soon = None
        which, queue, changes = self.sitting.which, self.app.queue, self.sitting.changes

        def read() -> Reviewed:
            try:
                found = queue.reviewed(which)
                if which.status is None:
                    # What was put into the trash is done, and no less of the work.
                    trashed = queue.reviewed(replace(which, status=Status.TRASHED)).total
                    found = Reviewed(found.done + trashed, found.total + trashed)
                return found
            finally:
                self._counting = False

        def take(found: Reviewed) -> None:
            sitting = self.sitting
            if which != sitting.which or self._count_again:
                self.count()
            elif changes != sitting.changes and sitting.reviewed is not None:
                self.count_soon()
            else:
                sitting.reviewed = found
                self.show_progress()
                if sitting.current is None:
                    self.show_current()

        self.aside(read, take)

    def count_soon(self) -> None:
        """Count some seconds after others did something: what is decided here is counted as it happens."""
        if self._count_soon is None:
            self._count_soon = self.set_timer(_COUNT_SECONDS, self.count)

    def show_progress(self) -> None:
        """Show how far the person has come."""
        raise NotImplementedError

    def poll(self) -> None:
        """See what other programs did meanwhile: once a second, and only if they did anything."""
        try:
            version = int(self.app.database.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:  # it is asked again in a second, and whatever is read meanwhile says so
            return
        if version == self._version:
            return
        self._version = version
        self.forget_known()
        self.show_current()
        sitting, queue = self.sitting, self.app.queue
        serial, which, since = self._loading, sitting.which, sitting.queue.read_at - _OVERLAP
        now = self.app.clock()

        def take(ids: list[int]) -> None:
            if serial != self._loading:
                return
            sitting.queue.read_at = now
            if sitting.append(ids):
                self.show_current()

        self.aside(lambda: queue.filed_since(which, since), take)
        self.count_soon()

    # -- other lists -------------------------------------------------------------------------------------

    def action_sort(self) -> None:
        if self.sitting.side_list:
            self.say("This list has its own order; Esc goes back to the queue.")
            return
        self.sitting.next_order()
        self.load()
        self.say(f"Sorted: {ORDER_WORDS[self.sitting.order]}")

    def set_filter(self, which: Filter | None) -> None:
        """Show what the filter dialog answered."""
        if which is not None:
            self.sitting.which = which
            self.sitting.reviewed = None
            self.load()

    def find(self, query: str | None) -> None:
        """Show what the words find."""
        if not query:
            return
        store, queue = self.app.desk.store, self.app.queue

        def read() -> list[int]:
            found = [photo.id for photo, _ in store.search(query, _HITS)]
            return queue.like(found, Filter(unreviewed=False))

        self.aside(read, lambda ids: self._enter(f"search “{query}”", ids, f"Nothing matches “{query}”."))

    def action_like(self) -> None:
        photo_id = self.sitting.current
        if photo_id is None:
            return
        app = self.app
        try:
            name = app.desk.store.get(photo_id).name
        except NotFound:
            return

        def read() -> list[int]:
            from curated.tui.review.nearest import nearest

            near = nearest(app.config, app.database, photo_id, _LIKE)
            found = app.queue.like([each for each, _ in near], Filter(unreviewed=False))
            return [photo_id, *found] if found else []

        self.aside(
            read,
            lambda ids: self._enter(f"like “{name}”", ids, "Nothing is known that looks like it."),
        )

    def _enter(self, title: str, ids: list[int], nothing: str) -> None:
        if not ids:
            self.say(nothing)
            return
        self.sitting.enter(title, ids)
        self.show_current()
        self.say(f"{len(ids):,} pictures: {title}")


def filter_words(which: Filter) -> str:
    """The filter in words."""
    bare = replace(which, unreviewed=True)
    parts = [which.category, which.kind, which.status.value if which.status else None]
    if not which.unreviewed:
        parts.append("decided or not")
    elif bare == Filter():
        parts.append("unreviewed")
    return " · ".join(part for part in parts if part)
