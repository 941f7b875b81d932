"""Opening a picture in the desktop's own viewer, which the review neither waits for nor ends with."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

_OPENERS = ("xdg-open", "open")


class NoViewer(Exception):
    """There is nothing here to open a picture with; the text says why."""


def open_outside(file: Path, complain: Callable[[str], None]) -> None:
    """Hand the file to the desktop; `complain` is called from another thread if it could not open it.

    Raises NoViewer where there is no desktop.
    """
    opener = next((found for name in _OPENERS if (found := shutil.which(name))), None)
    if opener is None:
        raise NoViewer("There is no viewer to open it with: xdg-open is not installed.")
    if Path(opener).name == "xdg-open" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise NoViewer("There is no desktop here to open it on (no DISPLAY).")
    # A thread of its own that ends with the process: the viewer may stay open for hours.
    threading.Thread(target=_run, args=(opener, file, complain), name="viewer", daemon=True).start()


def _run(opener: str, file: Path, complain: Callable[[str], None]) -> None:
    try:
        done = subprocess.run(
            [opener, os.fspath(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
    except OSError as error:
        complain(f"{opener} could not be started: {error.strerror}")
        return
    if done.returncode:
        complain(f"{Path(opener).name} could not open the picture (exit {done.returncode}).")
