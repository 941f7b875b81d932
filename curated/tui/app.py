"""The application: what all screens share, and the thread that has files follow the decisions."""

from __future__ import annotations

import importlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from rich.text import Text
from textual.binding import BindingType
from textual.message import Message
from textual.screen import ModalScreen, Screen

from curated.config import Config
from curated.errors import CuratedError, FolderUnusable, NotFound
from curated.files import RealDisk
from curated.filing import Filer
from curated.review import Carried, Carrier, Desk
from curated.review.desk import Decided
from curated.state.database import Database
from curated.state.decisions import Action, Step
from curated.state.journal import Clock, utc_now
from curated.state.queue import ReviewQueue
from curated.taste.background import Trainer
from curated.tui.collector import calm_the_collector
from curated.tui.guard import Guarded
from curated.tui.keys import bindings, check_keys, first_key, keymap
from curated.tui.sitting import Sitting
from curated.tui.words import plain, said

if TYPE_CHECKING:
    from curated.tui.images import Pictures

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2
# How long a key waits for another program that is writing to the database.
_PATIENCE_SECONDS = 1.0
_AFTER_TROUBLE_SECONDS = 15.0
_GOODBYE_SECONDS = 4.0

# By action, the screen that it shows: its module and class. Each is made without arguments, the sheet with the sitting.
SCREENS: dict[str, tuple[str, str]] = {
    "sheet": ("curated.tui.sheet", "SheetScreen"),
    "dashboard": ("curated.tui.dashboard", "DashboardScreen"),
    "trashed": ("curated.tui.trash_screen", "TrashScreen"),
    "duplicates": ("curated.tui.duplicates_screen", "DuplicatesScreen"),
}


class Followed(Message):
    """A file has followed its decision, or could not; a newer one does not replace it."""

    def __init__(self, carried: Carried) -> None:
        super().__init__()
        self.carried = carried


