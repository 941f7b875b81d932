"""The application: what all screens share, and the thread that has files follow the decisions."""

from __future__ import annotations

import threading
from pathlib import PurePath
from typing import ClassVar

from textual.app import App
from textual.message import Message

from curated.config import Config
from curated.errors import CuratedError, FolderUnusable
from curated.files import RealDisk
from curated.filing import Filer
from curated.review import Carried, Carrier, Desk
from curated.state.database import Database
from curated.state.queue import ReviewQueue

_PAUSE_SECONDS = 0.2
_AFTER_TROUBLE_SECONDS = 15.0


class Followed(Message):
    """A file has followed its decision, or could not; a newer one does not replace it."""

    def __init__(self, carried: Carried) -> None:
        super().__init__()
        self.carried = carried


class ReviewApp(App[None]):
    """The review on a daemon's state; works just as well with the daemon stopped.

    Screens take `config`, `database`, `desk` and `queue` from here; `nudge` is called after each decision.
    """

    TITLE = "curated"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str | PurePath]] = []

    def __init__(self, config: Config, database: Database) -> None:
        super().__init__()
        self.config = config
        self.database = database
        self.desk = Desk(config, database)
        self.queue = ReviewQueue(database)
        self._owed = threading.Event()
        self._ending = threading.Event()
        self._carrying = threading.Thread(target=self._carry, name="carrier", daemon=True)

    def on_mount(self) -> None:
        self.nudge()
        self._carrying.start()

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

    def _carry(self) -> None:
        folders = self.config.folders
        roots = [folders.library_path, folders.unsorted_path]
        carrier = Carrier(self.config, Filer(self.database, RealDisk(), roots=roots))
        told = ""
        while not self._ending.is_set():
            self._owed.wait()
            self._owed.clear()
            trouble = ""
            try:
                for carried in carrier.carry(self._ending.is_set):
                    self.post_message(Followed(carried))
            except FolderUnusable as error:
                trouble = f"Files wait to be moved: {error}"
            except CuratedError as error:
                trouble = str(error)
            if trouble and trouble != told:
                self.call_from_thread(self.notify, trouble, severity="error", timeout=15)
            told = trouble
            self._ending.wait(_AFTER_TROUBLE_SECONDS if trouble else _PAUSE_SECONDS)
            if trouble:
                self._owed.set()
