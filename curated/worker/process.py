"""One child process: started, talked to, watched, ended."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection

from curated.worker.messages import Batch, WorkerSpec

log = logging.getLogger(__name__)

_KEPT_LINES = 20
_SIGNAL_WORDS = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGBUS: "a bus error",
    signal.SIGABRT: "it aborted",
    signal.SIGILL: "an illegal instruction",
    signal.SIGFPE: "an arithmetic fault",
    signal.SIGKILL: "it was killed; out of memory?",
    signal.SIGXCPU: "it used too much processor time",
}


class Process:
    """A running child. `on_message` is called from a thread of its own, with None when the child has gone."""

    def __init__(self, spec: WorkerSpec, on_message: Callable[[object], None]) -> None:
        self.stderr: deque[str] = deque(maxlen=_KEPT_LINES)
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "curated.worker.child", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                # Ctrl-C in the terminal goes to the whole group; the daemon decides when the child ends.
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._connection = Connection(ours.detach())
        self._on_message = on_message
        self._threads = [
            threading.Thread(target=self._drain, name="worker-stderr", daemon=True),
            threading.Thread(target=self._receive, name="worker-replies", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        with contextlib.suppress(BrokenPipeError):  # its death is reported by the receiving thread
            self._connection.send(spec)

    @property
    def pid(self) -> int:
        return self._child.pid

    def send(self, batch: Batch) -> None:
        """Hand over a batch; a child that has just died is noticed by its silence."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send(batch)

    def kill(self) -> None:
        """End it now; `on_message(None)` follows."""
        self._child.kill()

    def close(self, grace: float) -> None:
        """Close the connection, which ends the child after the batch it is judging, or kill it after `grace`."""
        with contextlib.suppress(OSError):
            # The receiving thread sleeps in read(); only a shutdown wakes it.
            with socket.socket(fileno=os.dup(self._connection.fileno())) as pair:
                pair.shutdown(socket.SHUT_RDWR)
        try:
            self._child.wait(grace)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for thread in self._threads:
            thread.join()
        self._connection.close()

    def death(self) -> str:
        """Why it ended, for a person."""
        code = self._child.wait()
        if code < 0:
            number = signal.Signals(-code)
            return _SIGNAL_WORDS.get(number, number.name)
        return f"it ended with code {code}"

    def _receive(self) -> None:
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                self._on_message(None)
                return
            self._on_message(message)

    def _drain(self) -> None:
        stream = self._child.stderr
        if stream is None:
            return
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "backslashreplace").rstrip()
                self.stderr.append(line)
                log.debug("worker: %s", line)
