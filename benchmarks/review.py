"""The review at 300,000 pictures: first picture after the command, key to next picture, memory.

The real command in a pseudo-terminal, at the other end of which this program reads as a terminal would.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.library import synthetic
from curated.pictures.thumbnails import write_thumbnail
from curated.state.database import Database
from curated.state.queue import Filter, ReviewQueue
from curated.state.store import Store

SIZE = 300_000
FILES = 440
DISTINCT = 16
PRESSES = 500
STARTS = 5
COLUMNS, ROWS = 160, 48
# What a person does, again and again: mostly on, at times back, and deciding.
KEYS = (b"l", b"p", b"l", b"x", b"h", b"l", b"p", b"1", b"l", b"n")
# Pressed as fast as someone can who looks at nothing.
PAUSE_SECONDS = 0.1

_ANSWERS = {
    b"\x1b[c": b"\x1b[?62;22c",  # what it is: colours, no Sixel
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",  # it can show a frame at once, which is how we know where one ends
}
_FRAME_END = b"\x1b[?2026l"
_BLOCK = "▀".encode()
# More than the thumbnails of the film strip have.
_PICTURE_BLOCKS = 1500


class Review:
    """`curated review` at work."""

    def __init__(self, config: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, COLUMNS * 10, ROWS * 20))
        environment = {
            **os.environ, "CURATED_CONFIG": str(config), "TERM": "xterm-256color", "COLORTERM": "truecolor"
        }  # fmt: skip
        for name in ("COLUMNS", "LINES", "TMUX", "NO_COLOR"):
            environment.pop(name, None)
        self._pending = dict(_ANSWERS)
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "curated", "review"],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def press(self, key: bytes) -> float:
        """Seconds until the next picture was there."""
        self._drain()
        pressed = time.perf_counter()
        os.write(self._ours, key)
        return self.picture() - pressed

    def picture(self, patience: float = 30.0) -> float:
        """When a frame with a whole picture in it had come."""
        said, deadline = b"", time.perf_counter() + patience
        while time.perf_counter() < deadline:
            said += self._read(deadline - time.perf_counter())
            *frames, said = said.split(_FRAME_END)
            if any(frame.count(_BLOCK) >= _PICTURE_BLOCKS for frame in frames):
                return time.perf_counter()
        raise TimeoutError(f"no picture: {said[-2000:]!r}")

    def waited(self) -> float:
        """Seconds that the thread that draws has waited for a processor so far: what other programs cost us."""
        schedule = Path(f"/proc/{self._process.pid}/schedstat").read_text(encoding="ascii").split()
        return int(schedule[1]) / 1e9

    def memory(self) -> tuple[float, float]:
        """(MB resident now, the most so far)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        kilobytes = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
        return int(kilobytes["VmRSS"]) / 1024, int(kilobytes["VmHWM"]) / 1024

    def close(self) -> None:
        if self._process.poll() is None:
            os.write(self._ours, b"q")
        deadline = time.perf_counter() + 20
        while self._process.poll() is None and time.perf_counter() < deadline:
            self._read(0.1)
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def _drain(self) -> None:
        while self._read(0.02):
            pass

    def _read(self, seconds: float) -> bytes:
        if not select.select([self._ours], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            said = os.read(self._ours, 1 << 20)
        except OSError:  # it has ended
            time.sleep(0.05)
            return b""
        for question in [each for each in self._pending if each in said]:
            os.write(self._ours, self._pending.pop(question))
        return said


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        measure(_library(Path(name)))


def measure(config: Path) -> None:
    """Print what the review takes there; what it waited for a processor that others had is told apart."""
    starts, waits = [], []
    for _ in range(STARTS):
        with closing(Review(config)) as review:
            starts.append(review.picture() - review.started)
            waits.append(review.waited())
    print(f"{SIZE:,} pictures, a terminal of {COLUMNS}×{ROWS}, half blocks")
    print(
        f"first picture {statistics.median(starts):.2f} s after the command (median of {STARTS}), "
        f"most {max(starts):.2f} s, waited for a processor {statistics.median(waits):.2f} s"
    )
    times, waits = [], []
    with closing(Review(config)) as review:
        review.picture()
        before, _ = review.memory()
        for number in range(PRESSES):
            time.sleep(PAUSE_SECONDS)
            waited = review.waited()
            times.append(review.press(KEYS[number % len(KEYS)]))
            waits.append(review.waited() - waited)
        after, most = review.memory()
    own = sorted(max(0.0, each - waited) for each, waited in zip(times, waits, strict=True))
    for what, seconds in (("key to next picture", sorted(times)), ("  less waiting for a processor", own)):
        p50, p95 = seconds[PRESSES // 2] * 1000, seconds[PRESSES * 95 // 100] * 1000
        print(f"{what:<32} p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {seconds[-1] * 1000:.0f} ms ({PRESSES} keys)")
    print(f"memory {before:.0f} MB at the first picture, {after:.0f} MB after {PRESSES} keys, most {most:.0f} MB")


def _library(folder: Path) -> Path:
    """The configuration of a library that is made there."""
    with synthetic(folder, SIZE) as database:
        _with_files(database, folder)
    (folder / "Unsorted").mkdir()
    config = folder / "config.toml"
    places = {name: str(folder / name) for name in ("unsorted", "library", "state", "cache")}
    places |= {"unsorted": str(folder / "Unsorted"), "library": str(folder / "Library")}
    config.write_text("[folders]\n" + "".join(f'{name} = "{place}"\n' for name, place in places.items()), "utf-8")
    return config


def _with_files(database: Database, folder: Path) -> None:
    """Give the pictures that come first a real file and thumbnail each; the others cannot be told from them by keys."""
    store = Store(database)
    photos = [store.get(photo_id) for photo_id in ReviewQueue(database).ids(Filter(unreviewed=True), "new", FILES)]
    made = [_picture(folder, number) for number in range(DISTINCT)]
    for number, photo in enumerate(photos):
        file, small = made[number % DISTINCT]
        photo.path.parent.mkdir(parents=True, exist_ok=True)
        photo.path.write_bytes(file)
        thumbnail = folder / "cache" / "thumbnails" / photo.sha256[:2] / f"{photo.sha256}.jpg"
        thumbnail.parent.mkdir(parents=True, exist_ok=True)
        thumbnail.write_bytes(small)
        found = photo.path.stat()
        with database.write() as connection:
            connection.execute(
                "UPDATE photo SET thumbnail = ?, size = ?, mtime_ns = ?, device = ?, inode = ? WHERE id = ?",
                (os.fsencode(thumbnail), found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino, photo.id),
            )


def _picture(folder: Path, number: int) -> tuple[bytes, bytes]:
    """(a JPEG of 3 megapixels, its thumbnail), with the noise of a camera."""
    chance = np.random.default_rng(number)
    coarse = Image.fromarray(chance.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((2000, 1500), Image.Resampling.BICUBIC)).astype(np.int16)
    noise = chance.normal(0, 6, (1500, 2000, 1)).astype(np.int16)
    rgb = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    file, small = folder / "picture.jpg", folder / "thumbnail.jpg"
    Image.fromarray(rgb).save(file, quality=85)
    write_thumbnail(rgb, small, 384)
    return file.read_bytes(), small.read_bytes()


if __name__ == "__main__":
    main()
