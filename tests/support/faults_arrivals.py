"""The ways in which files come into a folder, by the programs that people use, and what was meant to arrive."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.pictures import encoded, scene

SETTLE = 0.3
# What phones append to a picture, and what tells a whole file from its beginning, which is a picture, too.
_TRAILER = 40_000


@dataclass
class Yard:
    """`unsorted` is watched, `outside` lies beside it on the same disk; `meant` counts what is to be filed by hash."""

    unsorted: Path
    outside: Path
    meant: Counter[str] = field(default_factory=Counter)
    made: int = 0

    def content(self, copies: int = 1) -> bytes:
        """A new picture of which so many files are meant to arrive."""
        self.made += 1
        data = picture(self.made)
        self.meant[hashlib.sha256(data).hexdigest()] += copies
        return data

    def beside(self, name: str, data: bytes) -> Path:
        """A file outside, on its way in."""
        path = self.outside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


def picture(number: int) -> bytes:
    """A JPEG with a trailer; no two numbers have the same."""
    return _head(number % 97) + number.to_bytes(8, "big") * (_TRAILER // 8)


def small_picture(number: int) -> bytes:
    """The same for thousands: hardly a kilobyte."""
    return _head(number % 1_000) + number.to_bytes(8, "big")


_HEADS: dict[int, bytes] = {}


def _head(seed: int) -> bytes:
    if seed not in _HEADS:
        _HEADS[seed] = encoded(scene(64, 48, seed), "JPEG")
    return _HEADS[seed]


def _run(*command: object) -> None:
    subprocess.run([str(each) for each in command], check=True, capture_output=True)


def _cp(yard: Yard, tag: str) -> None:
    _run("cp", yard.beside(f"{tag}.jpg", yard.content()), yard.unsorted)


def _mv(yard: Yard, tag: str) -> None:
    _run("mv", yard.beside(f"{tag}.jpg", yard.content()), yard.unsorted)


def _ln(yard: Yard, tag: str) -> None:
    _run("ln", yard.beside(f"{tag}.jpg", yard.content()), yard.unsorted)


def _slow_write(yard: Yard, tag: str) -> None:
    data = yard.content()
    with (yard.unsorted / f"{tag}.jpg").open("wb", 0) as stream:
        for at in range(0, len(data), len(data) // 12):
            stream.write(data[at : at + len(data) // 12])
            time.sleep(SETTLE / 3)


def _write_pause_write(yard: Yard, tag: str) -> None:
    """The first part is a whole picture, and stands still for longer than the time to settle."""
    data = yard.content()
    with (yard.unsorted / f"{tag}.jpg").open("wb", 0) as stream:
        stream.write(data[:-_TRAILER])
        os.fsync(stream.fileno())
        time.sleep(5 * SETTLE)
        stream.write(data[-_TRAILER:])


def _part_then_rename(yard: Yard, tag: str) -> None:
    data = yard.content()
    part = yard.unsorted / f"{tag}.jpg.part"
    part.write_bytes(data[:-_TRAILER])
    time.sleep(5 * SETTLE)  # a download that stands still for a while, nobody holding it open
    with part.open("ab") as stream:
        stream.write(data[-_TRAILER:])
    part.rename(yard.unsorted / f"{tag}.jpg")


def _cp_r(yard: Yard, tag: str) -> None:
    for number in range(3):
        yard.beside(f"{tag}/{number}/deep/{number}.jpg", yard.content())
    _run("cp", "-r", yard.outside / tag, yard.unsorted)


def _moved_folder(yard: Yard, tag: str) -> None:
    for number in range(3):
        yard.beside(f"{tag}/{number}/{number}.jpg", yard.content())
    _run("mv", yard.outside / tag, yard.unsorted)


def _atomic_save(yard: Yard, tag: str) -> None:
    """An editor's: the new file beside the old one, renamed over it before anybody could take the old one."""
    path = yard.unsorted / f"{tag}.jpg"
    with path.open("wb", 0) as stream:
        stream.write(picture(800_000 + yard.made)[:-_TRAILER])
        other = yard.unsorted / f".{tag}.jpg.swp"
        other.write_bytes(yard.content())
        os.fsync(stream.fileno())
        other.replace(path)


def _hard_links(yard: Yard, tag: str) -> None:
    first = yard.beside(f"{tag}.jpg", yard.content(copies=2))
    (yard.unsorted / f"{tag} one.jpg").hardlink_to(first)
    (yard.unsorted / f"{tag} two.jpg").hardlink_to(first)


def _archive(yard: Yard, tag: str) -> None:
    for number in range(4):
        path = yard.beside(f"{tag}/{number}.jpg", yard.content())
        os.utime(path, (1_000_000_000, 1_000_000_000))
    packed = yard.outside / f"{tag}.tar"
    with tarfile.open(packed, "w") as archive:
        archive.add(yard.outside / tag, tag)
    shutil.rmtree(yard.outside / tag)
    _run("tar", "-xf", packed, "-C", yard.unsorted)


# The twelfth is the burst, which has a test of its own.
WAYS: dict[str, Callable[[Yard, str], None]] = {
    "cp": _cp,
    "mv": _mv,
    "ln": _ln,
    "slow write": _slow_write,
    "write, pause, write": _write_pause_write,
    "part then rename": _part_then_rename,
    "cp -r": _cp_r,
    "moved folder": _moved_folder,
    "atomic save": _atomic_save,
    "hard links": _hard_links,
    "archive": _archive,
}


def noise(folder: Path, events: int) -> None:
    """So many events of files that are nobody's picture; two in turns, as equal neighbours would count as one."""
    one, other = (os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o600) for name in (".noise-1", ".noise-2"))
    try:
        for _ in range(events // 2):
            os.write(one, b".")
            os.write(other, b".")
    finally:
        os.close(one)
        os.close(other)
    for name in (".noise-1", ".noise-2"):
        (folder / name).unlink()
