"""Waking the daemon's loop from other threads and from signal handlers."""

from __future__ import annotations

import os
import select
import signal
import threading
from types import TracebackType
from typing import Self


class Wake:
    """Like threading.Event, but `set` is safe in a signal handler, and a signal by itself ends a wait.

    Python runs a signal's handler only between two of its own steps: one that comes just before the wait begins would
    be seen when the wait is over. The kernel's side of the handler writes to our pipe at once (signal.set_wakeup_fd).
    """

    def __init__(self) -> None:
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._reading, self._writing = os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "wb", buffering=0)
        self._before: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
        self._writing.close()
        self._reading.close()

    def set(self) -> None:
        """End the present wait, or the next."""
        # A full pipe (nothing is written then) ends the wait as well; a closed one has nobody waiting.
        if not self._writing.closed:
            self._writing.write(b"\0")

    def clear(self) -> None:
        """Forget every `set` so far."""
        while self._reading.read(4096):
            pass

    def wait(self, seconds: float) -> None:
        """Sleep until `set`, at most so long."""
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)
