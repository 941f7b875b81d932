"""Files that even root's tests find unreadable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534
# What follows the interpreter's name to run `curated` held to the rights of files as everybody else is: root without
# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
HELD_TO_RIGHTS = (
    "-c",
    """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "curated", *sys.argv[1:]])
""",
)
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
