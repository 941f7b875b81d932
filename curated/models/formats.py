"""Cheap looks at checkpoints: whether a file is whole and of a format we read, from its first and last bytes."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_LONGEST_HEADER = 100_000_000


def what_is_wrong(path: Path) -> str | None:
    """What makes a checkpoint unusable at first sight, in words, or None; the weights themselves are not read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
        if not head:
            return "is empty"
        if path.suffix == ".safetensors":
            return _safetensors(path)
        if head.startswith(_ZIP):
            return None if zipfile.is_zipfile(path) else "ends too early"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None if head.startswith(_PICKLE) else "is no PyTorch checkpoint"


def _safetensors(path: Path) -> str | None:
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8).ljust(8, b"\0"))
        if not 0 < length < _LONGEST_HEADER:
            return "is no safetensors file"
        try:
            header = json.loads(stream.read(length))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return "ends too early" if size < 8 + length else "is no safetensors file"
    return "ends too early" if size < 8 + length + end else None
