"""The door before the review in a browser: who gets in, how often, and that nothing is left running behind it."""

from __future__ import annotations

import asyncio
import re
import shlex
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType, WSServerHandshakeError

from curated.errors import CuratedError
from curated.tui.web import ReviewServer, is_loopback, listen

FONT = "/fonts/RobotoMono-VariableFont_wght.ttf"
ROUTES = ["/", "/ws", "/web.js", "/js/textual.js", "/css/xterm.css", FONT, "/nothing"]
CHILD = Path(__file__).parents[1] / "support" / "web_child.py"


class Served:
    """A server with scripted children, and browsers to visit it with."""

    def __init__(self, server: ReviewServer, notes: Path) -> None:
        self.server = server
        self.notes_path = notes
        self.base = f"http://127.0.0.1:{server.port}"
        self.origin = {"Origin": self.base}
        self.left_open = AsyncExitStack()

    def notes(self) -> list[str]:
        return self.notes_path.read_text(encoding="utf-8").splitlines() if self.notes_path.exists() else []

    def children(self) -> list[int]:
        """The children that are still there."""
        pids = [int(line.split()[1]) for line in self.notes() if line.startswith("began")]
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    @asynccontextmanager
    async def browser(self, *, inside: bool = True) -> AsyncIterator[ClientSession]:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
            if inside:
                async with session.get(self.server.url) as response:
                    assert response.status == 200
            yield session

    async def status(self, browser: ClientSession, path: str, **headers: str) -> int:
        async with browser.get(self.base + path, headers=headers, allow_redirects=False) as response:
            return response.status


Scenario = Callable[[Served], Coroutine[None, None, None]]


def serve(tmp_path: Path, scenario: Scenario, how: str = "obedient", goodbye: float = 10.0) -> Served:
    """Run the scenario beside a server on a free port, which is then ended."""
    notes = tmp_path / "notes"
    command = shlex.join([sys.executable, str(CHILD), str(notes), how])
    server = ReviewServer(f"exec {command}", listen("127.0.0.1", 0), goodbye)
    served = Served(server, notes)

    async def both() -> None:
        ending, begun = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(server.serve_until(ending, begun.set))
        await begun.wait()
        async with served.left_open:
            try:
                async with asyncio.timeout(60):
                    await scenario(served)
            finally:
                ending.set()
                await serving

    asyncio.run(both())
    return served


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def heard(websocket: ClientWebSocketResponse, words: bytes) -> None:
    """Return once the terminal was sent these bytes."""
    got = b""
    while words not in got:
        message = await websocket.receive(30)
        assert message.type is WSMsgType.BINARY, message
        got += message.data


# -- the door ----------------------------------------------------------------------------------------------------


