"""Files that are meant to do harm, and models whose decoder hook falls for them."""

from __future__ import annotations

import ctypes
import io
import os
import random
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

import numpy as np
from PIL import Image

from curated.config import Models
from curated.domain import Categories, Findings
from curated.pictures.decoded import Decoded
from tests.support.pictures import encoded, scene
from tests.support.plain_models import PlainModels

MEGABYTE = 1024 * 1024


class Harm(IntEnum):
    """The red of a picture, all else of it black, at which the decoder does that."""

    SEGFAULT = 40
    ABORT = 80
    HANG = 120
    EAT = 160


# What somebody might write into a picture, for a captioner or a reader of text to say it again.
CAPTIONS = (
    "../../../../tmp/evil",
    "/etc/passwd",
    "a cat\x1b]0;owned\x07 on \x1b[2J a mat",
    "two\nlines\r\nand a\x85third\u2028one",
    "..",
    ".",
    "con",
    "-rf --no-preserve-root",
    "\u202egpj.exe\u2066",
    "\0nothing\0",
    "\ud800 half a letter",
    "{caption} {0.__class__} %s %n",
    "[red]markup[/red] $(reboot) `id` ; rm -rf ~",
    "word " * 400,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 60,
)
_CAPTIONED = (250, 3)


class PoisonedModels(PlainModels):
    """What is done here is done in the decoder's threads, where a real decoder would go wrong."""

    def __init__(self, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "starts").open("a", encoding="ascii") as stream:
            stream.write(f"{os.getpid()}\n")

    def send_ahead(self, decoded: Decoded) -> Decoded:
        red, green, blue = (int(value) for value in decoded.rgb[0, 0])
        if green < 8 and blue < 8:
            _harm(red)
        return decoded

    def _findings(self, decoded: Decoded) -> Findings:
        found = super()._findings(decoded)
        red, green, blue = (int(value) for value in decoded.rgb[0, 0])
        if (green, blue) != _CAPTIONED or red >= len(CAPTIONS):
            return found
        return replace(found, caption=CAPTIONS[red], text=CAPTIONS[-1 - red])


def open_poisoned(models: Models, cache: Path, categories: Categories) -> PoisonedModels:
    return PoisonedModels(cache)


def _harm(red: int) -> None:
    match red:
        case Harm.SEGFAULT:
            ctypes.string_at(0)
        case Harm.ABORT:
            ctypes.CDLL(None).abort()
        case Harm.HANG:
            time.sleep(600)
        case Harm.EAT:
            eaten = []
            while True:  # in steps, or the loss of the race with the watch would be a matter of luck
                eaten.append(np.ones(32 * MEGABYTE, np.uint8))
                time.sleep(0.01)


def harmful(how: Harm) -> bytes:
    """A small and valid picture at which the decoder does that."""
    return encoded(Image.new("RGB", (32, 32), (how, 0, 0)), "PNG")


def captioned(number: int) -> bytes:
    """A picture of which the models say CAPTIONS[number], and read another one of them in it."""
    image = scene(64, 48, 500 + number)
    image.paste((number, *_CAPTIONED), (0, 0, 8, 8))
    return encoded(image, "PNG")


# -- files -------------------------------------------------------------------------------------------------------------


def mutants(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many damaged pictures of every format that is read, (name, bytes), the same for the same seed."""
    whole = _whole()
    dice = random.Random(seed)
    names = sorted(whole)
    for number in range(count):
        ending = names[number % len(names)]
        data = bytearray(whole[ending])
        for _ in range(dice.randint(1, 6)):
            # Half of the damage goes into the headers, where sizes and offsets stand.
            at = dice.randrange(min(len(data), 400) if dice.random() < 0.5 else len(data)) if data else 0
            match dice.choice(("flip", "flip", "byte", "huge", "zero", "double", "cut", "end")):
                case "flip":
                    data[at : at + 1] = bytes([data[at] ^ 1 << dice.randrange(8)]) if data else b""
                case "byte":
                    data[at : at + 1] = dice.randbytes(1)
                case "huge":
                    data[at : at + 4] = b"\xff\xff\xff\x7f"
                case "zero":
                    length = dice.randrange(1, 200)
                    data[at : at + length] = bytes(length)
                case "double":
                    data[at:at] = data[at : at + dice.randrange(1, 400)]
                case "cut":
                    del data[at : at + dice.randrange(1, 400)]
                case "end":
                    del data[at:]
        yield f"mutant {number:04}.{ending}", bytes(data)


def _whole() -> dict[str, bytes]:
    small, frames = scene(96, 64), [scene(48, 32, seed) for seed in (2, 3)]
    return {
        "jpg": encoded(small, "JPEG"),
        "jpeg": encoded(small, "JPEG", progressive=True),
        "png": encoded(small, "PNG"),
        "webp": encoded(small, "WEBP"),
        "gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "tif": encoded(small, "TIFF", compression="tiff_lzw"),
        "tiff": encoded(small, "TIFF", compression="tiff_deflate"),
        "bmp": encoded(small, "BMP"),
        "heic": encoded(small, "HEIF"),
        "avif": encoded(small, "AVIF", speed=10),
    }


def deflated_bomb(side: int) -> bytes:
    """A PNG that is valid and black, and a thousandth of the size of its pixels."""
    return encoded(Image.new("L", (side, side)), "PNG", compress_level=9)


def tiff_that_never_ends() -> bytes:
    """A TIFF whose first page says that it is the page behind itself."""
    data = bytearray(encoded(scene(40, 30), "TIFF"))
    at = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, at)[0]
    struct.pack_into("<I", data, at + 2 + 12 * entries, at)
    return bytes(data)


def gif_that_never_ends(megabytes: int) -> bytes:
    """A GIF whose first frame's data go on and on, each block saying that another one follows."""
    head = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 8, 8, 0) + b"\2"
    return head + frame + (b"\xff" + b"\x91" * 255) * (megabytes * MEGABYTE // 256)


def sparse(path: Path, head: bytes, size: int) -> Path:
    """A file that says it is a picture and has `size` bytes, which take no room on the disk."""
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(size)
    return path


def good_pictures(folder: Path, count: int) -> list[Path]:
    """So many healthy pictures, each another one."""
    made = []
    for number in range(count):
        made.append(folder / f"IMG_{number:04}.jpg")
        stream = io.BytesIO()
        scene(160, 120, 1_000 + number).save(stream, "JPEG")
        made[-1].write_bytes(stream.getvalue())
    return made
