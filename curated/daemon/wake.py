"""Waking the daemon's loop from other threads and from signal handlers."""

from __future__ import annotations

import queue


class Wake:
    """Like threading.Event, but `set` is safe in a signal handler (SimpleQueue.put is reentrant, Event.set is not)."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """End the present wait, or the next."""
        self._queue.put(None)

    def clear(self) -> None:
        """Forget every `set` so far."""
        while not self._queue.empty():
            self._queue.get()

    def wait(self, seconds: float) -> None:
        """Sleep until `set`, at most so long."""
        try:
            self._queue.get(timeout=seconds)
        except queue.Empty:
            return
