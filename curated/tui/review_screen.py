"""The review itself: one picture large, what is known of it beside it, and what comes next below."""

from __future__ import annotations

import sqlite3
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widgets import Static

from curated.decide import candidates
from curated.domain import Photo, Status
from curated.errors import CuratedError
from curated.review import Seen
from curated.review.desk import categories
from curated.state.rows import reading_from_photo
from curated.tui.app import Changed
from curated.tui.collector import collect_at_rest
from curated.tui.dialogs import AskScreen, FilterScreen, PickerScreen, TextScreen
from curated.tui.keys import bindings, first_key
from curated.tui.picture import PictureView
from curated.tui.review.deciding import Deciding
from curated.tui.review.filmstrip import Filmstrip, Frame
from curated.tui.review.header import footer, header
from curated.tui.review.outside import NoViewer, open_outside
from curated.tui.review.panel import Facts, panel
from curated.tui.review.why import NEAREST, Near, labelled, why_text
from curated.tui.sitting import PAGE
from curated.tui.words import plain

LEAST = (60, 18)
_POLL_SECONDS = 1.0
_SAID_SECONDS = 4.0
_REST_SECONDS, _LONG_REST_SECONDS = 0.2, 1.0
# Prefetched each way: further ahead than back, as people mostly go on.
_AHEAD, _BACK = 8, 3
_KNOWN = 500


