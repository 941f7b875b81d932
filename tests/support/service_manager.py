"""What systemd is to a daemon: a socket that hears what it says, the variables that name it, and signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.clock import wait_until

ROOT = Path(__file__).parents[2]


class Manager:
    """Hears every notification; `heard` are their lines in order, `times` when each came."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.heard: list[str] = []
        self.times: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(0.05)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def environment(self, watchdog: float = 0.0) -> dict[str, str]:
        """What systemd adds to the environment of a unit with Type=notify and that WatchdogSec=."""
        found = {"NOTIFY_SOCKET": self.address}
        return found | ({"WATCHDOG_USEC": str(int(watchdog * 1e6))} if watchdog else {})

    def wait_for(self, line: str, count: int = 1) -> None:
        wait_until(lambda: self.count(line) >= count, f"{line} ({count} times)")

    def count(self, start: str) -> int:
        return sum(line.startswith(start) for line in self.heard)

    def without_watchdog(self) -> list[str]:
        return [line for line in self.heard if not line.startswith(("WATCHDOG", "STATUS", "MONOTONIC", "EXTEND"))]

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                lines = self._socket.recv(8192).decode().split("\n")
            except TimeoutError:
                continue
            self.times += [time.monotonic()] * len(lines)
            self.heard += lines

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()


@contextmanager
def started(log: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon with plain models whose stdout and stderr go to one file, as to a journal; killed if it still runs."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.plain_daemon", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            cwd=log.parent,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM, seconds: float = 30.0) -> int:
    """Ask it to end; its exit code."""
    process.send_signal(number)
    return process.wait(seconds)
