"""Lines as journald takes them: with the priority in front, or with fields (`journalctl CURATED_PICTURE=12`).

The fields, as far as a line has them: CURATED_EVENT (filed, review, duplicate, failed, retry, changed, left, blocked),
CURATED_PICTURE (its number), CURATED_FILE (where it came from), CURATED_TARGET (where it is now), CURATED_REASON.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

SOCKET = Path("/run/systemd/journal/socket")

# sd-daemon(3).
ERROR, WARNING, INFO, DEBUG = 3, 4, 6, 7
_OF_LEVEL = ((logging.ERROR, ERROR), (logging.WARNING, WARNING), (logging.INFO, INFO))


def is_journal(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written there goes to journald, see JOURNAL_STREAM in systemd.exec(5)."""
    wanted = environ.get("JOURNAL_STREAM", "")
    if not wanted:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return wanted == f"{found.st_dev}:{found.st_ino}"


def prefixed(priority: int, line: str, stream: TextIO) -> str:
    """The line, with its priority in front where journald reads it."""
    return f"<{priority}>{line}" if is_journal(stream) else line


def priority_of(level: int) -> int:
    """The priority of a logging level."""
    return next((priority for least, priority in _OF_LEVEL if level >= least), DEBUG)


class Journal:
    """Where lines with fields go; `at` is None where there is none, as for a unit whose output goes to a file."""

    def __init__(self, at: Path | None) -> None:
        self._at = os.fspath(at) if at is not None and at.is_socket() else None

    @classmethod
    def behind(cls, stream: TextIO) -> Journal:
        """The journal that this stream is connected with, if it is."""
        return cls(SOCKET if is_journal(stream) else None)

    def send(self, priority: int, message: str, fields: Mapping[str, str]) -> bool:
        """Whether it was taken; values are to be free of line ends, names are CURATED_… without that."""
        if self._at is None:
            return False
        entry = {"MESSAGE": message, "PRIORITY": str(priority), "SYSLOG_IDENTIFIER": "curated"}
        entry |= {f"CURATED_{name.upper()}": value for name, value in fields.items() if value}
        text = "".join(f"{name}={value}\n" for name, value in entry.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto(text.encode("utf-8", "backslashreplace"), self._at)
            except OSError:  # it restarts, or the line is too long for it: the stream takes it all the same
                return False
        return True
