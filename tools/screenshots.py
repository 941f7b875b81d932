"""Makes the README's screenshots: the real review on the demo library, drawn by Textual's own SVG export.

python tools/screenshots.py docs/screens
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

# Textual reads it when it is imported: no terminal is asked how many colours it has.
os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"

import msgspec
from textual.pilot import Pilot

from curated.config import load
from curated.domain import Status
from curated.state.daemon import daemon_runs
from curated.state.schema import open_database
from curated.state.store import Store
from curated.tui.app import ReviewApp

COLUMNS, ROWS = 120, 34
MOST_BYTES = 300_000
# What can be read on the pictures is no path of the machine that made them.
DEMO = Path(tempfile.gettempdir()) / "curated-demo"
CURATED = [sys.executable, "-m", "curated"]

Reach = Callable[[Pilot[None]], Awaitable[None]]


async def review(pilot: Pilot[None]) -> None:
    """A photo among others, some of them decided on."""
    app: ReviewApp = pilot.app  # type: ignore[assignment]
    names = {photo.name: photo.id for photo in Store(app.database).photos(status=Status.FILED)}
    for name, key in (("Egyptian cat", "p"), ("download (1)", "x"), ("Espresso", "p")):
        app.sitting.go_to(names[name])
        app.screen.show_current()  # type: ignore[attr-defined]
        await settled(pilot)
        await pilot.press(key)
        await settled(pilot)
    app.sitting.go_to(next(number for name, number in names.items() if name.startswith("Three people")))
    app.screen.show_current()  # type: ignore[attr-defined]


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)


# Each begins at the review.
SCREENS: dict[str, Reach] = {
    "review": review,
    "sheet": lambda pilot: press(pilot, "g", "v", "right", "m", "right", "right", "m", "right"),
    "duplicates": lambda pilot: press(pilot, "d"),
    "dashboard": lambda pilot: press(pilot, "tab"),
}


async def settled(pilot: Pilot[None]) -> str:
    """The screen as SVG, once it has stopped changing."""
    before, same = "", 0
    end = time.monotonic() + 60
    while same < 5:
        await pilot.pause(0.15)
        now = re.sub(r"terminal-\d+", "terminal", pilot.app.export_screenshot(title="curated review"))
        same = same + 1 if now == before else 0
        before = now
        if time.monotonic() > end:
            break  # something on it goes on moving
    return before


# How the export draws a background, and half blocks upon it; a line begins so far above its baseline.
_BACKGROUND = re.compile(r'<rect fill="#(\w{6})" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="24.65"[^>]*/>')
_HALF_BLOCKS = re.compile(r'<text class="([\w-]+)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"[^>]*>▀+</text>')
_ABOVE, _LINE, _HALF = 18.5, 24.65, 12.2


def light(svg: str) -> str:
    """The same picture in half the bytes: half blocks are rectangles, near colours are one, and no font is fetched."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    styles = dict(re.findall(r"\.([\w-]+) \{ fill: #(\w{6})", svg))
    rectangles: dict[str, list[str]] = {}

    def take(colour: str, left: str, top: float, width: str, height: float) -> str:
        near = "".join(f"{min(255, (int(part, 16) + 2) // 4 * 4):02x}" for part in re.findall("..", colour))
        rectangles.setdefault(near, []).append(f"M{float(left):g} {top:g}h{float(width):g}v{height}h-{float(width):g}z")
        return ""

    svg = _BACKGROUND.sub(lambda at: take(at[1], at[2], float(at[3]), at[4], _LINE), svg)
    lower, rectangles = rectangles, {}
    svg = _HALF_BLOCKS.sub(lambda at: take(styles[at[1]], at[2], float(at[3]) - _ABOVE, at[4], _HALF), svg)
    paths = [
        f'<path fill="#{colour}" d="{"".join(parts)}"/>'
        for each in (lower, rectangles)
        for colour, parts in each.items()
    ]
    svg = svg.replace(
        '<g class="terminal-matrix">',
        f'<g shape-rendering="crispEdges">{"".join(paths)}</g>\n<g class="terminal-matrix">',
    )
    used = set(re.findall(r'class="([\w-]+)"', svg))
    return re.sub(r"\s*\.(terminal-r\d+) \{[^}]*\}", lambda style: style[0] if style[1] in used else "", svg)


async def draw(target: Path, names: Sequence[str]) -> None:
    config = load(DEMO / "config.toml")
    config = msgspec.structs.replace(config, review=msgspec.structs.replace(config.review, pictures="halfblock"))
    with open_database(config.folders.database_path) as database:
        app = ReviewApp(config, database)
        async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
            for name in names:
                while len(app.screen_stack) > 2:
                    app.pop_screen()
                await settled(pilot)
                await SCREENS[name](pilot)
                svg = light(await settled(pilot))
                path = target / f"{name}.svg"
                path.write_text(svg, encoding="utf-8")
                print(f"{path}: {len(svg.encode()):,} bytes")
                if len(svg.encode()) > MOST_BYTES:
                    raise SystemExit(f"{path} is larger than {MOST_BYTES:,} bytes")
        app.end_carrying(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("names", nargs="*", default=list(SCREENS), help=f"which: {', '.join(SCREENS)}")
    arguments = parser.parse_args()
    target: Path = arguments.target
    target.mkdir(parents=True, exist_ok=True)
    if DEMO.exists():
        raise SystemExit(f"{DEMO} is there already; remove it, or rename it")
    os.environ["CURATED_CONFIG"] = str(DEMO / "config.toml")
    try:
        subprocess.run([*CURATED, "demo", str(DEMO)], check=True, stdout=subprocess.DEVNULL)
        daemon = subprocess.Popen([*CURATED, "run"], stdout=subprocess.DEVNULL)
        try:
            while not daemon_runs(DEMO / "state"):
                time.sleep(0.1)
            asyncio.run(draw(target, arguments.names))
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
    finally:
        shutil.rmtree(DEMO, ignore_errors=True)


if __name__ == "__main__":
    main()
