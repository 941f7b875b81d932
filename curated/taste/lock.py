"""Of all programs on one state, one trains at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def training_lock(database: Path, waiting: Callable[[], object] | None = None) -> Iterator[bool]:
    """Whether no other program trains on the labels of that database, and none begins to meanwhile.

    With `waiting` it is called if another one trains, whose end is waited for. Raises OSError where the lock file
    beside the database cannot be opened.
    """
    descriptor = os.open(database.with_name("training.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        alone = _taken(descriptor)
        if not alone and waiting is not None:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            alone = True
        yield alone
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
