"""One child process: started, talked to, watched, ended."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import select
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
_LONGEST_LINE = 2_000
# How long a child that has closed its end may take to be gone: its threads may hang.
_DYING_SECONDS = 2.0
# How often its memory is looked at: a decoder that writes as fast as it can takes about half a gigabyte meanwhile.
_LOOK_SECONDS = 0.25
# Of the machine's memory, where models.memory_mb does not say otherwise.
_MOST_MEMORY = 0.75
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
        self._on_message = on_message
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._child = subprocess.Popen(
                # -P: a file named like a module in the working directory must not be run in its place.
                [sys.executable, "-P", "-m", "curated.worker.child", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                # Ctrl-C in the terminal goes to the whole group; the daemon decides when the child ends.
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            self._connection = Connection(ours.detach())
        self._limit_mb = spec.models.memory_mb or int(_machine_memory() * _MOST_MEMORY / 1e6)
        self._ate = False
        # Opened before anybody can reap it, so that they can mean no other process.
        self._ending = os.pidfd_open(self._child.pid)
        self._statm = os.open(f"/proc/{self._child.pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        # Sent by a thread: a child that does not read must not make the daemon wait.
        self._outbox: queue.SimpleQueue[WorkerSpec | Batch | None] = queue.SimpleQueue()
        self._outbox.put(spec)
        self._threads = [
            threading.Thread(target=self._drain, name="worker-stderr", daemon=True),
            threading.Thread(target=self._receive, name="worker-replies", daemon=True),
            threading.Thread(target=self._send, name="worker-batches", daemon=True),
            threading.Thread(target=self._mind_memory, name="worker-memory", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    def send(self, batch: Batch) -> None:
        """Hand over a batch, without waiting; a child that has just died is noticed by its silence."""
        self._outbox.put(batch)

    def kill(self) -> None:
        """End it now, with all that it has started; `on_message(None)` follows."""
        # Not reaped yet, so that the number cannot belong to anybody else.
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def close(self, grace: float) -> None:
        """Close the connection, which ends the child after the batch it is judging, or kill it after `grace`."""
        # The receiving thread sleeps in read(); only a shutdown wakes it.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as pair:
            pair.shutdown(socket.SHUT_RDWR)
        self._outbox.put(None)
        self._end(grace)
        for thread in self._threads:
            # A process that the child has started and let go of may keep its standard error open for ever.
            thread.join(_DYING_SECONDS)
        self._connection.close()

    def death(self) -> str:
        """Why it ended, for a person; to be asked when it has closed its end."""
        ended = self._end(_DYING_SECONDS)
        code = self._child.returncode
        if self._ate:
            return f"it held more memory than models.memory_mb allows, {self._limit_mb:,} MB"
        if not ended:
            return "it closed its connection, but did not end"
        if code >= 0:
            return f"it ended with code {code}"
        try:
            number = signal.Signals(-code)
        except ValueError:
            return f"signal {-code}"
        return _SIGNAL_WORDS.get(number, number.name)

    def _end(self, grace: float) -> bool:
        """Wait for the child to end, kill what is left of it then, and reap it; whether it had ended by itself."""
        if self._child.returncode is not None:
            return True
        watch = os.pidfd_open(self._child.pid)
        try:
            ended = bool(select.select([watch], [], [], grace)[0])
        finally:
            os.close(watch)
        self.kill()
        self._child.wait()
        return ended

    def _send(self) -> None:
        while (message := self._outbox.get()) is not None:
            try:
                self._connection.send(message)
            except OSError:
                return  # it has gone: the receiving thread says so

    def _receive(self) -> None:
        try:
            while True:
                self._on_message(self._connection.recv())
        except (EOFError, OSError):
            pass  # it closed its end, perhaps in the middle of a message
        except Exception:  # the thread's edge: without its last word the daemon would wait for ever
            log.exception("the worker said something that cannot be read")
            self.kill()
        self._on_message(None)

    def _mind_memory(self) -> None:
        """Kill the child when it holds too much memory, before the machine has none left for anybody else.

        RLIMIT_AS and RLIMIT_DATA count what is reserved: for CUDA and for thread stacks many times what is used. And
        a request that they refuse may be an innocent picture's, decoded beside the one that took it all.
        """
        try:
            while not select.select([self._ending], [], [], _LOOK_SECONDS)[0]:
                _, resident, shared, *_ = (int(word) for word in os.pread(self._statm, 200, 0).split())
                # What is shared is files mapped, weights above all: the kernel can drop those.
                if (resident - shared) * os.sysconf("SC_PAGE_SIZE") > self._limit_mb * 1e6:
                    self._ate = True
                    signal.pidfd_send_signal(self._ending, signal.SIGKILL)
                    return
        except ProcessLookupError:
            pass  # it has ended just now
        finally:
            os.close(self._statm)
            os.close(self._ending)

    def _drain(self) -> None:
        stream = self._child.stderr
        if stream is None:
            return
        with stream:
            while raw := stream.readline(_LONGEST_LINE):
                line = raw.decode("utf-8", "backslashreplace").rstrip()
                if line:
                    self.stderr.append(line)
                    log.debug("worker: %s", line)


def _machine_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
