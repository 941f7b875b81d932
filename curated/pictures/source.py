"""A picture's bytes, taken from the very file that arrived or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from curated.domain import Arrival
from curated.errors import PictureChanged, PictureTooLarge
from curated.files import Identity, open_regular

_MOST_BYTES = 2 * 1024**3
_REFUSALS = {
    errno.ENOENT: "it was removed before it could be read",
    errno.EINVAL: "it is no longer a regular file",
    errno.ELOOP: "it is a symbolic link now",
    errno.EACCES: "there is no permission to read it",
    errno.ENXIO: "it is no longer a regular file",  # a socket
}


def read_whole(path: Path, arrival: Arrival | None) -> bytes:
    """The whole file, read through one descriptor whose identity is that of the arrival from first byte to last.

    Raises PictureChanged if it is another file, is changed meanwhile or cannot be read, and PictureTooLarge.
    """
    try:
        descriptor = open_regular(path)
    except OSError as error:
        raise PictureChanged(path, _refusal(error)) from error
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        before = Identity.of(os.fstat(descriptor))
        if arrival is not None and before != Identity.of_arrival(arrival):
            raise PictureChanged(path, "it was changed before it could be read")
        if before.size > _MOST_BYTES:
            raise PictureTooLarge(path, f"{before.size / 1e9:.1f} GB is more than any picture needs")
        try:
            data = stream.read()
        except OSError as error:
            raise PictureChanged(path, _refusal(error)) from error
        if Identity.of(os.fstat(descriptor)) != before:
            raise PictureChanged(path, "it was changed while it was read")
        return data


def _refusal(error: OSError) -> str:
    return _REFUSALS.get(error.errno or 0, f"it cannot be read: {error.strerror or error}")
