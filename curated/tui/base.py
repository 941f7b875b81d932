"""What every screen beside the review itself begins with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from curated.state.overview import Overview

if TYPE_CHECKING:
    from curated.tui.app import ReviewApp


class SideScreen(Screen[None]):
    """A screen of the review's application."""

    AUTO_FOCUS = ""

    @property
    def _review(self) -> ReviewApp:
        return cast("ReviewApp", self.app)

    @cached_property
    def _overview(self) -> Overview:
        return Overview(self._review.database)
