"""One open, one guarded decode, and everything that is read from it."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFile

from curated.config import Reading
from curated.domain import Arrival, Picture
from curated.errors import PictureError, PictureTooLarge, PictureTruncated, PictureUnreadable
from curated.pictures import hashes
from curated.pictures.decoded import RGB, WORKING_SIDE, Decoded
from curated.pictures.exif import CameraNotes, camera_notes
from curated.pictures.formats import DECODER_ERRORS, EXTENSIONS, explained, register_formats
from curated.pictures.pixels import upright, working_pixels
from curated.pictures.raw import open_raw_preview
from curated.pictures.sniff import HEAD_BYTES, RAW_EXTENSIONS, Sniffed, sniff
from curated.pictures.source import read_whole
from curated.pictures.thumbnails import write_thumbnail

log = logging.getLogger(__name__)


# No JPEG or GIF has so many single bytes between two of its parts.
_MOST_ONE_BY_ONE = 65_536


class _Searched(io.BytesIO):
    """The data of a picture whose next part Pillow looks for byte by byte: zeros of gigabytes would take minutes."""

    _one_by_one = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes. Raises SyntaxError, as Pillow does, where nothing was found for too long."""
        self._one_by_one = self._one_by_one + 1 if size == 1 else 0
        if self._one_by_one > _MOST_ONE_BY_ONE:
            raise SyntaxError("no marker found")
        return super().read(size)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the decoder had to say; `width` and `height` are the full picture's, upright."""

    format: str
    extension: str
    width: int
    height: int
    notes: CameraNotes
    pixel_hash: str
    rgb: RGB
    alpha_share: float


def decode(path: Path, sha256: str, arrival: Arrival | None, limits: Reading, thumbnail: Path | None = None) -> Decoded:
    """The picture's facts and working pixels.

    `arrival` is the identity the file must still have. The thumbnail, if a path is given, is written there.
    Raises PictureChanged, PictureTooLarge, PictureTruncated or PictureUnreadable, each with a reason for a
    person; nothing else escapes, whatever the bytes are.
    """
    data = read_whole(path, arrival)
    with _guarded(path, data) as sniffed:
        read = _raw(path, data, sniffed, limits) if sniffed.kind == "raw" else _picture(path, data, sniffed, limits)
    return _described(read, sha256, limits, thumbnail)


def look(path: Path, limits: Reading, side: int, most_pixels: int) -> Image.Image:
    """The picture for the eye alone: upright RGB, transparency on white, longer side at most `side`.

    No hash is taken, which is most of what `decode` costs. Raises what `decode` raises, and PictureTooLarge where
    more than `most_pixels` would have to be held in memory.
    """
    data = read_whole(path, None)
    with _guarded(path, data) as sniffed:
        if sniffed.kind == "raw":
            preview = open_raw_preview(path, data)
            turn, image = preview.orientation, _open(path, preview.stream, ("JPEG", "BMP"), limits)
        else:
            turn, image = 1, _open(path, io.BytesIO(data), (sniffed.format or "",), limits)
        _draft(image, side)
        if image.width * image.height > most_pixels:
            raise PictureTooLarge(path, f"{image.width * image.height / 1e6:,.0f} megapixels are too many to show")
        image.load()
        noted = camera_notes(image).orientation
        # libheif has turned the picture already.
        turn = 1 if image.format == "HEIF" else noted if noted > 1 else turn
        return upright(Image.fromarray(working_pixels(image, side)[0]), turn)


@contextmanager
def _guarded(path: Path, data: bytes) -> Iterator[Sniffed]:
    """What the data are, with Pillow ready for them; what its decoders raise becomes a PictureError."""
    sniffed = sniff(data[:HEAD_BYTES], path.suffix)
    if sniffed.kind in ("video", "other"):
        # Nothing, or zeros: a download that has only reserved its place may still come.
        refusal = PictureUnreadable if data[:HEAD_BYTES].strip(b"\0") else PictureTruncated
        raise refusal(path, sniffed.refusal)
    register_formats()
    try:
        yield sniffed
    except PictureError:
        raise
    except DECODER_ERRORS as error:
        log.debug("%s: %s: %s", path, type(error).__name__, error)
        raise explained(path, len(data), error, sniffed.description) from error


