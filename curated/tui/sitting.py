"""A sitting: the list that is gone through, where the person is in it, what is marked, and how fast it goes. Pure."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from curated.state.queue import ORDERS, Filter, Order, Reviewed

FIRST_PAGE = 200
PAGE = 10
# The rate is that of the last minutes: a coffee break is forgotten.
_RATE_SECONDS = 600.0
_LEAST_SECONDS = 5.0


@dataclass(slots=True)
class Listing:
    """Ids in an order, and the place in it; `title` says what it is where it is no filter's queue ("like #12").

    `whole` says that all of it was read; `read_at` when, so that what is filed later can be asked for.
    """

    ids: array[int] = field(default_factory=lambda: array("q"))
    position: int = 0
    title: str = ""
    whole: bool = True
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def current(self) -> int | None:
        """The id under the cursor; None where the list is empty."""
        return self.ids[self.position] if self.ids else None


class Sitting:
    """One person's way through the pictures. Every change of the list keeps the picture under the cursor."""

    def __init__(self, *, auto_advance: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.which = Filter()
        self.order: Order = ORDERS[0]
        self.auto_advance = auto_advance
        self.marked: dict[int, None] = {}
        self.reviewed: Reviewed | None = None
        self.changes = 0  # how often something was decided: what was counted before is no longer right
        self._clock = clock
        self._anchor: int | None = None
        self._listings = [Listing()]
        self._decided: deque[tuple[float, int]] = deque()
        self._started = clock()

    # -- the list ----------------------------------------------------------------------------------------

    @property
    def listing(self) -> Listing:
        """The list that is gone through now."""
        return self._listings[-1]

    @property
    def queue(self) -> Listing:
        """The list of the filter, below whatever list is gone through for a while."""
        return self._listings[0]

    @property
    def ids(self) -> array[int]:
        """The ids of that list."""
        return self.listing.ids

    @property
    def position(self) -> int:
        """The place of the cursor in it, from 0."""
        return self.listing.position

    @property
    def current(self) -> int | None:
        """The id under the cursor; None where the list is empty."""
        return self.listing.current

    @property
    def side_list(self) -> bool:
        """Whether what is shown is a search or likenesses, from which `leave` goes back."""
        return len(self._listings) > 1

    def load(self, ids: Iterable[int], *, whole: bool, read_at: datetime | None = None) -> None:
        """Begin the queue anew with these ids, of which `complete` brings the rest where they are not the `whole`."""
        self._listings = [Listing(array("q", ids), whole=whole, read_at=read_at or datetime.now(UTC))]
        self.clear_marks()

    def complete(self, ids: Sequence[int]) -> None:
        """All ids of the queue; what is in the list already stays where it is."""
        queue = self.queue
        if queue.whole:
            return
        there = len(queue.ids)
        if array("q", ids[:there]) == queue.ids:  # nothing has changed meanwhile: no need to look each one up
            queue.ids.extend(ids[there:] if isinstance(ids, array) else array("q", ids[there:]))
        else:
            known = set(queue.ids)
            queue.ids.extend(each for each in dict.fromkeys(ids) if each not in known)
        queue.whole = True

    def append(self, ids: Iterable[int]) -> int:
        """Put pictures filed meanwhile at the end of the queue; how many were new."""
        queue, ids = self.queue, list(ids)
        known = set(queue.ids) if ids else set[int]()
        new = [each for each in dict.fromkeys(ids) if each not in known]
        queue.ids.extend(new)
        return len(new)

    def reload(self, ids: Sequence[int], *, read_at: datetime | None = None) -> None:
        """The queue anew, in its present order; the cursor stays on its picture, or near its place if it is gone."""
        before, position, marked = self.queue.current, self.queue.position, self.marked.copy()
        self.load(ids, whole=True, read_at=read_at)
        if marked:
            present = set(ids)
            self.mark(each for each in marked if each in present)
        queue = self.queue
        try:
            queue.position = queue.ids.index(before) if before is not None else 0
        except ValueError:
            queue.position = max(0, min(position, len(queue.ids) - 1))

    def enter(self, title: str, ids: Iterable[int]) -> None:
        """Go through another list for a while: what a search found, or what looks alike."""
        self._listings.append(Listing(array("q", ids), title=title))
        self.clear_marks()

    def leave(self) -> bool:
        """Back to the list before; whether there was one."""
        if not self.side_list:
            return False
        self._listings.pop()
        self.clear_marks()
        return True

    def next_order(self) -> Order:
        """The order after the present one, which becomes the present one; the list has to be loaded then."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        return self.order

    # -- moving ------------------------------------------------------------------------------------------

    def go(self, position: int) -> bool:
        """Move the cursor there, or as far as the list goes; whether it moved."""
        listing = self.listing
        wanted = max(0, min(position, len(listing.ids) - 1))
        moved = wanted != listing.position
        listing.position = wanted
        return moved

    def move(self, by: int) -> bool:
        """Move the cursor by so many pictures; whether it moved."""
        return self.go(self.position + by)

    def go_to(self, photo_id: int) -> bool:
        """Move the cursor to that picture; whether it is in the list."""
        listing = self.listing
        # Near the cursor first: that is where it nearly always is.
        near = range(max(0, listing.position - 50), min(len(listing.ids), listing.position + 50))
        for place in near:
            if listing.ids[place] == photo_id:
                listing.position = place
                return True
        try:
            listing.position = listing.ids.index(photo_id)
        except ValueError:
            return False
        return True

    def window(self, before: int, after: int) -> list[int]:
        """The ids around the cursor, its own included."""
        start = max(0, self.position - before)
        return list(self.ids[start : self.position + after + 1])

    # -- marks -------------------------------------------------------------------------------------------

    @property
    def subjects(self) -> list[int]:
        """What a decision is about: all that are marked, else the picture under the cursor."""
        if self.marked:
            return list(self.marked)
        return [] if self.current is None else [self.current]

    def toggle_mark(self, photo_id: int | None = None) -> None:
        """Mark a picture (the one under the cursor), or no longer."""
        chosen = self.current if photo_id is None else photo_id
        if chosen is None:
            return
        if chosen in self.marked:
            del self.marked[chosen]
        else:
            self.marked[chosen] = None
        self._anchor = chosen

    def mark(self, ids: Iterable[int]) -> None:
        """Mark all of these."""
        self.marked.update(dict.fromkeys(ids))

    def mark_range(self) -> None:
        """Mark everything from the picture that was marked last to the one under the cursor."""
        here = self.position
        try:
            start = self.ids.index(self._anchor) if self._anchor is not None else here
        except ValueError:
            start = here
        first, last = sorted((start, here))
        self.mark(self.ids[first : last + 1])
        self._anchor = self.current

    def clear_marks(self) -> bool:
        """Whether any picture was marked; none is any longer."""
        had = bool(self.marked)
        self.marked.clear()
        self._anchor = None
        return had

    # -- progress ----------------------------------------------------------------------------------------

    def count_decided(self, pictures: int, newly: int) -> None:
        """So many pictures were decided on now, of which so many `newly`; negative where it was taken back."""
        self.changes += 1
        if pictures > 0:
            self._decided.append((self._clock(), pictures))
        if self.reviewed is not None:
            done = max(0, min(self.reviewed.total, self.reviewed.done + newly))
            self.reviewed = Reviewed(done, self.reviewed.total)

    @property
    def rate(self) -> float | None:
        """Pictures decided on in a minute, of late; None where there are too few to say."""
        now = self._clock()
        while self._decided and self._decided[0][0] < now - _RATE_SECONDS:
            self._decided.popleft()
        if len(self._decided) < 3:
            return None
        # From the first decision on, not from the start: reading the help is no reviewing.
        seconds = max(_LEAST_SECONDS, now - self._decided[0][0])
        return sum(pictures for _, pictures in self._decided) * 60 / seconds

    def progress(self, cells: int = 200) -> str:
        """ "1,204 of 8,310 · 37/min · 3 h left at this rate", or as much of it as fits."""
        if self.reviewed is None:
            return "counting…"[:cells]
        done = f"{self.reviewed.done:,} of {self.reviewed.total:,}"
        left = self.reviewed.total - self.reviewed.done
        ways = [done, f"{self.reviewed.done:,}/{self.reviewed.total:,}", f"{self.reviewed.done:,}"]
        if not left and self.reviewed.total:
            ways.insert(0, f"{done} · all reviewed")
        elif rate := self.rate:
            pace = f"{done} · {rate:.0f}/min" if rate >= 1 else f"{done} · < 1/min"
            rest = span(left / rate * 60)
            ways = [f"{pace} · {rest} left at this rate", f"{pace} · {rest} left", f"{pace} · {rest}", pace, *ways]
        return next((way for way in ways if len(way) <= cells), "")


def span(seconds: float) -> str:
    """A length of time as people say it: "40 s", "12 min", "3 h", "2 days"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{round(seconds / 3600)} h"
    return f"{round(seconds / 86400):,} days"
