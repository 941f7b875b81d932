"""What the camera wrote: date, make and model, orientation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from PIL import ExifTags, Image

_EARLIEST_YEAR = 1840  # before photography a date is a clock that was never set
_UNSET_YEARS = frozenset((1904, 1970))  # epochs: a camera without a clock writes them


def taken_at(exif: Image.Exif, info: Mapping[Any, Any]) -> datetime | None:
    """The local time the picture was taken, without zone, or None; never the file's own times."""
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    for value in (
        inner.get(ExifTags.Base.DateTimeOriginal),
        inner.get(ExifTags.Base.DateTimeDigitized),
        info.get("Creation Time"),
        info.get("date:create") if "exif" in info else None,
    ):
        if found := _moment(value):
            return found
    return None


def camera(exif: Image.Exif) -> str | None:
    """ "Make Model" with the make said once, or None."""
    make, model = (_text(exif.get(tag)) for tag in (ExifTags.Base.Make, ExifTags.Base.Model))
    if not model:
        return make or None
    if make and not model.lower().startswith(make.split()[0].lower()):
        return f"{make} {model}"
    return model


def orientation(exif: Image.Exif) -> int:
    """EXIF orientation 1 to 8; anything else counts as 1 (upright)."""
    value = exif.get(ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "ignore")
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable()).strip()[:80]


def _moment(value: object) -> datetime | None:
    text = _text(value)
    for form in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S"):
        try:
            moment = datetime.strptime(text[:19], form)  # noqa: DTZ007 - EXIF has no zone
        except ValueError:
            continue
        if moment.year < _EARLIEST_YEAR or moment.year in _UNSET_YEARS or moment.year > datetime.now(UTC).year + 1:
            return None
        return moment
    return None
