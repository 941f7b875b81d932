"""Cheap measurements that tell drawn, rendered, written and photographed pictures apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from curated.domain import Box
from curated.pictures.decoded import RGB, Decoded

Vector = npt.NDArray[np.float32]

_SIDE = 512
# The shorter sides of common screens.
_SCREENS = frozenset(
    (360, 375, 390, 393, 412, 414, 540, 600, 640, 720, 750, 768, 800, 828, 900, 1024, 1050, 1080, 1125, 1170, 1200)
)
NAMES: tuple[str, ...] = (
    "aspect", "portrait", "log_pixels", "square", "screen_size", "alpha", "png", "jpeg", "gif_bmp", "camera", "dated",
    "flat_8", "flat_16", "colours", "top_colour", "top_4_colours", "white", "black", "border_flat", "saturation",
    "saturation_deviation", "grey", "brightness", "contrast", "edges", "strong_edges", "axis_edges", "lines_h",
    "lines_v", "noise", "noise_flat", "entropy", "text_rows", "glyphs", "band_top", "band_bottom", "sharp",
    "half_tones", "bodies", "body_score", "body_area", "faces", "face_score", "face_area",
)  # fmt: skip


def picture_statistics(decoded: Decoded, boxes: Sequence[Box]) -> Vector:
    """One float for each of NAMES, shape (len(NAMES),); all finite, roughly within 0 and 10."""
    small = _shrunk(decoded.rgb)
    values = [*_facts(decoded), *_colours(small), *_structure(small), *_bands(small), *_detections(boxes)]
    return np.nan_to_num(np.asarray(values, dtype=np.float32))


def _shrunk(rgb: RGB) -> RGB:
    scale = _SIDE / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = (max(8, round(rgb.shape[1] * scale)), max(8, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _facts(decoded: Decoded) -> list[float]:
    picture = decoded.picture
    width, height = picture.width, picture.height
    return [
        min(abs(math.log2(width / height)), 4.0),
        float(height > width * 1.1),
        math.log10(width * height),
        float(width == height),
        float(min(width, height) in _SCREENS and (width % 10 == 0 or height % 10 == 0)),
        decoded.alpha_share,
        float(picture.format == "PNG"),
        float(picture.format in ("JPEG", "HEIF")),
        float(picture.format in ("GIF", "BMP")),
        float(picture.camera is not None),
        float(picture.taken_at is not None),
    ]  # fmt: skip


def _colours(small: RGB) -> list[float]:
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    quantised = (small >> 3).astype(np.int32)
    codes = (quantised[..., 0] << 10 | quantised[..., 1] << 5 | quantised[..., 2]).ravel()
    histogram = np.sort(np.bincount(codes, minlength=1))[::-1]
    total = codes.size
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]]).astype(np.int16)
    spread = small.max(axis=2).astype(np.int16) - small.min(axis=2)
    saturation = hsv[..., 1] / 255.0
    return [
        _flat_share(grey, 8, 1.0),
        _flat_share(grey, 16, 2.0),
        math.log10(1 + np.count_nonzero(histogram)),
        histogram[0] / total,
        histogram[:4].sum() / total,
        float((small.min(axis=2) > 245).mean()),
        float((small.max(axis=2) < 12).mean()),
        float((np.abs(border - np.median(border, axis=0)).max(axis=1) < 8).mean()),
        float(saturation.mean()),
        float(saturation.std()),
        float((spread < 12).mean()),
        float(grey.mean() / 255),
        float(grey.std() / 128),
    ]


def _structure(small: RGB) -> list[float]:
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    size = np.hypot(dx, dy)
    strong = size > 200
    axis = strong & ((np.abs(dx) > 8 * np.abs(dy)) | (np.abs(dy) > 8 * np.abs(dx)))
    residue = grey - cv2.medianBlur(grey.astype(np.uint8), 3)
    quiet = cv2.blur(size, (9, 9)) < 12
    histogram = np.bincount(grey.astype(np.uint8).ravel(), minlength=256) / grey.size
    filled = histogram[histogram > 0]
    rows, columns = _runs(np.abs(dy) > 120, 1), _runs(np.abs(dx) > 120, 0)
    return [
        float((size > 60).mean()),
        float(strong.mean()),
        float(axis.sum() / max(1, strong.sum())),
        rows,
        columns,
        float(np.log1p(np.abs(residue).mean())),
        float(np.log1p(np.abs(residue[quiet]).mean())) if quiet.any() else 0.0,
        float(-(filled * np.log2(filled)).sum()),
        *_text_likeness(grey.astype(np.uint8)),
        float(np.log1p(cv2.Laplacian(grey, cv2.CV_32F).var())),
        float((histogram > 0.0005).mean()),
    ]


def _runs(mask: npt.NDArray[np.bool_], axis: int) -> float:
    """Share of rows (axis 1) or columns (axis 0) in which over a third of the pixels are edge."""
    return float((mask.mean(axis=axis) > 0.33).mean())


def _text_likeness(grey: npt.NDArray[np.uint8]) -> list[float]:
    """(share of rows that look like lines of text, density of letter-sized components)."""
    local = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 15, 20)
    ink = (local > 0).mean(axis=1)
    changes = (np.diff((local > 0).astype(np.int8), axis=1) != 0).sum(axis=1) / max(1, grey.shape[1] - 1)
    rows = (changes > 0.08) & (ink > 0.02)
    count, _, stats, _ = cv2.connectedComponentsWithStats(local, connectivity=8)
    if count < 2:
        return [float(rows.mean()), 0.0]
    boxes = stats[1:]
    heights, widths = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH]
    letters = (heights >= 4) & (heights <= 40) & (widths >= 2) & (widths <= 50)
    return [float(rows.mean()), math.log1p(letters.sum() / (grey.size / 10_000))]


def _bands(small: RGB) -> list[float]:
    """How flat the top and the bottom band are against the middle: captions above or below a picture."""
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    height = max(1, grey.shape[0] // 6)
    return [_flat_share(grey[:height], 8, 1.0), _flat_share(grey[-height:], 8, 1.0)]


def _flat_share(grey: npt.NDArray[np.uint8], cell: int, deviation: float) -> float:
    """Share of cell×cell blocks whose standard deviation is below `deviation` grey levels."""
    height, width = (side // cell * cell for side in grey.shape)
    if height == 0 or width == 0:
        return 1.0
    blocks = grey[:height, :width].reshape(height // cell, cell, width // cell, cell).astype(np.float32)
    return float((blocks.std(axis=(1, 3)) < deviation).mean())


def _detections(boxes: Sequence[Box]) -> list[float]:
    values: list[float] = []
    for label in ("person", "face"):
        found = [box for box in boxes if box.label == label]
        values += [
            min(sum(box.score >= 0.5 for box in found), 6),
            max((box.score for box in found), default=0.0),
            max(((box.right - box.left) * (box.bottom - box.top) for box in found), default=0.0),
        ]
    return values
