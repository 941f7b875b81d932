"""Grey copies for pictures that were filed before there were any: from their thumbnails, nothing is judged anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curated.config import Reading
from curated.domain import Photo
from curated.duplicates.likeness import code_of, pack
from curated.errors import NotFound, PictureError
from curated.state.database import Database
from curated.state.pairs import Likeness, Pairs
from curated.state.store import Store

_SIDE = 384
_MOST_PIXELS = 200_000_000


def complete(database: Database, limits: Reading) -> Iterator[tuple[Photo, str]]:
    """Each picture that had no grey copy, and why it has none still: "" where it has one now.

    What ended midway goes on where it ended. A daemon that runs sees crops of them once it is started again.
    """
    pairs, store = Pairs(database), Store(database)
    last = 0
    while ids := pairs.without_grey(last):
        for last in ids:
            try:
                photo = store.get(last)
            except NotFound:
                continue  # removed from the trash meanwhile
            try:
                grey, inner = _seen(photo, limits)
            except PictureError as error:
                yield photo, error.reason
                continue
            model, vector = store.embedding(last) or ("", b"")
            pairs.set_likeness(last, Likeness(pack(grey), inner, model, code_of(vector)))
            yield photo, ""


def _seen(photo: Photo, limits: Reading) -> tuple[bytes, str]:
    """(grey copy, hash inside a border), by the thumbnail or else the picture itself. Raises PictureError."""
    if photo.thumbnail is not None and photo.thumbnail.exists():
        try:
            return _looked_at(photo.thumbnail, limits)
        except PictureError:
            pass  # a damaged one of the cache says nothing of the picture
    return _looked_at(photo.path, limits)


def _looked_at(file: Path, limits: Reading) -> tuple[bytes, str]:
    import numpy

    from curated.pictures import hashes
    from curated.pictures.decode import look

    rgb = numpy.array(look(file, limits, _SIDE, _MOST_PIXELS))
    return hashes.grey_copy(rgb), hashes.inner(rgb)
