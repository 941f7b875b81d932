"""A picture that is known to be good, to tell a broken model process from bad pictures."""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import weakref
import zlib
from pathlib import Path

from curated.domain import Arrival
from curated.worker.messages import Job

_SIDE = 64


class Trial:
    """`jobs` is a batch of that one picture, a temporary file until `close()`; `deaths` counts those it was seen at.

    Raises OSError if there is nowhere to put it.
    """

    def __init__(self) -> None:
        self.deaths = 0
        data = _png()
        descriptor, name = tempfile.mkstemp(".png", "curated-")
        path = Path(name)
        os.close(descriptor)
        # Whatever becomes of the daemon, unless it is killed.
        self.close = weakref.finalize(self, path.unlink, missing_ok=True)
        path.write_bytes(data)
        found = path.stat()
        arrival = Arrival(path, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)
        self.jobs = (Job(path, hashlib.sha256(data).hexdigest(), arrival),)


def _png() -> bytes:
    """A grey square; written by hand, for this process must not load Pillow."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * _SIDE) * _SIDE)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
