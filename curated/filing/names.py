"""The next free name: pure functions on paths, and the search for one that is free."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from curated.files import NAME_BYTES

# Up to here every number is tried; beyond, gaps are worth less than speed.
_TRIED_IN_ORDER = 8
_JOINERS = "\u200d\ufe0e\ufe0f"


def numbered(targets: Sequence[Path], number: int) -> tuple[Path, ...]:
    """The targets with one stem for all, " 2", " 3"… after it (nothing for 1), each at most 255 bytes.

    The stem is the first target's. What follows it in the other names (`.MOV`, `.jpg.xmp`) is kept; a name that
    does not begin with it is numbered by its own stem.
    """
    old = targets[0].stem
    suffixes = [_suffix(target, old) for target in targets]
    mark = f" {number}" if number > 1 else ""
    room = NAME_BYTES - len(os.fsencode(mark)) - max(len(os.fsencode(suffix or "")) for suffix in suffixes)
    new = shorten(old, room) + mark
    return tuple(
        target.with_name(_with_mark(target, mark) if suffix is None else new + suffix)
        for target, suffix in zip(targets, suffixes, strict=True)
    )


def renamed(target: Path, old_stem: str, new_stem: str) -> Path:
    """Where a companion goes when its picture's stem changes: `IMG_1.jpg.xmp` keeps `.jpg.xmp`.

    A name that is not the old stem and something after it stays as it is.
    """
    suffix = _suffix(target, old_stem)
    return target if suffix is None else target.with_name(new_stem + suffix)


def shorten(stem: str, most: int) -> str:
    """The stem cut to at most so many bytes, never inside a character, and never to nothing."""
    if len(os.fsencode(stem)) <= most:
        return stem
    cut, used = 0, 0
    for character in stem:
        used += len(os.fsencode(character))
        if used > most:
            break
        cut += 1
    return stem[:cut].rstrip(" ." + _JOINERS) or stem[: max(cut, 1)]


def first_free(targets: Sequence[Path], is_free: Callable[[tuple[Path, ...]], bool]) -> tuple[Path, ...]:
    """The targets under a number that is free for all; the least one unless there are very many.

    After the first few, the number doubles until it is free and is then halved in between: thousands of
    pictures with one caption cost a few looks each, not thousands.
    """
    for number in range(1, _TRIED_IN_ORDER + 1):
        if is_free(found := numbered(targets, number)):
            return found
    taken, free = _TRIED_IN_ORDER, _TRIED_IN_ORDER * 2
    while not is_free(numbered(targets, free)):
        taken, free = free, free * 2
    while free - taken > 1:
        middle = (taken + free) // 2
        if is_free(numbered(targets, middle)):
            free = middle
        else:
            taken = middle
    return numbered(targets, free)


def _suffix(target: Path, stem: str) -> str | None:
    """What follows the stem; None where the name is another's (`IMG_10.xmp` is not of `IMG_1`)."""
    suffix = target.name.removeprefix(stem)
    return None if len(suffix) == len(target.name) or suffix[:1].isalnum() else suffix


def _with_mark(target: Path, mark: str) -> str:
    room = NAME_BYTES - len(os.fsencode(mark + target.suffix))
    return shorten(target.stem, room) + mark + target.suffix
