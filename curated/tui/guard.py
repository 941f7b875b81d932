"""Running an app so that the terminal is left as it was found, whatever happens inside."""

from __future__ import annotations

import asyncio
import os
import platform
import select
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from textual.app import App
from textual.worker import WorkerFailed

from curated import __version__
from curated.errors import CuratedError

Returned = TypeVar("Returned")
_FILE = "review-traceback.txt"
_DRAWING_THREAD = "textual-output"
_LOOK_SECONDS = 2.0


class Guarded(App[Returned]):
    """An app that an error ends without a screenful of code on the terminal; `trouble` is the first one."""

    trouble: BaseException | None = None

    def _handle_exception(self, error: Exception) -> None:
        if self.trouble is None:
            self.trouble = error.error if isinstance(error, WorkerFailed) else error
        super()._handle_exception(error)
        # Textual prints these when it has given the terminal back; they go into a file instead.
        self._exit_renderables.clear()

    def failed_elsewhere(self, error: Exception) -> None:
        """End by an error of another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._handle_exception, error)


def run_guarded(
    app: Guarded[Returned], folder: Path, at_hangup: Callable[[], object] = lambda: None
) -> Returned | None:
    """What the app returns.

    SIGTERM and SIGINT end it as its quit key does. When the terminal is gone, `at_hangup` is called and the process
    ends. Raises the CuratedError that ended it; after any other error one that names the file, in `folder` if it can be
    written, that the traceback is in.
    """

    def hang_up(*_: object) -> None:
        # Textual would wait for ever for the thread that draws, which has nothing left to draw on.
        at_hangup()
        os._exit(128 + signal.SIGHUP)

    signal.signal(signal.SIGHUP, hang_up)
    with _threads_heard(app, hang_up):
        sitting = _run(app, hang_up)
        returned = asyncio.run(sitting)
    if app.trouble is None:
        return returned
    if isinstance(app.trouble, CuratedError):
        raise app.trouble
    where = _write_down(app.trouble, folder)
    said = "".join(traceback.format_exception_only(app.trouble)).strip()
    raise CuratedError(
        f"the review broke off, every decision until then is kept: {said}; the traceback is in {where}"
    ) from app.trouble


async def _run(app: Guarded[Returned], hang_up: Callable[[], None]) -> Returned | None:
    loop = asyncio.get_running_loop()
    watching = asyncio.create_task(_watch_terminal(hang_up)) if os.isatty(0) else None
    leaving: list[asyncio.Task[bool]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: leaving.append(asyncio.create_task(app.run_action("app.quit"))))
    try:
        return await app.run_async()
    finally:
        if watching is not None:
            watching.cancel()


async def _watch_terminal(hang_up: Callable[[], None]) -> None:
    """Notice that the terminal is gone where no signal says so: Textual would read from nothing, again and again."""
    terminal = select.poll()
    terminal.register(0, 0)  # that it hung up is told without being asked for
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if terminal.poll(0):
            hang_up()


@contextmanager
def _threads_heard(app: Guarded[Returned], hang_up: Callable[[], None]) -> Iterator[None]:
    """An error that ends a thread ends the app, instead of being printed across the screen."""
    before = threading.excepthook

    def hear(failed: threading.ExceptHookArgs) -> None:
        drawing = failed.thread is not None and failed.thread.name == _DRAWING_THREAD
        if drawing and isinstance(failed.exc_value, OSError):
            hang_up()
        elif isinstance(failed.exc_value, Exception):
            app.failed_elsewhere(failed.exc_value)
        else:
            before(failed)

    threading.excepthook = hear
    try:
        yield
    finally:
        threading.excepthook = before


def _write_down(error: BaseException, folder: Path) -> Path:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    head = f"curated {__version__}, Python {platform.python_version()}, {platform.platform()}, {now}\n\n"
    text = head + "".join(traceback.format_exception(error))
    try:
        path = folder / _FILE
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError:
        path = Path(tempfile.mkdtemp(prefix="curated-")) / _FILE
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path
