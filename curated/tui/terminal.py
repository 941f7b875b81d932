"""What the terminal can show, asked before the application takes it over."""

from __future__ import annotations

import fcntl
import importlib
import logging
import os
import re
import select
import struct
import sys
import termios
import time
import tty
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

log = logging.getLogger(__name__)

Means = Literal["kitty", "sixel", "halfblock"]
Setting = Literal["auto", "kitty", "sixel", "halfblock"]

# Pixels of a cell where nobody knows: those of a VT340. What matters is that it is twice as high as wide.
USUAL_CELL = (10, 20)
_QUESTIONS = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
_WHAT_IT_IS = re.compile(rb"\x1b\[\?([0-9;]*)c")
# For the way to a terminal far away and back; those near take milliseconds.
_PATIENCE_SECONDS = 0.5
# A terminal that cannot be asked, has no size, or (textual-image does not look closely) answers nonsense.
_NO_ANSWER = (termios.error, OSError, ValueError, ZeroDivisionError)


@dataclass(frozen=True, slots=True)
class Terminal:
    """What pictures are shown by, and the width and height of a cell in pixels."""

    means: Means = "halfblock"
    cell: tuple[int, int] = USUAL_CELL


def prepare_terminal(setting: Setting, environ: Mapping[str, str] = os.environ) -> Terminal:
    """What this process's terminal shows pictures by; to be called before the application runs, as it may be asked.

    The answers are read from standard input, which the application reads once it runs. Nothing is asked where
    there is no terminal, within a browser, or behind tmux and screen, which let no graphics through by themselves:
    half blocks are always right there.
    """
    if setting == "halfblock" or not _is_terminal() or "TEXTUAL_DRIVER" in environ:
        return Terminal()
    if setting == "auto" and is_multiplexed(environ):
        return Terminal()
    means = _means(_asked()) if setting == "auto" else setting
    if means != "halfblock":
        # What draws those asks the terminal on import, too, which it must not do later.
        with suppress(*_NO_ANSWER):
            importlib.import_module("textual_image.renderable")
    if means == "kitty" and isinstance(environ, os._Environ):
        # Whatever speaks this protocol has all colours, but SSH does not tell; the pictures' numbers travel as colours.
        environ.setdefault("COLORTERM", "truecolor")
    return Terminal(means, _cell())


def _asked() -> bytes:
    """What the terminal says to: can you show a pixel by Kitty's protocol, and what are you?

    All terminals answer the second question, in order, so that nobody is waited for who does not know the first.
    textual-image waits a tenth of a second for each, and brings numpy with it.
    """
    said = b""
    try:
        descriptor = sys.__stdin__.fileno() if sys.__stdin__ else -1
        before = termios.tcgetattr(descriptor)
        try:
            tty.setcbreak(descriptor, termios.TCSANOW)
            os.write(sys.__stdout__.fileno() if sys.__stdout__ else -1, _QUESTIONS)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not _WHAT_IT_IS.search(said) and (left := deadline - time.monotonic()) > 0:
                if select.select([descriptor], [], [], left)[0]:
                    said += os.read(descriptor, 1024)
        finally:
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
    except _NO_ANSWER as error:
        log.warning("pictures in half blocks, as the terminal could not be asked what it can do: %s", error)
    return said


def _means(said: bytes) -> Means:
    # Sixel first: Konsole and WezTerm claim Kitty's protocol but not the part that is needed; Kitty has no Sixel.
    found = _WHAT_IT_IS.search(said)
    if found and b"4" in found[1].split(b";"):
        return "sixel"
    return "kitty" if b"\x1b_Gi=31;OK" in said else "halfblock"


def _cell() -> tuple[int, int]:
    try:
        size = fcntl.ioctl(sys.__stdout__, termios.TIOCGWINSZ, bytes(8)) if sys.__stdout__ else bytes(8)
        rows, columns, width, height = struct.unpack("4H", size)
    except _NO_ANSWER:
        return USUAL_CELL
    return (width // columns, height // rows) if min(width // max(columns, 1), height // max(rows, 1)) else USUAL_CELL


def is_multiplexed(environ: Mapping[str, str]) -> bool:
    """Whether tmux or screen stand between us and the terminal."""
    return bool(environ.get("TMUX") or environ.get("STY")) or environ.get("TERM", "").startswith(("tmux", "screen"))


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stdout__))
