"""Pillow made ready for files that nobody vouches for, and its complaints in words for a person."""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from curated.errors import PictureError, PictureTooLarge, PictureTruncated, PictureUnreadable

EXTENSIONS = {
    "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "TIFF": ".tif", "BMP": ".bmp",
    "DIB": ".bmp", "HEIF": ".heic", "AVIF": ".avif",
}  # fmt: skip

# What Pillow and its plugins raise on broken data; anything else is a bug and shall be seen as one.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, EOFError,
    ZeroDivisionError, NotImplementedError, RuntimeError, AssertionError, struct.error, zlib.error, MemoryError,
    Warning, Image.DecompressionBombError,
)  # fmt: skip

_TRUNCATED = ("truncated", "unexpected end", "not enough", "end of file", "premature", "incomplete")
_VARIETY = ("unsupported", "not supported", "unknown", "no decoder", "not implemented", "cannot handle")
_CHECKSUM = ("checksum", "crc")
_LOCK = threading.Lock()


def register_formats() -> None:
    """Make Pillow ready for this process: HEIF known, its own limit off, no warnings; calling it again is cheap."""
    with _LOCK:
        # Our own limit, said in our own words, takes the place of Pillow's.
        Image.MAX_IMAGE_PIXELS = None
        if "HEIF" not in Image.OPEN:
            import pillow_heif

            Image.init()
            pillow_heif.register_heif_opener()
    # Pillow warns of odd metadata in pictures that decode perfectly well, and raises where they do not.
    # `catch_warnings` would be no help: it changes the filters of all threads, and several decode at once.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def explained(path: Path, size: int, error: BaseException, description: str) -> PictureError:
    """A decoder's complaint about a file of `size` bytes as something a person understands.

    The decoder's own words are not repeated: they speak of its code ("Skipping tag 42112"). `decode`
    logs them.
    """
    what = description.removeprefix("an ").removeprefix("a ").removesuffix(" picture")
    lowered = str(error).lower()
    if isinstance(error, MemoryError):
        return PictureTooLarge(path, "it needs more memory than there is")
    if isinstance(error, UnidentifiedImageError):
        return PictureUnreadable(
            path, f"it begins like {description}, but the rest is damaged or of a variety that cannot be read"
        )
    if isinstance(error, EOFError) or any(sign in lowered for sign in _TRUNCATED):
        return PictureTruncated(path, f"the {what} data end before the picture does ({size:,} bytes are there)")
    if any(sign in lowered for sign in _CHECKSUM):
        return PictureUnreadable(path, f"the {what} data are damaged: a checksum does not fit")
    if isinstance(error, NotImplementedError) or any(sign in lowered for sign in _VARIETY):
        return PictureUnreadable(path, f"the {what} data are damaged or of a variety that cannot be read")
    return PictureUnreadable(path, f"the {what} data are damaged")
