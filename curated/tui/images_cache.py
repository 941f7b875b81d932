"""Pictures of screen size kept on disk below our own cache, so that no original is decoded twice."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from pathlib import Path

from PIL import Image

from curated.pictures.formats import DECODER_ERRORS

log = logging.getLogger(__name__)

_OURS = re.compile(r"[0-9a-f]{64}-\d+\.jpg")
_UNFINISHED = re.compile(r"\.[0-9a-f]{64}-\d+\.jpg\.\d+-\d+")
# After making room there shall be some, or every picture from then on would have to make room again.
_LEAVE = 0.9


class ScreenCache:
    """JPEGs by sha256 and side, at most `limit` bytes together; those not looked at for longest go first.

    A cache that is full, read-only or broken only makes the review slower: nothing here raises OSError.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._held: int | None = None  # bytes; unknown until something is written

    def read(self, sha256: str, side: int) -> Image.Image | None:
        """The picture, if it is kept and whole."""
        path = self._path(sha256, side)
        image = read_jpeg(path)
        if image is not None:
            with contextlib.suppress(OSError):
                os.utime(path)
        return image

    def write(self, sha256: str, side: int, image: Image.Image) -> None:
        """Keep the picture, whole or not at all."""
        target = self._path(sha256, side)
        temporary = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            image.save(temporary, "JPEG", quality=88)
            size = temporary.stat().st_size
            temporary.replace(target)
        except OSError as error:
            log.debug("not kept for the screen: %s: %s", target, error.strerror or error)
            _remove(temporary)
            return
        self._make_room(size)

    def _path(self, sha256: str, side: int) -> Path:
        return self._folder / sha256[:2] / f"{sha256}-{side}.jpg"

    def _make_room(self, added: int) -> None:
        with self._lock:
            if self._held is not None:
                self._held += added
                if self._held <= self._limit:
                    return
            kept = self._kept()
            held = sum(size for _, size, _ in kept)
            if held > self._limit:
                for _, size, path in sorted(kept):
                    if held <= self._limit * _LEAVE:
                        break
                    _remove(path)
                    held -= size
            self._held = held

    def _kept(self) -> list[tuple[float, int, Path]]:
        """(last use, bytes, path) of each file that is ours; what another process left unfinished counts as old."""
        found = []
        for folder in _entries(self._folder):
            for entry in _entries(Path(folder.path)):
                unfinished = _UNFINISHED.fullmatch(entry.name) is not None
                if not unfinished and not _OURS.fullmatch(entry.name):
                    continue
                with contextlib.suppress(OSError):
                    seen = entry.stat(follow_symlinks=False)
                    found.append((seen.st_mtime, seen.st_size, Path(entry.path)))
        return found


def read_jpeg(path: Path) -> Image.Image | None:
    """One of our own JPEGs as RGB, or None where it is not there or not whole."""
    try:
        with path.open("rb") as stream, Image.open(stream, formats=("JPEG",)) as image:
            image.load()
            return image if image.mode == "RGB" else image.convert("RGB")
    except DECODER_ERRORS:
        return None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
