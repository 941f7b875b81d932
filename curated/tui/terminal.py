"""What the terminal can show, asked before the application takes it over."""

from __future__ import annotations

import logging
import os
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

log = logging.getLogger(__name__)

Means = Literal["kitty", "sixel", "halfblock"]
Setting = Literal["auto", "kitty", "sixel", "halfblock"]

# Pixels of a cell where nobody knows: those of a VT340. What matters is that it is twice as high as wide.
USUAL_CELL = (10, 20)
# A terminal that answers nonsense, or has no size; the question is textual-image's, which does not look closely.
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
    try:
        # On import it asks the terminal, and keeps the answers.
        from textual_image import renderable
    except _NO_ANSWER as error:
        log.warning("pictures in half blocks, as the terminal did not say what it can do: %s", error)
        return Terminal()
    found: Means = "halfblock"
    if renderable.Image is renderable.SixelImage:
        found = "sixel"
    elif renderable.Image is renderable.TGPImage:
        found = "kitty"
    means = found if setting == "auto" else setting
    if means == "kitty" and isinstance(environ, os._Environ):
        # Whatever speaks this protocol has all colours, but SSH does not tell; the pictures' numbers travel as colours.
        environ.setdefault("COLORTERM", "truecolor")
    return Terminal(means, _cell())


def _cell() -> tuple[int, int]:
    from textual_image._terminal import get_cell_size

    try:
        width, height = get_cell_size()
    except _NO_ANSWER:
        return USUAL_CELL
    return width, height


def is_multiplexed(environ: Mapping[str, str]) -> bool:
    """Whether tmux or screen stand between us and the terminal."""
    return bool(environ.get("TMUX") or environ.get("STY")) or environ.get("TERM", "").startswith(("tmux", "screen"))


def _is_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stdout__))
