"""The review itself: one picture large, what is known of it beside it, and what comes next below."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from curated.tui.keys import bindings


class ReviewScreen(Screen[None]):
    """The screen below all others."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("next", "previous")

    def compose(self) -> ComposeResult:
        yield Static("", id="picture", markup=False)

    def action_next(self) -> None: ...

    def action_previous(self) -> None: ...