class ReviewScreen(Deciding):
    """The screen below all others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("next", "previous", "first", "last", "page_down", "page_up"),
        *bindings("keep", "trash", "undecided", "confirm", "category", "rename", "protect", "advance"),
        *bindings("mark", "mark_range", "mark_all", "clear"),
        *bindings("like", "search", "sort", "filter", "refresh", "full_screen", "open", "why"),
        *(Binding(str(digit), f"file({digit})", show=False) for digit in range(1, 10)),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._hush: Timer | None = None
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="header")
        with Horizontal(id="middle"):
            yield PictureView(id="picture")
            yield Static(id="panel")
        yield Filmstrip(id="film")
        yield Static(id="footer")
        yield Static(id="too-small")

    def on_mount(self) -> None:
        self.load()
        self.set_interval(_POLL_SECONDS, self.poll)

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        small = width < LEAST[0] or height < LEAST[1]
        self.set_class(small, "-small")
        self.set_class(width >= 110, "-wide")
        self.set_class(width >= 150, "-very-wide")
        self.set_class(height >= 34, "-high")
        self.set_class(width < 110 and height >= 40, "-tall")
        self.query_one("#too-small", Static).update(
            f"The terminal is too small: {width} × {height}, {LEAST[0]} × {LEAST[1]} are needed." if small else ""
        )
        self.call_after_refresh(self.show_current)

    def on_screen_resume(self) -> None:
        self.forget_known()
        self.show_current()

    # -- showing -----------------------------------------------------------------------------------------

    def show_current(self) -> None:
        if not self.is_mounted or not self.query("#panel"):
            return
        try:
            self._show()
        except (CuratedError, sqlite3.Error) as error:
            self.app.complain(str(error))

    def _show(self) -> None:
        photo_id = self.sitting.current
        view = self.query_one(PictureView)
        self._seen = self._read(photo_id)
        if self._seen is None:
            view.show(None, None)
        else:
            view.show(self._seen.photo, self._seen.file)
        self._show_film()
        self.show_progress()
        self._show_panel()
        self._look_when_at_rest()

    def _show_panel(self) -> None:
        place = self.query_one("#panel", Static)
        room = place.content_size
        if self._seen is None:
            place.update(self._nothing(), layout=False)
        else:
            place.update(panel(self._facts(self._seen), room.width, room.height), layout=False)

    def _nothing(self) -> Text:
        if self.sitting.current is not None:
            return Text("This picture is no longer known.")
        keys = self.app.config.review.keys
        done = self.sitting.reviewed
        text = Text("Nothing to review here.\n\n", "bold")
        if done is not None and done.total:
            text.append(f"All {done.total:,} pictures are decided on.\n" if done.done == done.total else "")
        else:
            text.append(
                f"Put pictures into {plain(str(self.app.config.folders.unsorted_path))}; `curated run` files them.\n"
            )
        text.append(f"{first_key(keys, 'filter')} shows others, {first_key(keys, 'refresh')} looks again.", "dim")
        return text

    def _facts(self, seen: Seen) -> Facts:
        photo, config = seen.photo, self.app.config
        reading = reading_from_photo(photo)
        return Facts(
            seen,
            candidates=candidates(reading.findings, config) if reading else (),
            categories=[rule.name for rule in config.category],
            twin=self._twin(photo),
            origin=self._origin(photo),
            trouble=self.app.troubles.get(photo.id, "").removeprefix(f"{seen.file}: "),
            marked=photo.id in self.sitting.marked,
            gone=photo.id in self._gone or photo.status is Status.MISSING,
            confirm_key=first_key(config.review.keys, "confirm"),
        )

    def _twin(self, photo: Photo) -> str:
        if photo.twin_of is None:
            return ""
        twin = self._read(photo.twin_of)
        return f"{photo.twin_kind or 'twin'} of {twin.photo.name}" if twin else f"{photo.twin_kind} of #{photo.twin_of}"

    def _origin(self, photo: Photo) -> str:
        """The folder it came from, from the unsorted folder on if it is below that."""
        unsorted, folder = self.app.config.folders.unsorted_path, photo.original_path.parent
        return str(folder.relative_to(unsorted.parent)) if folder.is_relative_to(unsorted) else str(folder)

    def _show_film(self) -> None:
        film, sitting = self.query_one(Filmstrip), self.sitting
        room = film.room
        before = min(sitting.position, 1 if room > 3 else 0)
        shown = sitting.window(max(before, _BACK), max(room, _AHEAD))
        if len(self._known) > _KNOWN:
            self._known.clear()
        self._known[sitting.current] = self._seen
        for photo_id in shown:
            if photo_id not in self._known:
                self._known[photo_id] = self._read(photo_id)
        seen = self._known
        here = min(sitting.position, max(before, _BACK))
        frames = [
            Frame(seen[photo_id], photo_id == sitting.current, photo_id in sitting.marked)
            for photo_id in shown[here - before : here - before + room]
        ]
        film.show(frames)
        # What comes next first, then what was before.
        order = [*shown[here + 1 : here + 1 + _AHEAD], *reversed(shown[:here])]
        wanted = [(each.photo, each.file) for photo_id in order if (each := seen[photo_id]) is not None]
        self.app.pictures.prefetch(wanted, self.query_one(PictureView).side)

    def show_progress(self) -> None:
        self.query_one("#header", Static).update(header(self.sitting, self.size.width), layout=False)
        keys = self.app.config.review.keys
        line = Text(plain(self._said), "bold") if self._said else footer(keys, self.size.width)
        self.query_one("#footer", Static).update(line, layout=False)

    def say(self, text: str) -> None:
        """Show it in place of the keys for some seconds; over the picture where that has the whole screen."""
        if text and self.has_class("-full"):
            self.app.notify(plain(text), markup=False, timeout=2)
        self._said = text
        if self._hush is not None:
            self._hush.stop()
        self._hush = self.set_timer(_SAID_SECONDS, self._be_quiet) if text else None
        self.show_progress()

    def _be_quiet(self) -> None:
        self.say("")

    def _look_when_at_rest(self) -> None:
        """Do what can wait once the person stays with the picture: ask the disk whether the file is there."""
        if self._rest is not None:
            self._rest.stop()
        seen = self._seen
        if seen is None:
            return
        photo_id, file = seen.photo.id, seen.file

        def take(there: bool) -> None:
            if there == (photo_id in self._gone):
                (self._gone.discard if there else self._gone.add)(photo_id)
                if self._seen is not None and self._seen.photo.id == photo_id:
                    self._show_panel()

        def there() -> bool:
            try:
                file.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return False
            except OSError:  # what cannot be asked is not gone
                return True
            return True

        def rest() -> None:
            self.aside(there, take)
            self._rest = self.set_timer(_LONG_REST_SECONDS, collect_at_rest)

        self._rest = self.set_timer(_REST_SECONDS, rest)

    def on_changed(self, message: Changed) -> None:
        message.stop()
        sitting = self.sitting
        if message.undone is not None:
            if not sitting.go_to(message.undone) and not sitting.side_list:
                # It was decided on before the list was read: it comes up again all the same.
                sitting.append([message.undone])
                sitting.go_to(message.undone)
            self.count()
        shown = {sitting.current, *sitting.window(_BACK, self.query_one(Filmstrip).room)}
        for photo_id in message.photo_ids:
            self._known.pop(photo_id, None)
        if shown & set(message.photo_ids):
            self.show_current()

    # -- moving ------------------------------------------------------------------------------------------

    def action_next(self) -> None:
        self._move(1)

    def action_previous(self) -> None:
        self._move(-1)

    def action_first(self) -> None:
        self._move(-len(self.sitting.ids))

    def action_last(self) -> None:
        self._move(len(self.sitting.ids))

    def action_page_down(self) -> None:
        self._move(PAGE)

    def action_page_up(self) -> None:
        self._move(-PAGE)

    # -- marks -------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        self.sitting.toggle_mark()
        self._marked()

    def action_mark_range(self) -> None:
        self.sitting.mark_range()
        self._marked()

    def action_mark_all(self) -> None:
        """All that are on the screen: nothing is decided on that nobody has seen."""
        sitting, room = self.sitting, self.query_one(Filmstrip).room
        before = min(sitting.position, 1 if room > 3 else 0)
        sitting.mark(sitting.window(before, max(0, room - before - 1)))
        self._marked()

    def _marked(self) -> None:
        self.say(f"{len(self.sitting.marked):,} marked" if self.sitting.marked else "Nothing is marked")
        self.show_current()

    def action_clear(self) -> None:
        if self.has_class("-full"):
            self.action_full_screen()
        elif self.sitting.clear_marks():
            self._marked()
        elif self.sitting.leave():
            self.say("Back in the list")
            self.show_current()

    # -- dialogs and the rest ----------------------------------------------------------------------------

    def action_category(self) -> None:
        if self.sitting.subjects and self._seen is not None:
            names = list(categories(self.app.config, self.app.database))
            photo = self._seen.photo
            likely = next((each for each, _ in self._facts(self._seen).candidates if each != photo.category), None)
            many, digits = len(self.sitting.subjects), min(9, len(self.app.config.category))
            heading = "File as" if many == 1 else f"File {many:,} pictures as"
            self.app.push_screen(PickerScreen(names, photo.category, heading, digits, likely), self._file_as)

    def _file_as(self, category: str | None) -> None:
        if category:
            self._decide("file", category)

    def action_rename(self) -> None:
        if self._seen is None:
            return
        many = len(self.sitting.subjects)
        heading = "Rename to" if many == 1 else f"Rename {many:,} pictures to (they are numbered)"
        self.app.push_screen(AskScreen(heading, plain(self._seen.photo.name)), self._rename)

    def _rename(self, name: str | None) -> None:
        if name and self._seen is not None and name != plain(self._seen.photo.name):
            self._decide("rename", name, advance=False)

    def action_search(self) -> None:
        self.app.push_screen(AskScreen("Search", hint="Words of names, captions, categories and text."), self.find)

    def action_filter(self) -> None:
        names = list(categories(self.app.config, self.app.database))
        self.app.push_screen(FilterScreen(self.sitting.which, names), self.set_filter)

    def action_full_screen(self) -> None:
        self.toggle_class("-full")
        self.call_after_refresh(self.show_current)

    def action_open(self) -> None:
        if self._seen is None:
            return
        try:
            open_outside(self._seen.file, lambda text: self.app.call_from_thread(self.app.complain, text))
        except NoViewer as error:
            self.say(str(error))
        else:
            self.say("Opened in the desktop's viewer")

    def action_why(self) -> None:
        if self._seen is None:
            return
        from curated.tui.review.nearest import nearest_labelled

        facts, app = self._facts(self._seen), self.app
        shown = TextScreen(why_text(facts, None))

        def read() -> list[Near]:
            return labelled(app.database, nearest_labelled(app.database, facts.seen.photo.id, NEAREST))

        app.push_screen(shown)
        self.aside(read, lambda near: shown.show(why_text(facts, near)))
