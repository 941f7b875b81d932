"""Fingerprints of what a picture shows, as opposed to of its bytes."""

from __future__ import annotations

import hashlib
import struct

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from curated.domain import GREY_SIDE
from curated.pictures.decoded import RGB
from curated.pictures.pixels import bands, is_deep

_SHARPNESS_SIDE = 512
_BORDER_NOISE = 10
_LEAST_BORDER, _MOST_BORDER = 0.02, 0.5
_HASH_SIDE = 256
_MARKERS_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))


def perceptual(rgb: RGB) -> tuple[str, str]:
    """imagehash's 64-bit and 256-bit pHash (hex) of a picture.

    Both are taken from one 256-pixel grey copy made by area averaging, so that re-encodes and resizes of a
    picture meet the same input.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = Image.fromarray(cv2.resize(grey, (_HASH_SIDE, _HASH_SIDE), interpolation=cv2.INTER_AREA))
    return str(imagehash.phash(small, hash_size=8)), str(imagehash.phash(small, hash_size=16))


def grey_copy(rgb: RGB) -> bytes:
    """A grey copy squashed to GREY_SIDE × GREY_SIDE by area averaging, one byte a pixel."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return bytes(cv2.resize(grey, (GREY_SIDE, GREY_SIDE), interpolation=cv2.INTER_AREA).tobytes())


def inner(rgb: RGB) -> str:
    """The 64-bit pHash (hex) of what is inside a border of one colour; "" where there is no border to speak of."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    rows, columns = _bare(grey), _bare(grey.T)
    top, bottom, left, right = (_run(each) for each in (rows, rows[::-1], columns, columns[::-1]))
    trimmed = top + bottom, left + right
    if max(trimmed[0] / height, trimmed[1] / width) < _LEAST_BORDER:
        return ""
    if trimmed[0] > height * _MOST_BORDER or trimmed[1] > width * _MOST_BORDER:
        return ""  # mostly paper: what is left of a page tells nothing of its own
    return perceptual(rgb[top : height - bottom, left : width - right])[0]


def _bare(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which rows are of one colour, the noise of a JPEG apart."""
    low, high = np.percentile(grey, (2, 98), axis=1)
    return np.asarray(high - low <= _BORDER_NOISE)


def _run(bare: npt.NDArray[np.bool_]) -> int:
    return int(np.argmin(bare)) if not bare.all() else len(bare)


def sharpness(rgb: RGB) -> float:
    """Variance of the Laplacian of a grey copy whose longer side is at most 512 pixels (Pech-Pacheco 2000)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = _SHARPNESS_SIDE / max(grey.shape)
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in grey.shape)
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def of_pixels(image: Image.Image, deep_colour: bool = False) -> str:
    """sha256 (hex) of size and pixels of an oriented picture at full resolution.

    The same for the same pixels whatever lossless container holds them; transparency counts. `deep_colour` says
    that the file has 16 bits a channel, of which Pillow keeps eight: it is not the same as its 8-bit copy.
    """
    if is_deep(image.mode):
        mode = "I;16" if image.mode.startswith("I;16") else image.mode
    else:
        mode = "RGBA" if _is_translucent(image) else "RGB"
    digest = hashlib.sha256(f"pixels {mode} {deep_colour} {image.width} {image.height}\n".encode())
    for band in bands(image):
        pixels = np.asarray(band if is_deep(image.mode) or band.mode == mode else band.convert(mode))
        # The byte order is the container's, not the picture's.
        digest.update(np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def of_file(data: bytes, why: str) -> str:
    """sha256 (hex) of a file whose first picture is not all of it: several frames or pages, or sensor data."""
    return hashlib.sha256(f"{why}\n".encode() + data).hexdigest()


def of_jpeg_data(data: bytes, orientation: int) -> str:
    """sha256 (hex) of a JPEG without its metadata segments (APPn, COM).

    A JPEG is decoded at reduced scale, so its full pixels are not at hand; its compressed data stand for them
    and stay the same when only metadata change. What follows its end (a phone's moving picture) counts.
    """
    digest = hashlib.sha256(f"jpeg {orientation}\n".encode())
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _MARKERS_WITHOUT_LENGTH:
            at += 2
            continue
        if marker == 0xDA:  # start of scan: entropy-coded data follow to the end
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        is_metadata = 0xE0 <= marker <= 0xEF or marker == 0xFE
        # APP14 (Adobe) says how colours are coded: it is part of the picture.
        if not is_metadata or marker == 0xEE:
            digest.update(data[at : at + 2 + length])
        at += 2 + length
    digest.update(memoryview(data)[at:])
    return digest.hexdigest()


def _is_translucent(image: Image.Image) -> bool:
    if not image.has_transparency_data:
        return False
    return any(
        (band if band.mode == "RGBA" else band.convert("RGBA")).getchannel("A").getextrema() != (255, 255)
        for band in bands(image)
    )
