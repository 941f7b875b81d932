"""The contact sheet: many pictures at once; only what was on screen is ever confirmed or swept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Key
from textual.widgets import Input, Label, Static

from curated.errors import NotFound
from curated.review import Seen
from curated.review.desk import categories
from curated.state.decisions import Action
from curated.state.queue import Filter
from curated.tui import sheet_words
from curated.tui.base import SideScreen
from curated.tui.keys import bindings, first_key
from curated.tui.sheet_grid import SheetGrid, Tile, landing, step
from curated.tui.sheet_sweep import Sweep, planned, threshold
from curated.tui.sitting import Sitting
from curated.tui.words import said

if TYPE_CHECKING:
    from curated.tui.app import Changed

# A page that was flipped past faster than this was not looked at.
LOOK_SECONDS = 0.25
_PREFETCH_SECONDS = 0.05
_TICK_SECONDS = 0.1


class SheetScreen(SideScreen):
    """The sitting's list as a grid of thumbnails, with the sitting's cursor and marks."""

    CSS_PATH = "sheet.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("first", "last", "page_down", "page_up", "keep", "trash", "undecided", "confirm", "category"),
        *bindings("protect", "mark", "mark_range", "mark_all", "clear", "sweep"),
        *(Binding(str(digit), f"file_as({digit})", show=False) for digit in range(1, 10)),
    ]

    def __init__(self, sitting: Sitting, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.sitting = sitting
        # With the category that was shown, in the order in which they were seen.
        self.looked_at: dict[int, str | None] = {}
        self._clock = clock
        self._shown: tuple[int, ...] = ()
        self._since = 0.0
        self._known: dict[int, Seen | None] = {}
        self._word = ""
        self._here: frozenset[int] = frozenset()
        self._length = 0

    @property
    def _grid(self) -> SheetGrid:
        return self.query_one(SheetGrid)

    def compose(self) -> ComposeResult:
        yield Static("", id="title", markup=False)
        yield SheetGrid()
        yield Static("", id="empty", markup=False)
        yield Static("", id="word", markup=False)
        with Horizontal(id="sweep"):
            yield Label("Trash all below (% keep score)", markup=False)
            yield Input(id="threshold", max_length=5, select_on_focus=False)
            yield Static("", id="promise", markup=False)
        yield Static("", id="foot", markup=False)

    def on_mount(self) -> None:
        self.set_interval(_TICK_SECONDS, self._look)
        self._draw()

    def on_resize(self) -> None:
        self._draw_words()

    @on(SheetGrid.Shaped)
    def shaped(self) -> None:
        """The grid has room for another number of pictures."""
        self._draw()

    @on(SheetGrid.Chosen)
    def chosen(self, message: SheetGrid.Chosen) -> None:
        """Put the cursor where somebody clicked."""
        if self.sitting.go_to(message.photo_id):
            self._draw()

    def on_screen_resume(self) -> None:
        self._known.clear()
        self._draw()

    # -- what is shown -----------------------------------------------------------------------------------

    @property
    def page(self) -> list[int]:
        """The ids on the screen now."""
        start = self.sitting.position // self._grid.places * self._grid.places
        return list(self.sitting.ids[start : start + self._grid.places])

    def _draw(self) -> None:
        if not self.is_mounted or not self.query(SheetGrid):
            return
        self._length = len(self.sitting.ids)
        empty = not self._length
        self.set_class(empty, "-empty")
        page = self.page
        if tuple(page) != self._shown:
            self._shown, self._since = tuple(page), self._clock()
            self.set_timer(_PREFETCH_SECONDS, self._prefetch)
        if len(self._known) > 20 * self._grid.places:
            self._known.clear()
        self._grid.show([self._tile(photo_id) for photo_id in page])
        if empty:
            inviting = sheet_words.inviting(self._review.config.review.keys)
            self.query_one("#empty", Static).update(Content(inviting))
        self._draw_words()

    def _tile(self, photo_id: int) -> Tile:
        return Tile(
            photo_id,
            self._seen(photo_id),
            current=photo_id == self.sitting.current,
            marked=photo_id in self.sitting.marked,
            looked_at=photo_id in self.looked_at,
        )

    def _seen(self, photo_id: int) -> Seen | None:
        if photo_id not in self._known:
            try:
                self._known[photo_id] = self._review.desk.see(photo_id)
            except NotFound:
                self._known[photo_id] = None
        return self._known[photo_id]

    def _look(self) -> None:
        """Take note of what has been on the screen for long enough, as a picture and not as a promise of one."""
        if len(self.sitting.ids) != self._length:  # the rest of the list has come
            self._draw()
        if self.app.screen is not self or not self._grid.is_readable:
            self._since = self._clock()
            return
        if self._clock() - self._since < LOOK_SECONDS:
            return
        new: dict[int, str | None] = {}
        for photo_id in self._shown:
            seen = self._known.get(photo_id)
            if seen is None or self.looked_at.get(photo_id, "") == seen.photo.category:
                continue
            if self._review.pictures.ready(seen.photo, 1) is not None:
                new[photo_id] = seen.photo.category
        if new:
            self.looked_at.update(new)
            self._draw()

    def _prefetch(self) -> None:
        if not self.is_mounted or tuple(self.page) != self._shown or not self._grid.side:
            return
        places = self._grid.places
        start = self.sitting.position // places * places
        following = self.sitting.ids[start + places : start + 2 * places]
        self._fetch([*following, *self.sitting.ids[max(0, start - places) : start]], self._grid.side)

    @work(thread=True, group="prefetch", exclusive=True)
    def _fetch(self, ids: Sequence[int], side: int) -> None:
        wanted = []
        for photo_id in ids:
            try:
                seen = self._review.desk.see(photo_id)
            except NotFound:
                continue
            wanted.append((seen.photo, seen.file))
        self._review.pictures.prefetch(wanted, side)

    # -- words -------------------------------------------------------------------------------------------

    def _draw_words(self) -> None:
        if not self.is_mounted:
            return
        current = self.sitting.current
        seen = self._seen(current) if current is not None else None
        title = sheet_words.title(self.sitting, len(self.looked_at), self.size.width - 2)
        self.query_one("#title", Static).update(title)
        self.query_one("#word", Static).update(Content(self._word or sheet_words.about(seen)))
        self.query_one("#foot", Static).update(Content(sheet_words.foot(self._review.config.review.keys)))

    def say(self, text: str) -> None:
        """A word on what was just done, until the next key."""
        self._word = text
        self._draw_words()

    # -- moving ------------------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Arrows, hjkl and whatever the configuration has for the next and the previous picture move in the grid."""
        if isinstance(self.focused, Input):
            return
        self._word = ""
        by = step(event.key, self._review.config.review.keys, self._grid.columns)
        if by:
            event.stop()
            self._go(landing(self.sitting.position, by, self._grid.columns, len(self.sitting.ids)))

    def _go(self, place: int) -> None:
        if self.sitting.go(place):
            self._draw()

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self.sitting.ids) - 1)

    def action_page_down(self) -> None:
        self._go(self.sitting.position + self._grid.places)

    def action_page_up(self) -> None:
        self._go(self.sitting.position - self._grid.places)

    # -- marks -------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        self.sitting.toggle_mark()
        self._draw()

    def action_mark_range(self) -> None:
        self.sitting.mark_range()
        self._draw()

    def action_mark_all(self) -> None:
        self.sitting.mark(self.page)
        self._draw()

    def action_clear(self) -> None:
        if self.has_class("-sweeping"):
            self._end_sweep()
        elif self.sitting.clear_marks():
            self._draw()
        else:
            self.app.pop_screen()

    # -- decisions ---------------------------------------------------------------------------------------

    def action_keep(self) -> None:
        self._decide(self.sitting.subjects, "keep")

    def action_trash(self) -> None:
        self._decide(self.sitting.subjects, "trash")

    def action_undecided(self) -> None:
        self._decide(self.sitting.subjects, "undecided")

    def action_protect(self) -> None:
        ids = self.sitting.subjects
        bare = [photo_id for photo_id in ids if (seen := self._seen(photo_id)) and not seen.photo.protected]
        self._decide(bare or ids, "protect" if bare else "unprotect")

    def action_file_as(self, digit: int) -> None:
        rules = self._review.config.category
        if digit <= len(rules):
            self._decide(self.sitting.subjects, "file", rules[digit - 1].name)
        else:
            self.say(f"No category has the digit {digit}.")

    @work
    async def action_category(self) -> None:
        from curated.tui.dialogs import PickerScreen

        ids = self.sitting.subjects
        if not ids:
            return
        seen = self._seen(ids[0])
        known = list(categories(self._review.config, self._review.database))
        chosen = await self.app.push_screen_wait(PickerScreen(known, seen.photo.category if seen else None))
        if chosen:
            self._decide(ids, "file", chosen)

    def action_confirm(self) -> None:
        """Confirm the category of every picture that was on screen and is not marked, as one step."""
        sitting = self.sitting
        marked = sitting.marked
        found = self._overview.to_confirm({each: was for each, was in self.looked_at.items() if each not in marked})
        for photo_id in found.changed:
            # By the daemon, behind this screen: what it is now has to be seen first.
            self._known.pop(photo_id, None)
            del self.looked_at[photo_id]
        rest = {
            "not shown yet": len(sitting.ids) - len(self.looked_at),
            "marked": len(marked),
            f"without a category in {self._review.config.folders.review}": found.without_category,
        }
        left = ", ".join(f"{number:,} {what}" for what, number in rest.items() if number)
        if not found.ids:
            self._draw()
            self.say(f"Nothing that was shown is left to confirm{f' ({left})' if left else ''}.")
            return
        self._decide(found.ids, "confirm", after=f"; left as they are: {left}" if left else "", keep_marks=True)

    def _decide(
        self,
        ids: Sequence[int],
        action: Action,
        argument: str | None = None,
        *,
        after: str = "",
        keep_marks: bool = False,
    ) -> None:
        if not ids:
            return
        newly = self._review.queue.like(ids, Filter())
        decided = self._review.decide(ids, action, argument)
        if decided is None or decided.step is None:
            return
        if action in ("keep", "trash", "confirm", "file"):
            took_part = set(decided.step.photo_ids)
            self.sitting.count_decided(len(took_part), sum(photo_id in took_part for photo_id in newly))
        if not keep_marks:
            self.sitting.clear_marks()
        for photo_id in decided.step.photo_ids:
            self._known.pop(photo_id, None)
        self._draw()
        undo = first_key(self._review.config.review.keys, "undo")
        text = said(action, decided.step.argument, len(decided.step.photo_ids))
        self.say(f"{text}{after}. {undo} takes it back.")

    def on_changed(self, message: Changed) -> None:
        """Rows are others now: read those that are shown anew."""
        for photo_id in message.photo_ids:
            self._known.pop(photo_id, None)
        if message.undone is not None:
            self.sitting.go_to(message.undone)
        self._draw()

    # -- the sweep ---------------------------------------------------------------------------------------

    def action_sweep(self) -> None:
        if not self.sitting.ids:
            return
        self.add_class("-sweeping")
        self._here = frozenset(self.sitting.ids)
        entry = self.query_one("#threshold", Input)
        entry.value = ""
        entry.focus()
        self._promise()

    def _end_sweep(self) -> None:
        self.remove_class("-sweeping")
        self.set_focus(None)

    @on(Input.Changed, "#threshold")
    def _promise(self) -> None:
        """Say, before anything is done, what the sweep would do."""
        text = self.query_one("#threshold", Input).value
        percent = threshold(text)
        if percent is None:
            words = "type a number from 0 to 100, then Enter; Esc ends it" if not text else f"{text!r} is no number"
        else:
            words = self._sweep(percent).promise
        self.query_one("#promise", Static).update(Content(words))

    @on(Input.Submitted, "#threshold")
    def _sweep_now(self) -> None:
        percent = threshold(self.query_one("#threshold", Input).value)
        if percent is None:
            return
        sweep = self._sweep(percent)
        self._end_sweep()
        if not sweep.ids:
            self.say(sweep.promise)
            return
        self._decide(sweep.ids, "trash", after=sweep.left, keep_marks=True)

    def _sweep(self, percent: float) -> Sweep:
        below = self._overview.scored_below(percent / 100)
        return planned(below, self._here, self.looked_at.keys(), self.sitting.marked.keys())
