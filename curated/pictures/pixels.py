"""From a decoded image of any mode to upright 8-bit RGB, in bands so that a huge picture is not copied whole."""

from __future__ import annotations

import io
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image, ImageCms

from curated.pictures.decoded import RGB, WORKING_SIDE

_BAND_PIXELS = 8_000_000
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image turned as EXIF orientation 1 to 8 says."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def bands(image: Image.Image, rows_multiple: int = 1) -> Iterator[Image.Image]:
    """The image from top to bottom in full-width bands of some 8 megapixels (all but the last: whole multiples)."""
    rows = max(1, _BAND_PIXELS // (image.width * rows_multiple)) * rows_multiple
    if rows >= image.height:
        yield image
        return
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def working_pixels(image: Image.Image, side: int = WORKING_SIDE) -> tuple[RGB, float]:
    """(RGB uint8 pixels with transparency on white, longer side at most `side`; the transparent share)."""
    shrink = max(image.size) / side
    # A whole-number reduction band by band, to twice the size that is wanted at the least, then the fine one.
    factor = max(1, int(shrink) // 2)
    levels = _levels(image) if is_deep(image.mode) else None
    parts: list[RGB] = []
    clear = 0
    for band in bands(image, factor) if factor > 1 else (image,):
        rgb, transparent = _flat(band, levels)
        clear += transparent
        if factor > 1:
            size = (-(-band.width // factor), -(-band.height // factor))
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        parts.append(rgb)
    pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if shrink > 1:
        size = (max(1, round(image.width / shrink)), max(1, round(image.height / shrink)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels, dtype=np.uint8), clear / (image.width * image.height)


def is_deep(mode: str) -> bool:
    """Whether pixels of this mode are single numbers of more than 8 bits."""
    return mode.startswith(("I", "F"))


def _flat(image: Image.Image, levels: tuple[float, float] | None) -> tuple[RGB, int]:
    """(RGB pixels on white, how many were not fully opaque)."""
    if levels is not None:
        return _eight_bit(image, levels), 0
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = rgba.getchannel("A")
        transparent = int(np.count_nonzero(np.asarray(alpha) < 250))
        flat = Image.new("RGB", rgba.size, (255, 255, 255))
        flat.paste(rgba.convert("RGB"), mask=alpha)
        return np.asarray(flat), transparent
    return np.asarray(_in_srgb(image)), 0


def _in_srgb(image: Image.Image) -> Image.Image:
    """RGB by the embedded profile for CMYK, whose plain conversion is far off; other profiles are near enough."""
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK" and profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # a broken profile does not make the picture unreadable
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def _levels(image: Image.Image) -> tuple[float, float]:
    """(black, white) of a picture in 16-bit, 32-bit or floating-point numbers."""
    low, high = np.inf, -np.inf
    for band in bands(image):
        values = np.asarray(band)
        values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low > high:
        return 0.0, 1.0
    if image.mode.startswith("I;16") or (low >= 0 and 255 < high <= 65535):
        # Scanners and microscopes put 10 or 12 bits into 16: those would be all but black.
        return 0.0, 65535.0 if high > 4095 else max(high, 1.0)
    return (0.0, high) if low >= 0 and high > 65535 else (low, high)


def _eight_bit(image: Image.Image, levels: tuple[float, float]) -> RGB:
    low, high = levels
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=low, posinf=high, neginf=low)
    grey = np.clip((np.clip(values, low, high) - low) / max(high - low, 1e-9) * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
