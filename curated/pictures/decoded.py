"""What one decode gives."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from curated.domain import Picture

# Longer side, in pixels, of the working copy that all models share.
WORKING_SIDE = 1280

RGB = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded picture.

    `rgb` is a C-contiguous uint8 array (height, width, 3), EXIF orientation applied, transparency laid on
    white, first frame, longer side at most WORKING_SIDE; `alpha_share` is the share of pixels that were not
    fully opaque; `original_scale` is working width / full width (≤ 1). `sent` is what the models have of it
    on their device already, if anything (`ModelSet.send_ahead`).
    """

    picture: Picture
    rgb: RGB
    alpha_share: float = 0.0
    original_scale: float = 1.0
    sent: object | None = field(default=None, repr=False, compare=False)
