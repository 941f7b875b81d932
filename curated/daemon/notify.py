"""Telling systemd how the daemon is (sd_notify(3)); does nothing where nobody asked."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

# Three signs within the time after which systemd takes the daemon for dead: one may be late.
_SIGNS = 3
_EXTENDED_SECONDS = 60


class ServiceManager:
    """What the service manager is told. `pulse` may be called by every step of the work, from the daemon's thread.

    Nothing is sent by a timer or a thread of its own: a daemon that hangs must fall silent.
    """

    def __init__(
        self, environ: Mapping[str, str] = os.environ, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._environ = environ
        self._now = monotonic
        self._every = _watchdog_seconds(environ) / _SIGNS
        self._last_sign = float("-inf")
        self._status = ""
        self._is_ready = False
        self._is_stopping = False

    def ready(self, status: str) -> None:
        """The daemon works, or works again after `reloading`."""
        self._is_ready, self._status = True, status
        notify(f"READY=1\nSTATUS={status}", self._environ)

    def reloading(self) -> None:
        """The configuration is being read anew; `ready` follows."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}", self._environ)

    def stopping(self) -> None:
        """The daemon ends; from now on no sign of progress buys it more time."""
        self._is_stopping = True
        notify("STOPPING=1", self._environ)

    def status(self, text: str) -> None:
        """One line for a person, sent if it is another one than before."""
        if text != self._status:
            self._status = text
            notify(f"STATUS={text}", self._environ)

    def pulse(self) -> None:
        """A step of the work was done: say so, if the last sign is long enough ago.

        Before the daemon is ready this extends the time it has to start: a move that a crash cut off may be of a file
        of many gigabytes.
        """
        if self._is_stopping or self._now() < self._last_sign + self._interval:
            return
        self._last_sign = self._now()
        if not self._is_ready:
            notify(f"EXTEND_TIMEOUT_USEC={_EXTENDED_SECONDS * 1_000_000}", self._environ)
        elif self._every:
            notify("WATCHDOG=1", self._environ)

    def next_pulse(self) -> float | None:
        """When the next sign is due, by the monotonic clock; None where no watchdog waits for one."""
        return self._last_sign + self._every if self._every else None

    @property
    def _interval(self) -> float:
        return self._every if self._is_ready else _EXTENDED_SECONDS / _SIGNS


def notify(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send lines such as "READY=1" to the service manager's socket, if there is one that listens."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect(address)
            channel.sendall(text.encode())
        except OSError as error:  # pictures are filed all the same
            log.warning("the service manager at %s cannot be told %r: %s", address, text, error.strerror)


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """After so many seconds of silence the daemon is taken for dead; 0: nobody watches (see sd_watchdog_enabled(3))."""
    wanted, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or (whose and whose != str(os.getpid())):
        return 0.0
    return int(wanted) / 1_000_000
