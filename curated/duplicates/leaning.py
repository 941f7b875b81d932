"""One picture laid over another that was turned by a few degrees: scans, straightened horizons."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from curated.domain import GREY_SIDE
from curated.duplicates.likeness import Look, Overlay, overlay

if TYPE_CHECKING:
    from curated.duplicates.likeness import Grey

# Degrees that are tried. Half a step beside one of them moves what is at the rim by a third of a grey copy's pixel.
_DEGREES = (-5.0, -3.5, -2.0, 2.0, 3.5, 5.0)
# The likeness of two pictures as wholes from which on it is worth to lay them over each other.
_WORTH_A_LOOK = 0.5


def leaning(one: Look, other: Look) -> Overlay | None:
    """How one picture lies on the other if it is turned by a few degrees; None where they are not alike then.

    By what lies within its frame whichever way it is turned, so that corners that were filled or cut off say nothing.
    """
    best, likeness = 0.0, _WORTH_A_LOOK
    without_rim = {abs(degrees): _within(other, 0.0, degrees).grey for degrees in _DEGREES}
    for degrees in _DEGREES:
        turned = _within(one, degrees, degrees).grey
        # The other may have lost its rim or still have it, with corners that are filled.
        for known in (other.grey, without_rim[abs(degrees)]):
            found = _correlation(turned, known)
            if found > likeness:
                best, likeness = degrees, found
    return replace(overlay(_within(one, best, best), other), lean=best) if best else None


def _within(one: Look, degrees: float, rim: float) -> Look:
    """The picture turned, as much of it in its own shape as lies within its frame when it is turned by `rim`."""
    import numpy

    if not degrees and not rim:
        return one
    angle, room = math.radians(degrees), math.radians(abs(rim))
    share = 1 / (math.cos(room) + max(one.shape, 1 / one.shape) * math.sin(room))
    at = ((numpy.arange(GREY_SIDE, dtype=numpy.float32) + 0.5) / GREY_SIDE - 0.5) * share
    across, down = at[None, :] * one.shape, at[:, None]
    x = (across * math.cos(angle) - down * math.sin(angle)) / one.shape
    y = across * math.sin(angle) + down * math.cos(angle)
    columns, rows = (numpy.clip((each + 0.5) * GREY_SIDE - 0.5, 0, GREY_SIDE - 1.001) for each in (x, y))
    left, top = columns.astype(int), rows.astype(int)
    right_share, lower_share = columns - left, rows - top
    upper = one.grey[top, left] * (1 - right_share) + one.grey[top, left + 1] * right_share
    lower = one.grey[top + 1, left] * (1 - right_share) + one.grey[top + 1, left + 1] * right_share
    grey: Grey = (upper * (1 - lower_share) + lower * lower_share).astype(numpy.float32)
    return Look(grey, one.shape)


def _correlation(one: Grey, other: Grey) -> float:
    import numpy

    return float(numpy.corrcoef(one.ravel(), other.ravel())[0, 1]) if one.std() and other.std() else 0.0
