"""The nearest of a million embeddings: exact, from a file of 8-bit codes that is brought up to date by what changed.

Reading a million vectors out of the database takes seconds, and so does the product with float16. So one byte a number
is kept in a file, with how far each code may be off at most: what could be among the nearest by that is looked up in
the database and compared exactly. Few pictures need no file.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from curated.state.vectors import Stamp, Vectors

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

_FORMAT = 1
_HEADER = 4096
_BLOCK = 256
_LEVELS = 127
_PAGE = 4096
# Above what rounding in float32 does to a product of some hundred numbers.
_ROUNDING = 1e-5
# So many vectors are read from the database and compared at once, with no file.
FEW = 5_000


@dataclass(frozen=True, slots=True)
class _Codes:
    """Vector i is `scales[i] * codes[i]`, but for a difference no longer than `slack[i]`."""

    stamp: Stamp
    ids: npt.NDArray[np.int64]
    scales: Floats
    slack: Floats
    codes: npt.NDArray[np.int8]


class VectorIndex:
    """The embeddings of one model; `few` is above how many a file is kept in the cache."""

    def __init__(self, vectors: Vectors, model: str, cache: Path, few: int = FEW) -> None:
        self._vectors = vectors
        self._model = model
        key = json.dumps([os.fspath(vectors.database.path.absolute()), model])
        self.path = cache / "search" / f"{hashlib.sha256(key.encode('ascii')).hexdigest()[:24]}.codes"
        self._few = few
        self._codes: _Codes | None = None

    def nearest(self, wanted: Floats, limit: int, without: Sequence[int] = ()) -> list[tuple[int, float]]:
        """(photo id, cosine) of those nearest to a unit vector, best first."""
        if (stamp := self._vectors.stamp()) is None:
            return []
        codes, changed = self._present(stamp)
        if codes is None:
            recent = list(self._vectors.every(self._model))
        else:
            recent = list(self._vectors.some(self._model, changed))
        found = _exact(recent, wanted, frozenset(without))
        if codes is not None and codes.codes.shape[1] == len(wanted):
            candidates = _candidates(codes, wanted, limit, {*without, *changed})
            found += _exact(list(self._vectors.some(self._model, candidates)), wanted, frozenset())
        return sorted(found, key=lambda each: (-each[1], each[0]))[:limit]

    def _present(self, stamp: Stamp) -> tuple[_Codes | None, list[int]]:
        """The codes, and the pictures that have changed since; no codes where there are few vectors, or no room."""
        if self._codes is None:
            self._codes = _read(self.path, self._model)
        if self._codes is not None and self._vectors.knows(self._codes.stamp):
            changed = self._vectors.changed_since(self._codes.stamp)
            if len(changed) <= self._few:
                return self._codes, changed
        if self._vectors.models().get(self._model, 0) <= self._few:
            return None, []
        try:
            self._codes = _write(self.path, self._model, stamp, self._vectors.every(self._model))
        except OSError as error:
            log.warning("no room to keep what makes searching fast: %s: %s", self.path, error.strerror or error)
            return None, []
        return self._present(stamp)


def floats(vector: bytes, *, half: bool = False) -> Floats:
    """The vector of float32 (or `half`: float16) bytes."""
    return np.frombuffer(vector, np.float16 if half else np.float32).astype(np.float32)


def _exact(vectors: Sequence[tuple[int, bytes]], wanted: Floats, hidden: frozenset[int]) -> list[tuple[int, float]]:
    """(photo id, cosine) of every vector that has the wanted one's length and is not hidden."""
    chosen = [(photo_id, each) for photo_id, each in vectors if len(each) == 2 * len(wanted) and photo_id not in hidden]
    if not chosen:
        return []
    matrix = floats(b"".join(each for _, each in chosen), half=True).reshape(len(chosen), -1)
    cosines: list[float] = (matrix @ wanted).tolist()
    return [(photo_id, each) for (photo_id, _), each in zip(chosen, cosines, strict=True) if math.isfinite(each)]


