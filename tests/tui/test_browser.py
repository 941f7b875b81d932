"""The review in a real browser: the page draws it, a key decides, and nobody else gets in."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.browser import CHROMIUM, chromium, until
from tests.support.cli_home import Home
from tests.support.filed_library import file_pictures, home_for

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture
def home(
    tmp_path: Path, empty_database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    with home_for(tmp_path, empty_database, capsys, monkeypatch) as made:
        yield made


@asynccontextmanager
async def review_served() -> AsyncIterator[str]:
    """The address that `curated review --web` prints; Ctrl-C ends it, and it says nothing of errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "curated", "review", "--web", "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, process_group=0,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        yield line.split()[-1]
        os.killpg(process.pid, signal.SIGINT)
        rest = (await asyncio.wait_for(process.stdout.read(), 30)).decode()
        assert await process.wait() == 0, rest
        assert rest == "The address opens it once, for one browser. Ctrl-C ends it.\n"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_the_review_is_shown_takes_keys_and_lets_nobody_else_in(home: Home) -> None:
    first, second = file_pictures(home, "Alder by the lake.jpg", "Birch in the wind.jpg")

    async def visit() -> None:
        async with chromium() as browser, review_served() as url:
            base = url.split("/?")[0]
            tab = await browser.open(url)
            await until(lambda: b"Birch in the wind" in tab.received, "the picture's name in the terminal")
            assert await tab.run("document.body.className") == "-loaded -first-byte"
            assert await tab.run("document.querySelectorAll('.xterm-screen canvas').length") > 0
            assert await tab.run("window.location.href") == base + "/"
            assert await tab.run("document.fonts.check(\"16px 'Roboto Mono'\")") is True
            assert await tab.run("document.cookie") == ""

            await tab.press("p")
            await until(lambda: home.photo(second.id).verdict == "keep", "the picture to be kept")
            assert home.photo(first.id).verdict is None

            stranger = await browser.open(url)
            await until(lambda: url in stranger.answers, "the stranger's answer")
            assert stranger.answers[url] == 403
            await stranger.says("Start it anew")

            own = [each for each in tab.requested if each.startswith((base, base.replace("http", "ws"), "data:"))]
            assert tab.requested == own
            # This one is about the machine's graphics.
            assert [each for each in tab.complaints if "WebGL" not in each] == []

            await tab.press("q")
            await tab.says("The review has ended", "Start it again")

    asyncio.run(visit())
