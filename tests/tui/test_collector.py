from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, gc, time
from textual.app import App
from curated.tui.collector import calm_the_collector

async def main():
    app = App()
    async with app.run_test() as pilot:
        calm_the_collector(app, seconds=0.01)
        before, deadline = gc.get_stats()[2]["collections"], time.monotonic() + 20
        while gc.get_stats()[2]["collections"] == before and time.monotonic() < deadline:
            await pilot.pause(0.01)
        print(gc.get_stats()[2]["collections"] > before, gc.get_freeze_count() > 10_000)

asyncio.run(main())
"""


def test_garbage_is_still_collected_now_and_then():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("True True\n", "")
