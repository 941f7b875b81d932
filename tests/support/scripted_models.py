"""Models that follow a script: what they find is read from the pixels, and one colour each makes them misbehave.

Use as WorkerSpec.factory, for example "tests.support.scripted_models:obedient". What happened inside the child is
written below the spec's cache: one line for each start in `starts`, one for each call of `judge` in `judged`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

import numpy as np

from curated.config import Models
from curated.domain import KINDS, Box, Categories, Findings
from curated.errors import CuratedError, WeightsMissing
from curated.pictures.decoded import Decoded

DIMENSIONS = 16


class Misbehaviour(IntEnum):
    """The red of a picture whose green and blue are 1."""

    RAISE = 10
    SEGFAULT = 20
    KILLED = 30
    EXIT = 40
    HANG = 50
    MEMORY_ERROR = 60
    CLOSE_AND_LINGER = 70
    HALF_A_MESSAGE = 80
    GARBAGE = 90
    NOISE = 100
    WAIT_FOR_NEXT = 110


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


class Unreadable(CuratedError):
    """Can be pickled, and not be unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


def png(red: int, green: int = 100, blue: int = 100, side: int = 24) -> bytes:
    """A PNG file of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def misbehaving(how: Misbehaviour) -> bytes:
    """A picture at which the models do that."""
    return png(how, 1, 1)


class ScriptedModels:
    """Fulfils ModelSet. More than `at_once` pictures on a device other than the CPU are out of memory."""

    profile = "scripted"
    models: Mapping[str, str] = {role: f"scripted-{role}" for role in ("detector", "embedder", "kind", "captioner")}

    def __init__(self, models: Models, cache: Path, device: str = "cpu", at_once: int = 1_000) -> None:
        self.device = models.device if models.device != "auto" else device
        self._cache = cache
        self._at_once = at_once
        self._note("starts", str(os.getpid()))

    def send_ahead(self, decoded: Decoded) -> Decoded:
        return replace(decoded, sent=threading.current_thread().name)

    def judge(self, batch: Sequence[Decoded]) -> list[Findings]:
        if not all(str(item.sent).startswith("decode") for item in batch):
            raise RuntimeError("a picture was not sent ahead by the thread that decoded it")
        self._note("judged", " ".join([self.device, *(item.picture.sha256[:8] for item in batch)]))
        if self.device != "cpu" and len(batch) > self._at_once:
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return [self._find(item) for item in batch]

    def _find(self, item: Decoded) -> Findings:
        red, green, blue = (int(value) for value in item.rgb[0, 0])
        if (green, blue) == (1, 1):
            self._misbehave(red, item)
        kind = KINDS[red % len(KINDS)]
        vector = np.random.default_rng([red, green, blue]).standard_normal(DIMENSIONS)
        boxes = [Box(0.1 * number, 0.1, 0.1 * number + 0.05, 0.9, 0.9, "person") for number in range(green % 4)]
        people = green % 4 if kind in ("photo", "meme") else None
        return Findings(
            sha256=item.picture.sha256,
            profile=self.profile,
            models=self.models,
            kind_scores={each: 0.92 if each == kind else 0.02 for each in KINDS},
            people=people,
            people_score=0.9 if people else None,
            boxes=tuple(boxes) if people else (),
            labels=((f"colour {red:02x}{green:02x}{blue:02x}", 0.8),),
            caption=f"a picture of colour {red:02x}{green:02x}{blue:02x}",
            text="",
            embedding=(vector / np.linalg.norm(vector)).astype(np.float16).tobytes(),
        )

    def _misbehave(self, red: int, item: Decoded) -> None:
        match red:
            case Misbehaviour.RAISE:
                raise RuntimeError("the kernel image is invalid")
            case Misbehaviour.SEGFAULT:
                ctypes.string_at(0)
            case Misbehaviour.KILLED:
                os.kill(os.getpid(), signal.SIGKILL)
            case Misbehaviour.EXIT:
                print("a library called abort", file=sys.stderr, flush=True)
                os._exit(7)
            case Misbehaviour.HANG:
                self._note("hangs", str(os.getpid()))
                time.sleep(600)
            case Misbehaviour.MEMORY_ERROR:
                raise MemoryError
            case Misbehaviour.CLOSE_AND_LINGER:
                with socket.socket(fileno=os.dup(self._descriptor())) as pair:
                    pair.shutdown(socket.SHUT_RDWR)
                subprocess.Popen(["sleep", "600"])  # holds standard error open
                time.sleep(600)
            case Misbehaviour.HALF_A_MESSAGE:
                os.write(self._descriptor(), struct.pack("!i", 1_000) + b"half")
                os._exit(0)
            case Misbehaviour.GARBAGE:
                os.write(self._descriptor(), struct.pack("!i", 8) + b"\x80\x05garbag")
                time.sleep(600)
            case Misbehaviour.NOISE:
                print("noise on standard output", flush=True)
                print("noise on standard error", "x" * 100_000, file=sys.stderr, flush=True)
                warnings.warn("noise as a warning", stacklevel=1)
            case Misbehaviour.WAIT_FOR_NEXT:
                self._wait_for_decoding(item, "next.jpg")

    @staticmethod
    def _descriptor() -> int:
        return int(sys.argv[1])

    def _wait_for_decoding(self, item: Decoded, name: str) -> None:
        """Only a picture that is decoded meanwhile can have a thumbnail of that name."""
        assert item.picture.thumbnail is not None
        end = time.monotonic() + 60
        while not item.picture.thumbnail.with_name(name).exists():
            if time.monotonic() > end:
                raise RuntimeError("nothing was decoded while this was judged")
            time.sleep(0.005)

    def _note(self, name: str, line: str) -> None:
        with (self._cache / name).open("a", encoding="ascii") as stream:
            stream.write(f"{line}\n")


def obedient(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    return ScriptedModels(models, cache)


def small_gpu(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    return ScriptedModels(models, cache, "cuda:0", at_once=2)


def tiny_gpu(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    return ScriptedModels(models, cache, "cuda:0", at_once=0)


def without_weights(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    raise WeightsMissing("lite profile: the weights are missing; install them")


def with_an_error_that_cannot_be_read(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    raise Unreadable("one", "two")


def broken(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    ScriptedModels(models, cache)
    raise RuntimeError("libcudart.so.12: cannot open shared object file")


def broken_once(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    made = ScriptedModels(models, cache)
    if len((cache / "starts").read_text().splitlines()) == 1:
        os._exit(9)
    return made


def slow(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    """Loads until the file `go` is there."""
    made = ScriptedModels(models, cache)
    while not (cache / "go").exists():
        time.sleep(0.005)
    return made


def deaf(models: Models, cache: Path, categories: Categories) -> ScriptedModels:
    """Never reads what it is sent, as a process stopped hard would."""
    ScriptedModels(models, cache)
    with contextlib.suppress(OSError):
        os.kill(os.getpid(), signal.SIGSTOP)
    raise RuntimeError("was woken")
