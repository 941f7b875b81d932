"""A real browser: headless Chromium, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType


def _browser() -> str | None:
    """Where a Chromium is that starts; some distributions install a script that only says how to get one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            done = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60)
            if done.returncode == 0 and done.stdout:
                return path
    return None


CHROMIUM = _browser()
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--disable-dev-shm-usage", "--mute-audio", "--remote-debugging-port=0",
)  # fmt: skip


class Tab:
    """One page: what it asked for, what its websocket brought, and keys to press in it."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self.requested: list[str] = []
        self.answers: dict[str, int] = {}
        self.complaints: list[str] = []
        self.received = b""

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._browser.do(method, session=self._session, **parameters)

    async def run(self, script: str) -> Any:
        answer = await self.do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def says(self, *texts: str) -> None:
        """Return once the page's own text (not the terminal's) holds all of these."""
        said = ""
        try:
            async with asyncio.timeout(30):
                while not all(text in said for text in texts):
                    said = await self.run("document.body?.innerText ?? ''")
        except TimeoutError:
            raise AssertionError(f"waited in vain for {texts}, the page says: {said}") from None

    async def press(self, key: str) -> None:
        code = ord(key.upper())
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" else {}
            await self.do("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    async def picture(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode((await self.do("Page.captureScreenshot", format="png"))["data"])

    def take(self, method: str, parameters: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case "Network.webSocketCreated":
                self.requested.append(parameters["url"])
            case "Network.responseReceived":
                self.answers[parameters["response"]["url"]] = parameters["response"]["status"]
            case "Network.webSocketFrameReceived":
                frame = parameters["response"]
                self.received += base64.b64decode(frame["payloadData"]) if frame["opcode"] == 2 else b""
            case "Log.entryAdded":
                self.complaints.append(parameters["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))


class Chromium:
    """The running browser; each profile has cookies of its own."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tabs: dict[str, Tab] = {}

    async def do(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(30):
            answer = await self._waiting[number]
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def listen(self) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            said = message.json()
            if "id" in said:
                self._waiting.pop(said["id"]).set_result(said)
            elif tab := self._tabs.get(said.get("sessionId", "")):
                tab.take(said["method"], said["params"])

    async def open(self, url: str, *, columns: int = 1100, rows: int = 700) -> Tab:
        """A tab with that address, in a new profile."""
        context = (await self.do("Target.createBrowserContext"))["browserContextId"]
        target = await self.do(
            "Target.createTarget", url="about:blank", browserContextId=context, width=columns, height=rows
        )
        session = (await self.do("Target.attachToTarget", targetId=target["targetId"], flatten=True))["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for part in ("Page", "Network", "Runtime", "Log"):
            await tab.do(f"{part}.enable")
        await tab.do("Page.navigate", url=url)
        return tab


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    """Headless Chromium with a profile that is gone afterwards."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="curated-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True, env=os.environ | {"HOME": profile},
        )  # fmt: skip
        try:
            port_file = Path(profile) / "DevToolsActivePort"
            await until(lambda: port_file.exists() and port_file.read_text(encoding="ascii").count("\n"), "Chromium")
            port, path = port_file.read_text(encoding="ascii").split()
            address = f"ws://127.0.0.1:{port}{path}"
            # Screenshots are larger than what is taken by default.
            async with ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
                browser = Chromium(socket)
                listening = asyncio.create_task(browser.listen())
                yield browser
                listening.cancel()
        finally:
            # The session it leads holds its helpers and nobody else.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Return as soon as it holds; fail, naming what was waited for, if it never does."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {seconds:.0f} s in vain: {what}") from None
