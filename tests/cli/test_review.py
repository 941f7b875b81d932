"""`curated review` before anything is drawn: what it refuses, in one line, and what it does not load."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession, CookieJar

from curated.config.settings import Keys
from curated.state.daemon import InstanceLock
from curated.state.schema import SCHEMA_VERSION
from curated.tui.keys import shown
from tests.cli.test_bad_input import HEARING_CTRL_C, refused
from tests.cli.test_commands import HEAVY, README
from tests.support.cli_home import Home
from tests.support.filed_library import file_pictures
from tests.support.processes import children

# -- what it loads -----------------------------------------------------------------------------------------------

_LOADED = """
import importlib, json, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
print(json.dumps([name for name in json.loads(sys.argv[1]) if name in sys.modules]))
"""


def loaded_by(wanted: list[str], *modules: str) -> list[str]:
    """Which of the wanted modules stand in sys.modules once these are imported."""
    command = [sys.executable, "-c", _LOADED, json.dumps(wanted), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_no_screen_imports_a_model_library() -> None:
    package = Path(__file__).parents[2] / "curated"
    modules = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((package / "tui").rglob("*.py"))
    ]
    assert len(modules) > 10
    # Pillow reads the pictures that are shown.
    assert loaded_by([each for each in HEAVY if each != "PIL"], *modules) == []


def test_the_command_pays_for_textual_only_once_it_draws() -> None:
    assert loaded_by(["textual", "aiohttp", "rich", "PIL", "numpy"], "curated.cli.review", "curated.cli.status") == []


# -- what the README says ----------------------------------------------------------------------------------------


def test_the_readme_names_every_key_and_no_other() -> None:
    readme = README.read_text(encoding="utf-8")
    table = readme[readme.index("| key | does |") : readme.index("Every key can be changed")]
    named = set(re.findall(r"`([^`]+)`", table)) - {"1", "9"}
    defaults = Keys()
    keys = {field.name: [shown(key) for key in getattr(defaults, field.name)] for field in msgspec.structs.fields(Keys)}
    assert [action for action, chosen in keys.items() if chosen[0] not in named] == []
    assert named - {key for chosen in keys.values() for key in chosen} == set()


def test_the_readmes_screenshots_are_there_small_and_fetch_nothing() -> None:
    root = README.parent
    for name in re.findall(r"\]\((docs/screens/[^)]+)\)", README.read_text(encoding="utf-8")):
        svg = (root / name).read_text(encoding="utf-8")
        assert len(svg.encode()) < 300_000, name
        assert re.findall(r"(?:url\(|href=)[\"']?(?!#)[^)]+", svg) == [], name


# -- what it refuses ---------------------------------------------------------------------------------------------


def test_without_a_terminal_it_says_what_else_there_is(home: Home) -> None:
    home.file("a.jpg")
    said = refused(home, "review", code=1, says="the review needs a terminal, and std")
    assert "`curated review --web`" in said.err


def test_without_a_terminal_and_a_database_it_says_both(home: Home) -> None:
    home.configure(state="fresh")
    refused(home, "review", code=1, says="no database yet, `curated run` makes it; the review needs a terminal")
    assert not (home.base / "fresh").exists()


def test_a_database_newer_than_the_program_is_refused_by_both_ways_in(home: Home) -> None:
    with closing(sqlite3.connect(home.base / "state" / "curated.db")) as connection:
        connection.execute("PRAGMA user_version = 999")
    for more in ([], ["--web", "--port", "0"]):
        refused(home, "review", *more, code=1, says="made by a newer curated (schema 999")


def test_a_file_that_is_no_database_is_refused_by_both_ways_in(home: Home) -> None:
    (home.base / "state" / "curated.db").write_bytes(b"this is no database, it is a diary" * 100)
    for more in ([], ["--web", "--port", "0"]):
        refused(home, "review", *more, code=1, says="curated.db")


def test_a_locked_database_is_said_to_be_after_seconds_and_not_half_a_minute(home: Home) -> None:
    home.file("a.jpg")
    home.world.close()
    with closing(sqlite3.connect(home.base / "state" / "curated.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        refused(home, "review", code=1, says="another program has locked it")
        connection.execute("ROLLBACK")


def test_an_older_database_is_left_alone_while_a_daemon_works_on_it(home: Home) -> None:
    home.file("a.jpg")
    database = home.base / "state" / "curated.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
    with InstanceLock(home.base / "state"):
        refused(home, "review", code=1, says="stop that daemon, then start this version's")
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION - 1,)


@pytest.mark.parametrize(
    "arguments",
    [["--sort", "size"], ["--kind", "song"], ["--status", "gone"], ["--web", "--port", "65536"], ["--port", "x"]],
)
def test_a_wrong_option_ends_with_2_and_shows_the_usage(home: Home, arguments: list[str]) -> None:
    said = home.run("review", *arguments)
    assert said.code == 2
    assert "Usage: curated review" in said.err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_other_machines_are_kept_out_unless_it_is_said_twice(home: Home, host: str) -> None:
    refused(home, "review", "--web", "--host", host, code=78, says="--allow-others")


def test_a_port_that_is_taken_is_named_with_the_mend(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(home, "review", "--web", "--port", port, code=1, says=f"port {port}: cannot listen there")
        home.configure(f"[review]\nweb_port = {port}")
        refused(home, "review", "--web", code=1, says="give another port with --port (0: any that is free)")


# -- in a browser ------------------------------------------------------------------------------------------------


class Serving:
    """`curated review --web` as a process, and what it prints."""

    def __init__(self, process: asyncio.subprocess.Process, lines: list[str]) -> None:
        self.process, self.lines = process, lines
        self.url = lines[0].split()[-1]
        self.base = self.url.split("/?")[0]

    async def rest(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.read(), 30)).decode()


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[Serving]:
    process = await asyncio.create_subprocess_exec(
        *HEARING_CTRL_C, sys.executable, "-m", "curated", "review", "--web", "--port", "0", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, process_group=0,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        lines = [(await asyncio.wait_for(process.stdout.readline(), 30)).decode().rstrip() for _ in range(2)]
        yield Serving(process, lines)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_however_the_server_ends_nothing_of_it_goes_on(home: Home, number: signal.Signals, code: int) -> None:
    home.file("Alder by the lake.jpg")

    async def visit() -> None:
        async with serving("--all") as served, ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            async with browser.get(served.url) as response:
                assert response.status == 200
            async with browser.ws_connect(served.base + "/ws", headers={"Origin": served.base}) as terminal:
                screen = b""
                while b"Alder by the lake" not in screen:
                    screen += (await terminal.receive(30)).data
                (child,) = children(served.process.pid)
                assert b"--all" in Path(f"/proc/{child}/cmdline").read_bytes()
                os.kill(served.process.pid, number)
                # A browser answers the farewell.
                await asyncio.wait([asyncio.create_task(terminal.receive())])
                assert await asyncio.wait_for(served.process.wait(), 30) == code
            await until(lambda: not Path(f"/proc/{child}").exists())
            assert await served.rest() == ""

    asyncio.run(visit())


def test_others_are_let_in_where_it_is_said_and_warned_of(home: Home) -> None:
    async def visit() -> None:
        async with serving("--host", "0.0.0.0", "--allow-others") as served:
            assert re.fullmatch(rf"The review is at http://{socket.gethostname()}:\d+/\?token=\S+", served.lines[0])
            served.process.send_signal(signal.SIGINT)
            assert (await served.rest()).startswith("Warning: nothing is encrypted.")
            assert await served.process.wait() == 0

    asyncio.run(visit())


# -- a terminal that goes away -----------------------------------------------------------------------------------


def test_a_terminal_that_goes_away_without_a_signal_ends_it_too(home: Home) -> None:
    file_pictures(home, "Alder by the lake.jpg")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    # Not its controlling terminal: the system sends no SIGHUP.
    review = subprocess.Popen(
        [sys.executable, "-m", "curated", "review"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    said = b""
    while b"0 of 1" not in said:
        said += os.read(ours, 1 << 16)
    os.close(ours)
    try:
        assert review.wait(60) == 128 + signal.SIGHUP
    finally:
        review.kill()
        review.wait()
