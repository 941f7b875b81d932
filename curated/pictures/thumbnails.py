"""Thumbnails in the cache: whole or not there."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from PIL import Image

from curated.pictures.decoded import RGB

log = logging.getLogger(__name__)


def write_thumbnail(rgb: RGB, target: Path, side: int) -> Path | None:
    """`target`, now a JPEG whose longer side is at most `side`; None where the cache could not take it.

    A cache that is full or not writable is no reason to leave a picture unfiled. It is ours, so an older
    thumbnail of that name is replaced.
    """
    small = Image.fromarray(rgb)
    small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        small.save(temporary, "JPEG", quality=85)
        temporary.replace(target)
    except OSError as error:
        log.warning("no thumbnail %s: %s", target, error.strerror or error)
        _remove(temporary)
        return None
    return target


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return  # it never came to be, or the folder is not ours: there is nothing to tidy up
