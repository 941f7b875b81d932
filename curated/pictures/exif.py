"""What the camera wrote: date, make and model, orientation. Damage here never makes a picture unreadable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate
from typing import Any

from PIL import ExifTags, Image

from curated.pictures.formats import DECODER_ERRORS

_EARLIEST_YEAR = 1840  # before photography a date is a clock that was never set
# Days a clock starts from when it has lost its battery: Mac, Unix and FAT epochs.
_UNSET_DAYS = frozenset((date(1904, 1, 1), date(1970, 1, 1), date(1980, 1, 1)))
_FORMS = ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y:%m:%d %H:%M")
_XMP_DATE = re.compile(rb"(?:exif:DateTimeOriginal|photoshop:DateCreated)\s*(?:=\s*[\"']|>)\s*([0-9T:.+ Z-]{16,35})")
_COMPANY = re.compile(
    r"(?:[\s,.]+(?:corporation|corp|company|co|ltd|inc|gmbh|ag|imaging|optical|computer|electronics|techwin))+\.*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class CameraNotes:
    """`orientation` is 1 to 8; `taken_at` is local time without a zone, never one of the file's own times."""

    orientation: int
    taken_at: datetime | None
    camera: str | None


def camera_notes(image: Image.Image, raw: bytes | None = None) -> CameraNotes:
    """What is noted in an opened image; of a RAW file (`raw`) its own notes go before those of its preview."""
    tags = _tags(image)
    own = _tags_of_raw(raw)
    info = image.info
    return CameraNotes(
        orientation=orientation(tags),
        taken_at=taken_at(own, {}) or taken_at(tags, info),
        camera=camera(own) or camera(tags),
    )


def taken_at(exif: Image.Exif, info: Mapping[Any, Any]) -> datetime | None:
    """The local time the picture was taken, without zone, or None."""
    try:
        inner = exif.get_ifd(ExifTags.IFD.Exif)
    except DECODER_ERRORS:
        inner = {}
    xmp = info.get("xmp")
    noted = _XMP_DATE.search(xmp) if isinstance(xmp, bytes) else None
    for value in (
        inner.get(ExifTags.Base.DateTimeOriginal),
        inner.get(ExifTags.Base.DateTimeDigitized),
        noted[1] if noted else None,
        info.get("Creation Time"),
    ):
        if found := _moment(value):
            return found
    return None


def camera(exif: Image.Exif) -> str | None:
    """ "Make Model" with the make said once and without its legal form, or None."""
    make, model = _COMPANY.sub("", _text(_get(exif, ExifTags.Base.Make))), _text(_get(exif, ExifTags.Base.Model))
    if not model:
        return make or None
    if make and not model.lower().startswith(make.split()[0].lower()):
        return f"{make} {model}"
    return model


def orientation(exif: Image.Exif) -> int:
    """EXIF orientation 1 to 8; anything else counts as 1 (upright)."""
    value = _get(exif, ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _tags(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except DECODER_ERRORS:
        return Image.Exif()


def _tags_of_raw(raw: bytes | None) -> Image.Exif:
    """The tags of a RAW file that is TIFF inside, as most are."""
    exif = Image.Exif()
    if raw is not None and raw.startswith((b"II*\0", b"MM\0*")):
        try:
            exif.load(raw)
        except DECODER_ERRORS:
            return Image.Exif()
    return exif


def _get(exif: Image.Exif, tag: int) -> object:
    try:
        return exif.get(tag)
    except DECODER_ERRORS:
        return None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "ignore")
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable()).strip()[:80]


def _moment(value: object) -> datetime | None:
    text = _text(value)
    moment = _in_a_form(text[:19]) or _in_a_form(text[:16])
    if moment is None and (parts := parsedate(text)) is not None:  # PNG recommends RFC 1123
        try:
            moment = datetime(*parts[:6])  # noqa: DTZ001 - the camera's local time
        except ValueError:
            return None
    if moment is None or moment.date() in _UNSET_DAYS:
        return None
    return moment if _EARLIEST_YEAR <= moment.year <= datetime.now(UTC).year + 1 else None


def _in_a_form(text: str) -> datetime | None:
    for form in _FORMS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - EXIF has no zone
        except ValueError:
            continue
    return None