def _candidates(codes: _Codes, wanted: Floats, limit: int, hidden: set[int]) -> list[int]:
    """Ids of all that may be among the nearest `limit`, by what the codes leave open."""
    near = np.empty(len(codes.ids), np.float32)
    block = np.empty((_BLOCK, len(wanted)), np.float32)
    for start in range(0, len(near), _BLOCK):
        part = codes.codes[start : start + _BLOCK]
        np.copyto(block[: len(part)], part)  # small enough to stay in the processor's cache
        np.dot(block[: len(part)], wanted, out=near[start : start + len(part)])
    near *= codes.scales
    doubt = codes.slack * np.float32(np.linalg.norm(wanted)) + np.float32(_ROUNDING)
    gone = np.searchsorted(codes.ids, sorted(hidden))
    gone = gone[gone < len(near)]
    near[gone[np.isin(codes.ids[gone], list(hidden))]] = -np.inf
    most = min(limit, len(near))
    least = np.partition(near - doubt, len(near) - most)[len(near) - most]
    found: list[int] = codes.ids[np.flatnonzero((near + doubt >= least) & np.isfinite(near))].tolist()
    return found


# -- the file ----------------------------------------------------------------------------------------------


def _read(path: Path, model: str) -> _Codes | None:
    """What was written, mapped into memory; None where there is nothing of use."""
    try:
        with path.open("rb") as stream:
            header = json.loads(stream.read(_HEADER))
        rows, dimensions = int(header["rows"]), int(header["dimensions"])
        if header["format"] != _FORMAT or header["model"] != model or path.stat().st_size != _size(rows, dimensions):
            return None
        stamp = Stamp(int(header["stamp"]), int(header["mark"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    place = _HEADER + rows * dimensions

    def mapped(kind: Any, offset: int) -> Any:
        return np.memmap(path, kind, "r", offset, (rows,))

    return _Codes(
        stamp,
        ids=mapped(np.int64, place),
        scales=mapped(np.float32, place + 8 * rows),
        slack=mapped(np.float32, place + 12 * rows),
        codes=np.memmap(path, np.int8, "r", _HEADER, (rows, dimensions)),
    )


def _size(rows: int, dimensions: int) -> int:
    return _HEADER + rows * (dimensions + 16)


def _write(path: Path, model: str, stamp: Stamp, vectors: Iterator[tuple[int, bytes]]) -> _Codes | None:
    """Keep the codes of the vectors (by id; the first one's length counts); they come whole into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(b" " * _HEADER)
            rows, dimensions = _write_codes(stream, vectors)
            header = {"format": _FORMAT, "model": model, "rows": rows, "dimensions": dimensions}
            stream.seek(0)
            stream.write(json.dumps(header | {"stamp": stamp.number, "mark": stamp.mark}).encode("ascii"))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return _read(path, model)


def _write_codes(stream: IO[bytes], vectors: Iterator[tuple[int, bytes]]) -> tuple[int, int]:
    """Codes, then ids, scales and slack; (rows, dimensions)."""
    ids: list[npt.NDArray[np.int64]] = []
    scales: list[Floats] = []
    slack: list[Floats] = []
    length = 0
    while page := list(islice(vectors, _PAGE)):
        length = length or len(page[0][1])
        whole = [(photo_id, vector) for photo_id, vector in page if len(vector) == length]
        matrix = floats(b"".join(vector for _, vector in whole), half=True).reshape(len(whole), length // 2)
        matrix = np.nan_to_num(matrix, copy=False)
        scale = np.maximum(np.abs(matrix).max(axis=1, initial=0.0), np.float32(1e-12)) / _LEVELS
        codes = np.rint(matrix / scale[:, None])
        matrix -= codes * scale[:, None]
        stream.write(codes.astype(np.int8).tobytes())
        ids.append(np.array([photo_id for photo_id, _ in whole], np.int64))
        scales.append(scale.astype(np.float32))
        slack.append(np.linalg.norm(matrix, axis=1).astype(np.float32))
    for parts in (ids, scales, slack):
        for part in parts:
            stream.write(part.tobytes())
    return sum(map(len, ids)), length // 2
