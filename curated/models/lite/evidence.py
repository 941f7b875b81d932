"""What is measured of a picture before its kind is judged: the same here and when the head is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from curated.domain import Box
from curated.models.base import Vectors
from curated.models.lite.backbone import SIDE, EfficientNetLite0, unit
from curated.models.lite.statistics import picture_statistics
from curated.pictures.decoded import RGB, Decoded

# A sharp edge counts no more than this, or one line of text would outweigh a whole meadow.
_MOST_EDGE = 60.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of n pictures: the unit embedding (n, 1280), ImageNet logits (n, 1000), and the kind head's blocks.

    The blocks are "pooled" (the embedding), "texture" (of the whole picture), "grain" (the mean texture of
    two crops at full resolution, where paint, pixels, print and film differ) and "statistics".
    """

    embedding: Vectors
    logits: Vectors
    blocks: dict[str, Vectors]


def gather(network: EfficientNetLite0, batch: Sequence[Decoded], boxes: Sequence[Sequence[Box]]) -> Evidence:
    """The evidence of a batch; `boxes` are the detector's for each picture."""
    views = [view for decoded in batch for view in (decoded.rgb, *native_crops(decoded.rgb))]
    seen = network.features(views)
    embedding = unit(seen.pooled[::3])
    blocks: dict[str, Vectors] = {
        "pooled": embedding,
        "texture": seen.texture[::3],
        "grain": ((seen.texture[1::3] + seen.texture[2::3]) / 2).astype(np.float32),
        "statistics": np.stack([picture_statistics(*pair) for pair in zip(batch, boxes, strict=True)]),
    }
    return Evidence(embedding, seen.logits[::3], blocks)


def native_crops(rgb: RGB) -> tuple[RGB, RGB]:
    """Two crops of at most 224×224 pixels, not scaled: the middle, and the place with the most detail."""
    height, width = rgb.shape[:2]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.minimum(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), _MOST_EDGE)
    summed = cv2.boxFilter(detail, -1, (min(SIDE, width), min(SIDE, height)))
    y, x = np.unravel_index(int(summed.argmax()), summed.shape)
    return _crop(rgb, height // 2, width // 2), _crop(rgb, int(y), int(x))


def _crop(rgb: RGB, y: int, x: int) -> RGB:
    top = min(max(y - SIDE // 2, 0), max(0, rgb.shape[0] - SIDE))
    left = min(max(x - SIDE // 2, 0), max(0, rgb.shape[1] - SIDE))
    return np.ascontiguousarray(rgb[top : top + SIDE, left : left + SIDE])
