"""Real small pictures filed in a world, and the review on them at a moment that stands still."""

from __future__ import annotations

import asyncio
import colorsys
import functools
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image, ImageDraw
from textual.pilot import Pilot

from curated.config import Config, from_dict
from curated.domain import Photo
from curated.review import Carrier
from curated.tui.app import ReviewApp
from tests.support.filing_world import NOON, World

SIZE = (48, 36)


def picture(path: Path, number: int) -> Path:
    """A picture that looks like no other: a hue with a disc at a place of its own."""
    red, green, blue = (round(255 * each) for each in colorsys.hsv_to_rgb(number * 0.13 % 1, 0.5, 0.8))
    image = Image.new("RGB", SIZE, (red, green, blue))
    left = number * 7 % 30
    ImageDraw.Draw(image).ellipse((left, 8, left + 16, 26), fill=(255 - red, 255 - green, 255 - blue))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "PNG")
    return path


def filed_picture(
    world: World,
    number: int,
    name: str = "",
    category: str = "Photos",
    keep_score: float | None = None,
    **columns: object,
) -> Photo:
    """A filed picture with a row as the daemon leaves it, the later the greater its number."""
    name = name or f"Picture {number:03d}"
    source = picture(world.unsorted / f"IMG_{number:04d}.png", number)
    photo, _ = world.file([source], [world.library / category / f"{name}.png"], category=category)
    changes = {"width": SIZE[0], "height": SIZE[1], "filed_at": NOON + timedelta(seconds=number), "name": name}
    world.store.update(replace(photo, **{**changes, "kind": "photo", "caption": f"caption {number}", **columns}))
    world.database.execute("UPDATE photo SET keep_score = ? WHERE id = ?", (keep_score, photo.id))
    return world.store.get(photo.id)


def review_config(world: World, **more: object) -> Config:
    """The configuration of a world, with all that is written below its own folder."""
    folders = world.folders
    places = {"unsorted": folders.unsorted, "library": folders.library, "state": folders.state}
    places["cache"] = str(world.base / "cache")
    return from_dict({"folders": places, **more}, "test")


def review_app(
    world: World, clock: Callable[[], datetime] = lambda: NOON + timedelta(minutes=5), **more: object
) -> ReviewApp:
    """The review on a world."""
    return ReviewApp(review_config(world, **more), world.database, clock)


def carry(world: World) -> None:
    """Have every file follow its decision."""
    for _ in Carrier(review_config(world), world.filer()).carry():
        pass


def played(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """The asynchronous test as one that pytest runs."""

    @functools.wraps(test)
    def run(*arguments: object, **named: object) -> None:
        async def play() -> None:
            await test(*arguments, **named)

        asyncio.run(play())

    return run


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Let the review run until the condition holds; fail, naming what was waited for, if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        await pilot.pause(0.01)