class Learnt(Message):
    """Something was learnt from the labels; the line says what."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line


class Changed(Message):
    """The rows of these pictures are others now: a screen that shows them reads them anew (`on_changed`).

    `undone` is the picture that an undo or redo was about, to which the cursor goes.
    """

    def __init__(self, photo_ids: Sequence[int], undone: int | None = None) -> None:
        super().__init__()
        self.photo_ids = tuple(photo_ids)
        self.undone = undone


@runtime_checkable
class Says(Protocol):
    """A screen with a line of its own for what was just done; on the others it is a notification."""

    def say(self, text: str) -> None: ...


class ReviewApp(Guarded[None]):
    """The review on a daemon's state; works just as well with the daemon stopped.

    Screens take `config`, `database`, `desk`, `queue`, `pictures` and `sitting` from here, and decide by `decide`.
    """

    TITLE = "curated"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str | PurePath]] = ["review.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("sheet", "duplicates", "trashed", "help", "undo", "redo", "quit"),
        # Screens have Tab for themselves.
        *bindings("dashboard", priority=True),
    ]

    def __init__(self, config: Config, database: Database, clock: Clock = utc_now) -> None:
        check_keys(config.review.keys)
        super().__init__()
        self.config = config
        self.database = database
        self.clock = clock
        self.desk = Desk(config, database, clock)
        self.queue = ReviewQueue(database)
        self.sitting = Sitting(auto_advance=config.review.auto_advance)
        self.set_keymap(keymap(config.review.keys))
        self.troubles: dict[int, str] = {}  # by picture, why its file could not follow
        self._owed = threading.Event()
        self._ending = threading.Event()
        self._carrying = threading.Thread(target=self._carry, name="carrier", daemon=True)
        self._leaving = False
        self._hurry = threading.Event()

    @cached_property
    def pictures(self) -> Pictures:
        """The pictures' pixels, decoded away from the UI's thread."""
        from curated.tui.images import Pictures

        return Pictures.of(self.config)

    def on_mount(self) -> None:
        from curated.tui.review_screen import ReviewScreen

        self.push_screen(ReviewScreen())
        if not self.is_headless:  # the process is the review's own
            calm_the_collector(self)
        self.nudge()
        self._carrying.start()

    def on_unmount(self) -> None:
        if "pictures" in self.__dict__:  # it was looked at
            self.pictures.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether it may be done now: a window that asks something has its keys to itself."""
        if action == "dashboard" and isinstance(self.screen, ModalScreen):
            return False
        return super().check_action(action, parameters)

    # -- deciding ----------------------------------------------------------------------------------------

    def decide(self, photo_ids: Sequence[int], action: Action, argument: str | None = None) -> Decided | None:
        """Decide the same of all these pictures as one step; says what was refused. None where nothing came of it."""
        try:
            with self.database.waiting(_PATIENCE_SECONDS):
                decided = self.desk.decide(photo_ids, action, argument)
        except (CuratedError, sqlite3.Error) as error:
            self.complain(str(error))
            return None
        if decided.refused:
            _, why = decided.refused[0]
            many = len(decided.refused)
            self.complain(f"The picture {why}" if many == 1 else f"{many} pictures take no part: {why}")
        if decided.step is None:
            return None
        for photo_id in decided.step.photo_ids:
            self.troubles.pop(photo_id, None)
        self.nudge()
        return decided

    def action_undo(self) -> None:
        self._turn_back(self.desk.undo, "Undone", "There is nothing to undo.")

    def action_redo(self) -> None:
        self._turn_back(self.desk.redo, "Again", "There is nothing to redo.")

    def _turn_back(self, turn: Callable[[], Step | None], verb: str, nothing: str) -> None:
        try:
            with self.database.waiting(_PATIENCE_SECONDS):
                step = turn()
        except (CuratedError, sqlite3.Error) as error:
            self.complain(str(error))
            return
        if step is None:
            self.say(nothing)
            return
        self.nudge()
        self.screen.post_message(Changed(step.photo_ids, undone=step.photo_ids[0]))
        self.say(f"{verb}: {said(step.action, step.argument, len(step.photo_ids), self._named(step.photo_ids))}")

    def _named(self, photo_ids: Sequence[int]) -> str:
        """The name of a picture that is alone."""
        if len(photo_ids) != 1:
            return ""
        try:
            return self.desk.store.get(photo_ids[0]).name
        except NotFound:
            return ""

    def say(self, text: str) -> None:
        """A short word on what was just done."""
        if isinstance(self.screen, Says):
            self.screen.say(text)
        else:
            self.notify(plain(text), markup=False, timeout=3)

    def complain(self, text: str) -> None:
        """Trouble, where nobody overlooks it."""
        self.notify(plain(text), severity="error", markup=False, timeout=10)

    # -- screens -----------------------------------------------------------------------------------------

    def action_sheet(self) -> None:
        self._show("sheet")

    def action_dashboard(self) -> None:
        self._show("dashboard")

    def action_trashed(self) -> None:
        self._show("trashed")

    def action_duplicates(self) -> None:
        self._show("duplicates")

    def action_help(self) -> None:
        from curated.tui.dialogs import HelpScreen

        self.push_screen(HelpScreen(self.config.review.keys, [rule.name for rule in self.config.category]))

    def _show(self, name: str) -> None:
        """Show that screen above the review, or the review again if it is shown already."""
        module, kind = SCREENS[name]
        wanted: Callable[..., Screen[None]] = getattr(importlib.import_module(module), kind)
        there = type(self.screen) is wanted
        # Below all lie Textual's own first screen and the review.
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if not there:
            self.push_screen(wanted(self.sitting) if name == "sheet" else wanted())

    # -- leaving -----------------------------------------------------------------------------------------

    def action_help_quit(self) -> None:
        """Ctrl+C, which leaves other programs: here it copies where text is marked, so say what leaves."""
        self.say(f"{first_key(self.config.review.keys, 'quit')} leaves the review.")

    def action_quit(self) -> None:  # type: ignore[override]
        """Leave when the moves are done, after some seconds, or at the second press: the daemon does the rest."""
        if self._leaving:
            self._hurry.set()
            return
        self._leaving = True
        # This key is heard before those that were pressed just before it, which are on their way through the screen.
        self.screen.call_later(self.run_worker, self._leave, thread=True)

    def _leave(self) -> None:
        message = ""
        try:
            if left := self._wait_for_moves():
                many = "1 picture is" if left == 1 else f"{left:,} pictures are"
                message = f"{many} still to be moved: the daemon does it, or the next review."
        except (CuratedError, sqlite3.Error) as error:  # what cannot be counted keeps nobody here
            message = f"It is not known what is still to be moved: {plain(str(error))}"
        self.call_from_thread(self.exit, None, 0, Text(message) if message else None)

    def _wait_for_moves(self) -> int:
        """How many moves are left when those under way are done, or it takes too long."""
        until = time.monotonic() + _GOODBYE_SECONDS
        decisions = self.desk.decisions
        if decisions.owed_count():
            self.call_from_thread(self.say, "Finishing the moves under way…")
        while decisions.owed_count() and time.monotonic() < until and self._carrying.is_alive():
            self.nudge()
            if self._hurry.wait(0.02):
                until = 0.0
        self.end_carrying(max(0.1, until - time.monotonic()))
        return decisions.owed_count()

    # -- the files follow --------------------------------------------------------------------------------

    def nudge(self) -> None:
        """Something was decided: files may have to follow."""
        self._owed.set()

    def end_carrying(self, timeout: float) -> bool:
        """Stop after the move under way; whether it ended in that time."""
        self._ending.set()
        self._owed.set()
        if self._carrying.is_alive():
            self._carrying.join(timeout)
        return not self._carrying.is_alive()

    def on_followed(self, message: Followed) -> None:
        """Tell the screen, and the person where the file could not follow."""
        carried = message.carried
        photo_id = carried.decision.photo_id
        self.troubles.pop(photo_id, None)
        if carried.problem:
            self.troubles[photo_id] = carried.problem
            self.complain(carried.problem)
        self.screen.post_message(Changed([photo_id]))

    def on_learnt(self, message: Learnt) -> None:
        """A short word; the list is not sorted anew before it is asked for."""
        self.say(message.line)

    def _carry(self) -> None:
        folders = self.config.folders
        roots = [folders.library_path, folders.unsorted_path]
        carrier = Carrier(self.config, Filer(self.database, RealDisk(), roots=roots))
        # What is learnt sorts nothing anew under the cursor: the list stays as it is until it is read again.
        trainer = Trainer(self.config, self.database, lambda line: self.post_message(Learnt(line)))
        told = ""
        while not self._ending.is_set():
            self._owed.wait()
            self._owed.clear()
            trouble = ""
            try:
                for carried in carrier.carry(self._ending.is_set):
                    self.post_message(Followed(carried))
                trainer.train_if_due()
            except FolderUnusable as error:
                trouble = f"Files wait to be moved: {error}"
            except (CuratedError, sqlite3.Error) as error:
                trouble = str(error)
            except Exception as error:
                # The edge of a thread: the files must go on following, and the person must hear of it.
                log.exception("the files could not follow")
                trouble = f"Files wait to be moved: {type(error).__name__}: {error}"
            if trouble and trouble != told:
                self.call_from_thread(self.complain, trouble)
            told = trouble
            self._ending.wait(_AFTER_TROUBLE_SECONDS if trouble else _PAUSE_SECONDS)
            if trouble:
                self._owed.set()
