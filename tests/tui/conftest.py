from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from curated.tui.app import ReviewApp
from curated.tui.review_screen import ReviewScreen
from tests.support.filed_pictures import review_app
from tests.support.filing_world import World


class Desk:
    """A person at the review of a world."""

    def __init__(self, app: ReviewApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> ReviewScreen:
        screen = self.app.screen_stack[1]
        assert isinstance(screen, ReviewScreen)
        return screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object], what: str = "", seconds: float = 30.0) -> None:
        """Go on as soon as it holds; fail if it never does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"waited in vain: {what or condition}\n{self.text()}\n{self.notices}")

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    @property
    def notices(self) -> str:
        """All notifications that are shown."""
        return "\n".join(each.message for each in self.app._notifications)

    def shown(self, selector: str) -> str:
        """What a widget of the review says."""
        region = self.screen.query_one(selector).region
        strips = self.screen._compositor.render_strips()
        return "\n".join(strip.crop(region.x, region.right).text.rstrip() for strip in strips[region.y : region.bottom])

    @property
    def current(self) -> int | None:
        return self.app.sitting.current


Body = Callable[[Desk], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture(autouse=True)
def one_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has the same terminal, wherever it runs: how pictures are drawn depends on its colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def reviewing(world: World) -> Run:
    """Runs what a person does in the review of the world; `app` is another application, the rest configuration."""

    def run(body: Body, *, size: tuple[int, int] = (80, 24), app: ReviewApp | None = None, **config: Any) -> None:
        made = app or review_app(world, **config)

        async def main() -> None:
            async with made.run_test(size=size, notifications=True) as pilot:
                desk = Desk(made, pilot)
                await desk.until(lambda: made.sitting.reviewed is not None, "the count")
                await body(desk)
                made.end_carrying(10)

        asyncio.run(main())
        if made.trouble is not None:
            raise made.trouble

    return run
