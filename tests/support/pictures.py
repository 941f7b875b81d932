"""Pictures made on the spot: a scene with enough structure for perceptual hashes, and files that lie."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from curated.config import Reading
from curated.domain import Arrival
from curated.pictures.decode import decode
from curated.pictures.decoded import Decoded

LIMITS = Reading()


def scene(width: int = 320, height: int = 240, seed: int = 1) -> Image.Image:
    """A smooth, colourful RGB picture without symmetry; the same for the same seed."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """The image as the bytes of a file."""
    if form == "HEIF":
        from curated.pictures.formats import register_formats

        register_formats()
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def write(path: Path, data: bytes) -> Path:
    """The path, now holding the bytes."""
    path.write_bytes(data)
    return path


def read(path: Path, thumbnail: Path | None = None) -> Decoded:
    """The picture decoded under the default limits, as the file that is there now."""
    return decode(path, "0" * 64, arrival(path), LIMITS, thumbnail)


def arrival(path: Path) -> Arrival:
    """The arrival that a path is now."""
    found = path.lstat()
    return Arrival(path, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)


def exif(orientation: int | None = None, taken: str | None = None, make: str = "", model: str = "") -> Image.Exif:
    """EXIF tags as a camera writes them."""
    tags = Image.Exif()
    if orientation is not None:
        tags[0x0112] = orientation
    if make:
        tags[0x010F] = make
    if model:
        tags[0x0110] = model
    if taken is not None:
        tags.get_ifd(0x8769)[0x9003] = taken
    return tags


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that claims to have so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + png_chunk(b"IEND", b"")
    )


def gif_that_says(width: int, height: int) -> bytes:
    """A GIF of forty bytes that claims to have so many pixels."""
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2\2\x4c\1\0"
    return b"GIF89a" + screen + frame + b";"


def tiff_that_says(width: int, height: int) -> bytes:
    """An uncompressed TIFF of a few hundred bytes that claims to have so many pixels."""
    tags: list[tuple[int, int, bytes | list[int]]] = [
        (256, 4, [width]), (257, 4, [height]), (258, 3, [8]), (259, 3, [1]), (262, 3, [1]), (273, 4, [8]),
        (277, 3, [1]), (278, 4, [height]), (279, 4, [64]),
    ]  # fmt: skip
    return b"II*\0" + struct.pack("<I", 8 + 64) + bytes(64) + _ifd(tags, 8 + 64)


def dng(preview: bytes, orientation: int = 1, taken: str = "2021:05:06 07:08:09") -> bytes:
    """A camera RAW file (DNG): 64×48 sensor values, a JPEG preview, and what the camera noted."""
    width, height = 64, 48
    sensor = np.random.default_rng(5).integers(500, 4000, (height, width), dtype="<u2").tobytes()
    preview_at, sensor_at = 8, 8 + len(preview) + len(preview) % 2
    data = preview.ljust(sensor_at - preview_at, b"\0") + sensor
    notes_at = 8 + len(data)
    notes = _ifd([(0x9003, 2, taken.encode() + b"\0")], notes_at)
    raw_at = notes_at + len(notes)
    raw = _ifd(
        [(254, 4, [0]), (256, 4, [width]), (257, 4, [height]), (258, 3, [16]), (259, 3, [1]), (262, 3, [32803]),
         (273, 4, [sensor_at]), (277, 3, [1]), (278, 4, [height]), (279, 4, [len(sensor)]),
         (33421, 3, [2, 2]), (33422, 1, bytes((0, 1, 1, 2))), (50714, 4, [0]), (50717, 4, [4095])],
        raw_at,
    )  # fmt: skip
    first_at = raw_at + len(raw)
    first = _ifd(
        [(254, 4, [1]), (256, 4, [320]), (257, 4, [240]), (258, 3, [8, 8, 8]), (259, 3, [7]), (262, 3, [6]),
         (271, 2, b"Curated\0"), (272, 2, b"Testcam 1\0"), (273, 4, [preview_at]), (274, 3, [orientation]),
         (277, 3, [3]), (278, 4, [240]), (279, 4, [len(preview)]), (330, 4, [raw_at]), (34665, 4, [notes_at]),
         (50706, 1, bytes((1, 4, 0, 0))), (50708, 2, b"Curated Testcam 1\0")],
        first_at,
    )  # fmt: skip
    return b"II*\0" + struct.pack("<I", first_at) + data + notes + raw + first


def _ifd(entries: list[tuple[int, int, bytes | list[int]]], at: int) -> bytes:
    """A little-endian TIFF directory that stands at `at`, with the values that do not fit into it behind it."""
    behind_at = at + 2 + 12 * len(entries) + 4
    directory, behind = struct.pack("<H", len(entries)), b""
    for tag, kind, values in sorted(entries, key=lambda entry: entry[0]):
        body = (
            values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        )
        directory += struct.pack("<HHI", tag, kind, len(values))
        if len(body) <= 4:
            directory += body.ljust(4, b"\0")
        else:
            directory += struct.pack("<I", behind_at + len(behind))
            behind += body.ljust(len(body) + len(body) % 2, b"\0")
    return directory + bytes(4) + behind
