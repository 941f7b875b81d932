"""Files that even root's tests find unreadable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534
# The group stays root's, and so its rights count, too.
_OPEN = 0o055


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Work as an ordinary user inside, to whom `folder` (but not what is in it with mode 0) is open."""
    if os.geteuid() != 0:
        yield
        return
    opened = []
    for each in (folder, *folder.parents):
        mode = each.stat().st_mode
        if mode & _OPEN != _OPEN:
            opened.append((each, mode))
            each.chmod(mode | _OPEN)
    try:
        os.seteuid(_NOBODY)
        yield
    finally:
        os.seteuid(0)
        for each, mode in opened:
            each.chmod(mode)
