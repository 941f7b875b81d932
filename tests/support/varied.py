"""Forty pictures of many kinds and shapes, as the engine hands them to the models."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from curated.errors import PictureError
from curated.pictures.decoded import RGB
from tests.support import pictures

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "dev"
_SHAPES = ((640, 480), (480, 640), (1280, 720), (300, 300), (97, 1280), (1280, 61), (33, 47), (1000, 801))


def files(count: int = 40) -> list[Path]:
    """So many of the labelled pictures, from the whole of their folder; none where it is not there."""
    found = sorted(path for path in CORPUS.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    return found[:: max(1, len(found) // count)][:count] if found else []


@cache
def varied(count: int = 40) -> tuple[RGB, ...]:
    """Working copies of the labelled pictures, filled up with made ones of odd shapes."""
    made: list[RGB] = []
    for path in files(count - len(_SHAPES)):
        try:
            made.append(pictures.read(path).rgb)
        except PictureError:
            continue
    made.extend(_made(number) for number in range(count - len(made)))
    return tuple(made)


def _made(number: int) -> RGB:
    width, height = _SHAPES[number % len(_SHAPES)]
    smooth = np.asarray(pictures.scene(width, height, number), dtype=np.float32)
    grain = np.random.default_rng(number).normal(0, 4 * (number % 5), smooth.shape)
    blocks = pictures.scene(8, 6, number + 100).resize((width, height), Image.Resampling.NEAREST)
    mixed = 0.6 * smooth + 0.4 * np.asarray(blocks) + grain if number % 2 else smooth + grain
    return np.ascontiguousarray(mixed.clip(0, 255).astype(np.uint8))
