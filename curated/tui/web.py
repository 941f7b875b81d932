"""The review in a browser: textual-serve behind a door that opens once, and to one browser.

address with a token -> cookie (the token is void) -> page -> websocket -> `curated review` as a child of the server
"""

from __future__ import annotations

import asyncio
import html
import ipaddress
import re
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from string import Template

import textual_serve.server
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService

from curated.errors import CuratedError

LOOPBACK = "127.0.0.1"
_PAGE = Path(__file__).with_name("web.html")
_SCRIPT = Path(__file__).with_name("web.js")
_FOLDERS = ("css", "fonts", "js")
# A child ends after the move under way, which may be a copy to another disk.
_GOODBYE_SECONDS = 20.0
_REFUSED = "403: `curated review --web` prints an address that opens the review once, in one browser. Start it anew.\n"

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    return host == "localhost" or ((address := _address(host)) is not None and address.is_loopback)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises CuratedError with the mend."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except PermissionError as error:
        raise CuratedError(f"port {port} may not be used: {error.strerror}; give one above 1023 with --port") from error
    except OSError as error:
        raise CuratedError(
            f"{host}, port {port}: cannot listen there: {error.strerror}; "
            "give another port with --port (0: any that is free)"
        ) from error


class Door:
    """Lets in whoever brings the token, once, and afterwards only the browser that did.

    A cookie alone would let other web pages in: by a name that is made to lead to this machine (DNS rebinding; the Host
    header tells) or by a websocket, which no same-origin policy holds back (the Origin header tells).
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._token: str | None = secrets.token_urlsafe(32)
        self._pass = secrets.token_urlsafe(32)
        # Cookies do not know ports: a second review on this machine must not take the first one's away.
        self._cookie = f"curated-{secrets.token_hex(4)}"

    @property
    def token(self) -> str | None:
        """What opens the door, None once it has."""
        return self._token

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Every request passes here, before its route is looked at."""
        if not self._addressed_to_us(request):
            raise web.HTTPForbidden(text=_REFUSED)
        if not _same(request.cookies.get(self._cookie), self._pass):
            return self._open(request)
        if request.query.get("token") is not None and request.path == "/":
            # Used before, by this browser: the address without it is the one to bookmark, and no secret.
            raise web.HTTPSeeOther("/")
        return await handler(request)

    def _open(self, request: web.Request) -> web.StreamResponse:
        # A HEAD is the look of something that shows previews of addresses.
        if request.method != "GET" or request.path != "/" or not _same(request.query.get("token"), self._token):
            raise web.HTTPForbidden(text=_REFUSED)
        self._token = None
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(self._cookie, self._pass, httponly=True, samesite="Strict", path="/")
        return response

    def _addressed_to_us(self, request: web.Request) -> bool:
        host = request.headers.get("Host", "").lower()
        origin = request.headers.get("Origin")
        if origin is None and request.headers.get("Upgrade") is not None:
            return False
        return self._is_ours(host) and origin in (None, f"http://{host}")

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names this server; any port will do, as a tunnel may begin at another one."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["name"].strip("[]")
        if is_loopback(self._host):
            return is_loopback(name)
        # Nobody can make an address or this machine's own name lead elsewhere.
        return _address(name) is not None or name in ("localhost", self._host.lower(), socket.gethostname().lower())


class _Sitting(AppService):
    """One browser tab and its child; the tab is told when the child has ended, however it did."""

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self.remote_close()

    async def end(self, seconds: float) -> None:
        """Ask the child to end, wait for it so long, and kill it if it has not ended."""
        process = self._process
        if process is None:
            return
        # Beside it, not around it: the base class takes a cancellation for the end of the child, and goes on.
        stopping = asyncio.create_task(self.stop())
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                process.kill()
        await process.wait()
        # Its output ends with it, unless something it started holds the pipe.
        await asyncio.wait([stopping], timeout=1)
        stopping.cancel()


