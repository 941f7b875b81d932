"""What the review shows as long as there is nothing to review: how to begin."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Footer, Static

from curated.config import Config
from curated.state.daemon import daemon_runs
from curated.tui.guard import Guarded
from curated.tui.words import shown_path

_LOOK_SECONDS = 1.0


def pictures_there(database: Path) -> bool:
    """Whether there is a database with at least one picture in it; one that cannot be read now has none."""
    if not database.exists():
        return False
    try:
        # No wait: it is asked again soon.
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
            return connection.execute("SELECT 1 FROM photo WHERE status <> 'arriving' LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return False


class Welcome(Guarded[bool]):
    """Says how to begin; ends with True as soon as the first picture is there."""

    TITLE = "curated"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    VerticalScroll { align: center middle; }
    #words { width: auto; max-width: 100%; height: auto; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q,escape", "quit", "Quit", key_display="q", priority=True),
    ]

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Static(id="words")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.look()
        self.set_interval(_LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Say how things stand now, or end if a picture is there."""
        if pictures_there(self.config.folders.database_path):
            self.exit(True)
            return
        self.query_one("#words", Static).update(self._words())

    def _words(self) -> Group:
        folders = self.config.folders
        unsorted = folders.unsorted_path
        there = "" if unsorted.is_dir() else "  (not there yet: make it, or set folders.unsorted)"
        places = _rows(("unsorted", shown_path(unsorted) + there), ("library", shown_path(folders.library_path)))
        if daemon_runs(folders.state_path):
            begin: Table | Text = Text("The daemon is at work: drop pictures into the unsorted folder.")
        else:
            begin = _rows(
                ("curated run", "files what is in the unsorted folder, and keeps watching it"),
                ("curated run --once", "files what is there now, then ends"),
                ("curated demo", "first a look at it, on a small folder of its own"),
                ("curated doctor", "are folders, rights and weights as they should be?"),
            )
        return Group(
            Text("No pictures to review yet", style="bold"),
            Text(),
            places,
            Text(),
            begin,
            Text(),
            Text("The review begins here by itself as soon as the first picture is filed."),
        )


def _rows(*rows: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column()
    # A path has no blanks to be broken at.
    table.add_column(overflow="fold")
    for left, right in rows:
        table.add_row(Text(left, style="bold"), Text(right))
    return table
