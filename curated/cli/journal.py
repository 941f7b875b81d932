"""Lines as journald takes them: with the priority in front."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TextIO

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