class ReviewServer(textual_serve.server.Server):
    """Serves `command`, a shell's command line that runs a Textual app, on a listening socket.

    A child that is told to end has `goodbye` seconds for it.
    """

    def __init__(self, command: str, listening: socket.socket, goodbye: float = _GOODBYE_SECONDS) -> None:
        host, port = listening.getsockname()[:2]
        super().__init__(command, host=host, port=port, title="curated")
        self.door = Door(host)
        self._listening = listening
        self._goodbye = goodbye
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def url(self) -> str:
        """The address that opens the review, once."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        if (address := _address(self.host)) is not None and address.is_unspecified:
            name = socket.gethostname()
        return f"http://{name}:{self.port}/?token={self.door.token}"

    def serve(self, debug: bool = False, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until Ctrl-C, SIGTERM or SIGHUP; every child has ended when it returns.

        `ready` is called as soon as the address can be opened.
        """
        self.debug = debug
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: Callable[[], None]) -> None:
        ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

        def end() -> None:
            ending.set()
            # The second time, at once.
            for number in signals:
                loop.remove_signal_handler(number)

        for number in signals:
            loop.add_signal_handler(number, end)
        await self.serve_until(ending, ready)

    async def serve_until(self, ending: asyncio.Event, ready: Callable[[], None]) -> None:
        """Serve until that is set; every child has ended when it returns."""
        # The requests are not logged: the first one holds the token.
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=self._goodbye + 5)
        await runner.setup()
        try:
            await web.SockSite(runner, self._listening).start()
            ready()
            await ending.wait()
        finally:
            await runner.cleanup()

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self.door.guard])
        app.add_routes([web.get("/", self.show_page), web.get("/ws", self.handle_websocket)])
        app.add_routes([web.get("/web.js", _script)])
        app.add_routes([web.static(f"/{folder}", self.statics_path / folder) for folder in _FOLDERS])
        app.on_shutdown.append(self.on_shutdown)
        app.on_response_prepare.append(_seal)
        return app

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002 - aiohttp's signature
        for websocket in set(self._sockets):
            await websocket.close(code=1001)

    async def show_page(self, request: web.Request) -> web.Response:
        """The page that draws the terminal."""
        page = Template(_PAGE.read_text(encoding="utf-8"))
        # The door has checked this header; it is the right name and port through a tunnel, too.
        address = html.escape(f"ws://{request.headers['Host']}/ws")
        return web.Response(text=page.substitute(websocket=address), content_type="text/html")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(heartbeat=15)
        await websocket.prepare(request)
        sitting = _Sitting(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=_closing(websocket),
            download_manager=self.download_manager,
        )
        self._sockets.add(websocket)
        try:
            await sitting.start(_cells(request, "width", 80), _cells(request, "height", 24))
            await self._process_messages(websocket, sitting)
        finally:
            self._sockets.discard(websocket)
            await sitting.end(self._goodbye)
            await websocket.close()
        return websocket

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        async for message in websocket:
            try:
                if message.type is WSMsgType.TEXT:
                    await _pass_on(message.json(), websocket, app_service)
            except (ValueError, TypeError, LookupError, AttributeError):
                # Not what our page sends.
                await websocket.close(code=1007)


async def _pass_on(envelope: list[object], websocket: web.WebSocketResponse, sitting: AppService) -> None:
    match envelope:
        case ["stdin", str(text)]:
            await sitting.send_bytes(text.encode())
        case ["resize", {"width": int(width), "height": int(height)}]:
            await sitting.set_terminal_size(_within(width), _within(height))
        case ["ping", str(sent)]:
            await websocket.send_json(["pong", sent])
        case ["blur"]:
            await sitting.blur()
        case ["focus"]:
            await sitting.focus()


async def _script(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(_SCRIPT)


async def _seal(request: web.Request, response: web.StreamResponse) -> None:
    """Nothing is fetched from elsewhere, whatever the page or a file name in it says; nobody else frames it."""
    host = request.headers.get("Host", "")
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        f"img-src 'self' data:; connect-src ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"


def _closing(websocket: web.WebSocketResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await websocket.close()

    return close


def _cells(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return _within(int(text)) if text.isascii() and text.isdigit() else default


def _within(cells: int) -> int:
    return max(1, min(cells, 1000))


def _same(given: str | None, wanted: str | None) -> bool:
    if given is None or wanted is None:
        return False
    return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
