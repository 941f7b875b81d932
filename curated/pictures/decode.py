"""One open, one guarded decode, and everything that is read from it."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from curated.config import Reading
from curated.domain import Arrival, Picture
from curated.errors import PictureChanged, PictureError, PictureTooLarge, PictureTruncated, PictureUnreadable
from curated.pictures import exif as exif_tags
from curated.pictures import hashes
from curated.pictures.decoded import RGB, WORKING_SIDE, Decoded
from curated.pictures.raw import open_raw_preview
from curated.pictures.sniff import HEAD_BYTES, Sniffed, sniff

EXTENSIONS = {
    "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "TIFF": ".tif", "BMP": ".bmp",
    "DIB": ".bmp", "HEIF": ".heic", "AVIF": ".avif",
}  # fmt: skip
_TRUNCATED_SIGNS = ("truncated", "unexpected end", "not enough", "end of file", "premature", "incomplete")
# What Pillow and its plugins raise on broken data; anything else is a bug and shall be seen as one.
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, EOFError,
    ZeroDivisionError, NotImplementedError, RuntimeError, AssertionError, struct.error, zlib.error, MemoryError,
    UserWarning, DeprecationWarning, Image.DecompressionBombError,
)  # fmt: skip
_MAX_FILE_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class _Opened:
    data: bytes
    extension: str


def decode(path: Path, sha256: str, arrival: Arrival | None, limits: Reading, thumbnail: Path | None = None) -> Decoded:
    """The picture's facts and working pixels.

    `arrival` is the identity the file must still have. The thumbnail, if a path is given, is written there.
    Raises PictureChanged, PictureTooLarge, PictureTruncated or PictureUnreadable, each with a reason for a
    person; nothing else escapes, whatever the bytes are.
    """
    opened = _Opened(_read(path, arrival), path.suffix.lower())
    sniffed = sniff(opened.data[:HEAD_BYTES], opened.extension)
    if sniffed.kind in ("video", "other"):
        raise PictureUnreadable(path, f"not a picture: {sniffed.description}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Pillow warns of these on files that decode perfectly well.
        warnings.filterwarnings("ignore", message=".*(EXIF|MPO|TIFF|Metadata|metadata|iCCP|Palette images).*")
        warnings.filterwarnings("ignore", category=ResourceWarning)
        try:
            return _decode(path, opened, sha256, sniffed, limits, thumbnail)
        except PictureError:
            raise
        except _DECODER_ERRORS as error:
            raise _explained(path, opened, error, sniffed.description) from error


def _read(path: Path, arrival: Arrival | None) -> bytes:
    """The whole file, read through one descriptor whose identity is that of the arrival."""
    try:
        # O_NONBLOCK: opening a FIFO that took the file's place must not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise PictureChanged(path, "it was removed before it could be read") from None
    except OSError as error:
        raise PictureChanged(path, f"it cannot be opened: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PictureChanged(path, "it is no longer a regular file")
        if arrival and (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) != (
            arrival.device, arrival.inode, arrival.size, arrival.mtime_ns,
        ):  # fmt: skip
            raise PictureChanged(path, "it was changed before it could be read")
        if status.st_size > _MAX_FILE_BYTES:
            raise PictureTooLarge(path, f"{status.st_size / 1e9:.1f} GB is more than any picture needs")
        try:
            return stream.read()
        except OSError as error:
            raise PictureChanged(path, f"it cannot be read: {error.strerror}") from error


def _decode(
    path: Path, opened: _Opened, sha256: str, sniffed: Sniffed, limits: Reading, thumbnail: Path | None
) -> Decoded:
    is_raw = sniffed.kind == "raw"
    if is_raw:
        image = _open(path, open_raw_preview(path, opened.data), ("JPEG", "BMP"), limits)
    else:
        image = _open(path, io.BytesIO(opened.data), (sniffed.format or "",), limits)
    full_width, full_height = image.size
    content_format = image.format or ""
    tags = image.getexif()
    turn = 1 if content_format == "HEIF" else exif_tags.orientation(tags)
    if turn >= 5:
        full_width, full_height = full_height, full_width
    lossy_jpeg = content_format in ("JPEG", "MPO")
    if lossy_jpeg:
        image.draft("RGB" if image.mode != "L" else "L", (WORKING_SIDE, WORKING_SIDE))
    image.load()
    if lossy_jpeg:
        pixel_hash = hashes.of_jpeg_data(opened.data, turn)
        upright = ImageOps.exif_transpose(image) if turn > 1 else image
    else:
        upright = ImageOps.exif_transpose(image) if turn > 1 else image
        pixel_hash = hashes.of_pixels(upright)
    rgb, alpha_share = _working_pixels(upright)
    phash, phash_wide = hashes.perceptual(rgb)
    if thumbnail is not None:
        _write_thumbnail(rgb, thumbnail, limits.thumbnail_pixels)
    picture = Picture(
        sha256=sha256,
        pixel_hash=pixel_hash,
        phash=phash,
        phash_wide=phash_wide,
        width=full_width,
        height=full_height,
        format=path.suffix[1:].upper() if is_raw else content_format.replace("MPO", "JPEG"),
        extension=opened.extension if is_raw else EXTENSIONS[content_format],
        sharpness=hashes.sharpness(rgb),
        taken_at=exif_tags.taken_at(tags, image.info),
        camera=exif_tags.camera(tags),
        thumbnail=thumbnail,
    )
    return Decoded(picture, rgb, alpha_share, rgb.shape[1] / full_width)


def _open(path: Path, source: io.BytesIO, formats: tuple[str, ...], limits: Reading) -> ImageFile.ImageFile:
    register_formats()
    # Our own limit, said in our own words, takes the place of Pillow's.
    Image.MAX_IMAGE_PIXELS = None
    image = Image.open(source, formats=formats)
    pixels = image.width * image.height
    if pixels > limits.pixel_limit:
        raise PictureTooLarge(
            path,
            f"{image.width}×{image.height} is {pixels / 1e6:,.0f} megapixels, more than reading.pixel_limit "
            f"({limits.pixel_limit / 1e6:,.0f})",
        )
    if image.width < 1 or image.height < 1:
        raise PictureUnreadable(path, "a picture without pixels")
    return image


def register_formats() -> None:
    """Load Pillow's plugins and teach it HEIF; calling it again changes nothing."""
    if "HEIF" not in Image.OPEN:
        import pillow_heif

        Image.init()
        pillow_heif.register_heif_opener()