def _picture(path: Path, data: bytes, sniffed: Sniffed, limits: Reading) -> _Read:
    image = _open(path, io.BytesIO(data), (sniffed.format or "",), limits)
    content_format = image.format or ""
    is_jpeg = content_format in ("JPEG", "MPO")
    has_more = not is_jpeg and _has_more_frames(image)
    deep_colour = ";16" in str(image.tile)
    full_width, full_height = image.size
    if is_jpeg:
        _draft(image)
    image.load()
    notes = camera_notes(image)
    # libheif has turned the picture already.
    turn = 1 if content_format == "HEIF" else notes.orientation
    turned = upright(image, turn)
    if is_jpeg:
        pixel_hash = hashes.of_jpeg_data(data, turn)
    elif has_more:
        pixel_hash = hashes.of_file(data, "frames")
    else:
        pixel_hash = hashes.of_pixels(turned, deep_colour)
    width, height = (full_height, full_width) if turn >= 5 else (full_width, full_height)
    name = "JPEG" if is_jpeg else content_format
    return _Read(name, EXTENSIONS[content_format], width, height, notes, pixel_hash, *working_pixels(turned))


def _raw(path: Path, data: bytes, sniffed: Sniffed, limits: Reading) -> _Read:
    preview = open_raw_preview(path, data)
    image = _open(path, preview.stream, ("JPEG", "BMP"), limits)
    _draft(image)
    image.load()
    notes = camera_notes(image, data)
    turn = notes.orientation if notes.orientation > 1 else preview.orientation
    width, height = (preview.height, preview.width) if turn >= 5 else (preview.width, preview.height)
    raw_format = sniffed.format or "RAW"
    extension = path.suffix.lower() if path.suffix.lower() in RAW_EXTENSIONS else f".{raw_format.lower()}"
    pixels = working_pixels(upright(image, turn))
    return _Read(raw_format, extension, width, height, notes, hashes.of_file(data, "raw"), *pixels)


def _described(read: _Read, sha256: str, limits: Reading, thumbnail: Path | None) -> Decoded:
    phash, phash_wide = hashes.perceptual(read.rgb)
    picture = Picture(
        sha256=sha256,
        pixel_hash=read.pixel_hash,
        phash=phash,
        phash_wide=phash_wide,
        width=read.width,
        height=read.height,
        format=read.format,
        extension=read.extension,
        sharpness=hashes.sharpness(read.rgb),
        grey=hashes.grey_copy(read.rgb),
        inner=hashes.inner(read.rgb),
        taken_at=read.notes.taken_at,
        camera=read.notes.camera,
        thumbnail=write_thumbnail(read.rgb, thumbnail, limits.thumbnail_pixels) if thumbnail is not None else None,
    )
    return Decoded(picture, read.rgb, read.alpha_share, min(1.0, read.rgb.shape[1] / read.width))


def _open(path: Path, source: io.BytesIO, formats: tuple[str, ...], limits: Reading) -> ImageFile.ImageFile:
    if formats[0] in ("JPEG", "GIF"):
        source = _Searched(source.getvalue())
    image = Image.open(source, formats=formats)
    pixels = image.width * image.height
    if pixels > limits.pixel_limit:
        raise PictureTooLarge(
            path,
            f"it says it is {image.width} × {image.height} pixels, {pixels / 1e6:,.0f} megapixels; "
            f"the limit (reading.pixel_limit) is {limits.pixel_limit / 1e6:,.0f}",
        )
    if image.width < 1 or image.height < 1:
        raise PictureUnreadable(path, "it is a picture without pixels")
    return image


def _draft(image: ImageFile.ImageFile, side: int = WORKING_SIDE) -> None:
    """Have a JPEG decoded at the least scale (8/8, 4/8, 2/8, 1/8) that is not below the size that is wanted."""
    shrink = max(1.0, max(image.size) / side)
    image.draft(image.mode, (math.floor(image.width / shrink) or 1, math.floor(image.height / shrink) or 1))


def _has_more_frames(image: ImageFile.ImageFile) -> bool:
    """Whether there are more frames or pages than the first; damage behind the first counts as more."""
    try:
        return bool(getattr(image, "is_animated", False))
    except DECODER_ERRORS:
        return True