def test_without_the_token_nothing_is_answered(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser(inside=False) as stranger:
            for path in [*ROUTES, "/?token=", "/?token=wrong", "/?token=%ff%00", "/../etc/passwd"]:
                assert await served.status(stranger, path) == 403, path
            for path in ROUTES[1:]:
                assert await served.status(stranger, f"{path}?token={served.server.door.token}") == 403, path
            with pytest.raises(WSServerHandshakeError, match="403"):
                await stranger.ws_connect(served.base + "/ws", headers=served.origin)
        assert served.server.door.token is not None

    assert serve(tmp_path, scenario).notes() == []


def test_the_address_opens_once_and_for_one_browser(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        url = served.server.url
        async with served.browser(inside=False) as first, served.browser(inside=False) as second:
            async with first.get(url, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (303, "/")
                cookie = response.headers["Set-Cookie"]
                assert "HttpOnly" in cookie
                assert "SameSite=Strict" in cookie
            async with second.get(url) as response:
                assert response.status == 403
                assert "Start it anew" in await response.text()
            assert served.server.door.token is None
            # A reload of the address by the browser that used it leads to the page.
            async with first.get(url) as response:
                assert (response.status, str(response.url)) == (200, served.base + "/")
            assert await served.status(first, "/js/textual.js") == 200
            assert await served.status(first, "/nothing") == 404
            assert await served.status(second, "/") == 403

    serve(tmp_path, scenario)


def test_what_shows_previews_of_addresses_does_not_use_it_up(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser(inside=False) as browser:
            for method in ("HEAD", "OPTIONS", "POST"):
                async with browser.request(method, served.server.url) as response:
                    assert response.status == 403
            async with browser.get(served.server.url) as response:
                assert response.status == 200

    serve(tmp_path, scenario)


def test_two_reviews_on_one_machine_keep_their_cookies_apart(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        other = ReviewServer("false", listen("127.0.0.1", 0))
        ending, begun = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(other.serve_until(ending, begun.set))
        await begun.wait()
        async with served.browser() as browser:
            async with browser.get(other.url) as response:
                assert response.status == 200
            assert await served.status(browser, "/") == 200
        ending.set()
        await serving

    serve(tmp_path, scenario)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST:{port}", 200),
        ("localhost:9999", 200),  # the near end of a tunnel
        ("localhost", 200),
        ("[::1]:{port}", 200),
        ("rebound.example:{port}", 403),
        ("127.0.0.1.rebound.example", 403),
        ("192.0.2.1:{port}", 403),
        ("localhost@rebound.example", 403),
        ("localhost:1;script-src *", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_a_name_made_to_lead_here_is_refused_even_with_the_cookie(tmp_path: Path, host: str, status: int) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser() as browser:
            # By hand, as the browser would send it to that name.
            cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in browser.cookie_jar)
            named = host.format(port=served.server.port)
            assert await served.status(browser, "/", Host=named, Cookie=cookies) == status

    serve(tmp_path, scenario)


@pytest.mark.parametrize("origin", ["http://rebound.example", "http://127.0.0.1:1", "https://127.0.0.1", "null", None])
def test_another_page_cannot_reach_the_terminal_even_with_the_cookie(tmp_path: Path, origin: str | None) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser() as browser:
            with pytest.raises(WSServerHandshakeError, match="403"):
                await browser.ws_connect(served.base + "/ws", headers={"Origin": origin} if origin else {})
            if origin:
                assert await served.status(browser, "/", Origin=origin) == 403

    assert serve(tmp_path, scenario).notes() == []


def test_the_page_fetches_nothing_from_elsewhere_and_may_not(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser() as browser:
            async with browser.get(served.base + "/") as response:
                page = await response.text()
                policy = response.headers["Content-Security-Policy"]
                assert response.headers["Cache-Control"] == "no-store"
            parts = re.findall(r"(?:href|src)=\"(/[^\"]+)\"|url\(\"(/[^\"]+)\"\)", page)
            assert len(parts) == 5
            for path in parts:
                assert await served.status(browser, "".join(path)) == 200
        assert re.findall(r"\w+://[^/\"]+", page) == [f"ws://127.0.0.1:{served.server.port}"]
        assert "default-src 'none'" in policy
        assert "unsafe-eval" not in policy
        assert re.findall(r"\w+://\S+(?=;)", policy) == [f"ws://127.0.0.1:{served.server.port}"]

    serve(tmp_path, scenario)


def test_through_a_tunnel_the_page_asks_for_its_socket_at_the_tunnels_end(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser(inside=False) as browser:
            named = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
            async with browser.get(served.server.url, headers=named, allow_redirects=False) as response:
                cookie = response.headers["Set-Cookie"].split(";")[0]
            async with browser.get(served.base + "/", headers=named | {"Cookie": cookie}) as response:
                assert 'data-session-websocket-url="ws://localhost:9999/ws"' in await response.text()
            async with browser.ws_connect(served.base + "/ws", headers=named | {"Cookie": cookie}) as terminal:
                await heard(terminal, b"welcome")

    serve(tmp_path, scenario)


# -- the terminal behind it --------------------------------------------------------------------------------------


def test_keys_go_in_and_the_screen_comes_out(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser() as browser:
            address = f"{served.base}/ws?width=132&height=43"
            async with browser.ws_connect(address, headers=served.origin) as terminal:
                await heard(terminal, b"welcome")
                await terminal.send_json(["stdin", "pü"])
                await heard(terminal, b"typed " + "pü".encode())
                await terminal.send_json(["resize", {"width": 10**9, "height": 0}])
                await terminal.send_json(["ping", "12"])
                assert (await terminal.receive_json(timeout=30)) == ["pong", "12"]
                await until(lambda: "resize 1000 1" in served.notes())

    assert re.match(r"began \d+ 132x43", serve(tmp_path, scenario).notes()[0])


@pytest.mark.parametrize(
    "sent",
    ["no json", "{}", "[]", "7", '["stdin"]', '["stdin", 7]', '["stdin", "\\ud800"]', '["resize", {}]',
     '["resize", {"width": "x", "height": []}]', '["nosuch", 1]'],
)  # fmt: skip
def test_what_no_page_of_ours_sends_does_no_harm(tmp_path: Path, sent: str) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser() as browser:
            async with browser.ws_connect(served.base + "/ws?width=x&height=-3", headers=served.origin) as terminal:
                await heard(terminal, b"welcome")
                await terminal.send_str(sent)
                await terminal.send_bytes(b"\xff")
            async with browser.ws_connect(served.base + "/ws", headers=served.origin) as terminal:
                await heard(terminal, b"welcome")

    assert serve(tmp_path, scenario).children() == []


def test_closing_the_tab_ends_its_child_and_no_other(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        async with served.browser() as browser:
            stays = await browser.ws_connect(served.base + "/ws", headers=served.origin)
            await heard(stays, b"welcome")
            async with browser.ws_connect(served.base + "/ws", headers=served.origin) as terminal:
                await heard(terminal, b"welcome")
                assert len(served.children()) == 2
            await until(lambda: len(served.children()) == 1)
            await stays.send_json(["stdin", "x"])
            await heard(stays, b"typed x")

    assert serve(tmp_path, scenario).children() == []


def test_a_child_that_ends_closes_its_tab(tmp_path: Path) -> None:
    async def scenario(served: Served) -> None:
        address = served.base + "/ws"
        async with served.browser() as browser, browser.ws_connect(address, headers=served.origin) as terminal:
            await heard(terminal, b"welcome")
            assert (await terminal.receive(30)).type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)

    assert serve(tmp_path, scenario, how="brief").notes()[-1] == "ended"


def test_a_child_that_cannot_begin_closes_its_tab_and_says_why_where_the_server_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(served: Served) -> None:
        address = served.base + "/ws"
        async with served.browser() as browser, browser.ws_connect(address, headers=served.origin) as terminal:
            assert (await terminal.receive(30)).type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)

    serve(tmp_path, scenario, how="failing")
    assert "curated: it cannot be\n" in capsys.readouterr().out


@pytest.mark.parametrize(("how", "last"), [("obedient", "ended"), ("deaf", "quit")])
def test_the_end_of_the_server_is_the_end_of_its_children(tmp_path: Path, how: str, last: str) -> None:
    async def scenario(served: Served) -> None:
        browser = await served.left_open.enter_async_context(served.browser())
        terminal = await browser.ws_connect(served.base + "/ws", headers=served.origin)
        await heard(terminal, b"welcome")
        assert len(served.children()) == 1
        # A browser answers the server's farewell, whatever its page does.
        reading = asyncio.create_task(terminal.receive())
        served.left_open.push_async_callback(asyncio.wait, [reading])

    served = serve(tmp_path, scenario, how=how, goodbye=1.0 if how == "deaf" else 10.0)
    assert served.notes()[-1] == last
    assert served.children() == []


# -- the socket --------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_one_line_with_the_mend() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(CuratedError, match=r"give another port with --port"):
        listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("host", ["nosuch.invalid", "192.0.2.1", "300.1.1.1", ""])
def test_a_host_that_is_not_ours_is_one_line(host: str) -> None:
    if host:
        with pytest.raises(CuratedError):
            listen(host, 0)
    assert not is_loopback(host)


def test_only_loopback_counts_as_loopback() -> None:
    assert [host for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1") if not is_loopback(host)] == []
    assert [host for host in ("0.0.0.0", "::", "192.168.1.2", "localhost.evil.example") if is_loopback(host)] == []


def test_behind_a_wildcard_addresses_and_the_machines_own_name_are_let_in_but_no_other_name(tmp_path: Path) -> None:
    server = ReviewServer("false", listen("0.0.0.0", 0))

    async def scenario() -> None:
        ending, begun = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(server.serve_until(ending, begun.set))
        await begun.wait()
        base = f"http://127.0.0.1:{server.port}/"
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
            for host, status in (("rebound.example", 403), (socket.gethostname(), 303)):
                headers = {"Host": f"{host}:{server.port}"}
                url = f"{base}?token={server.door.token}"
                async with browser.get(url, headers=headers, allow_redirects=False) as response:
                    assert response.status == status, host
        ending.set()
        await serving

    assert server.url.startswith(f"http://{socket.gethostname()}:")
    asyncio.run(scenario())