def _working_pixels(image: Image.Image) -> tuple[RGB, float]:
    """RGB uint8 pixels, transparency on white, longer side at most WORKING_SIDE; the transparent share."""
    alpha_share = 0.0
    if image.mode.startswith(("I;16", "I", "F")):
        image = _eight_bit(image)
    scale = WORKING_SIDE / max(image.size)
    if scale < 1 and image.mode in ("P", "1"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        if scale < 1:
            rgba.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=2.0)
        alpha = np.asarray(rgba)[:, :, 3]
        alpha_share = float((alpha < 250).mean())
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        flat = Image.alpha_composite(white, rgba).convert("RGB")
        return np.ascontiguousarray(np.asarray(flat)), alpha_share
    flat = _in_srgb(image)
    pixels = np.asarray(flat)
    if scale < 1:
        size = (max(1, round(flat.width * scale)), max(1, round(flat.height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels, dtype=np.uint8), alpha_share


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


def _eight_bit(image: Image.Image) -> Image.Image:
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16") or (low >= 0 and high > 255):
        low, high = 0.0, max(high, 1.0) if high > 65535 else 65535.0 if high > 4095 else high
    span = max(high - low, 1e-9)
    return Image.fromarray(np.clip((values - low) / span * 255, 0, 255).astype(np.uint8))


def _write_thumbnail(rgb: RGB, target: Path, side: int) -> None:
    """A JPEG at `target`, complete or not at all; the cache is ours, so an older one is replaced."""
    small = Image.fromarray(rgb)
    small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    small.save(temporary, "JPEG", quality=85)
    temporary.replace(target)


def _explained(path: Path, opened: _Opened, error: BaseException, description: str) -> PictureError:
    """The decoder's complaint as something a person understands."""
    text = str(error) or type(error).__name__
    what = description.removeprefix("an ").removeprefix("a ").removesuffix(" picture")
    if isinstance(error, MemoryError):
        return PictureTooLarge(path, "it needs more memory than there is")
    if isinstance(error, UnidentifiedImageError):
        return PictureUnreadable(
            path, f"it begins like {description}, but its header is broken or of a variety that cannot be read"
        )
    lowered = text.lower()
    if isinstance(error, EOFError) or any(sign in lowered for sign in _TRUNCATED_SIGNS):
        return PictureTruncated(path, f"the {what} data end before the picture does ({len(opened.data):,} bytes)")
    if "checksum" in lowered or "crc" in lowered:
        return PictureUnreadable(path, f"the {what} data are damaged: a checksum does not fit")
    return PictureUnreadable(path, f"the {what} data are damaged: {text.splitlines()[0][:120]}")
