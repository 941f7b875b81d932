"""Many bit strings in little memory, searched by how many bits differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# One pass over so many at a time stays in the processor's cache.
_CHUNK = 1 << 15
# By so many bits may the first word differ more than its share of the whole.
_SLACK = 10


class Bits:
    """Bit strings of `words` × 64 bits with the ids they belong to; searched by Hamming distance."""

    def __init__(self, words: int) -> None:
        import numpy

        self._numpy = numpy
        self._count = 0
        self._words: list[npt.NDArray[np.uint64]] = [numpy.zeros(1024, numpy.uint64) for _ in range(words)]
        self._ids: npt.NDArray[np.uint32] = numpy.zeros(1024, numpy.uint32)
        self._differing = numpy.empty(_CHUNK, numpy.uint64)
        self._distances = numpy.empty(_CHUNK, numpy.uint8)

    def __len__(self) -> int:
        return self._count

    def add(self, photo_id: int, *values: int) -> None:
        """Remember one string, 64 bits a value."""
        if self._count == len(self._ids):
            room = self._numpy.zeros(max(1024, self._count // 8), self._numpy.uint64)
            self._words = [self._numpy.concatenate([each, room]) for each in self._words]
            self._ids = self._numpy.concatenate([self._ids, room.astype(self._numpy.uint32)])
        for word, value in zip(self._words, values, strict=True):
            word[self._count] = value
        self._ids[self._count] = photo_id
        self._count += 1

    def extend(self, ids: Sequence[int], strings: bytes) -> None:
        """Remember many at once, more quickly: their strings one after the other, the most significant byte first."""
        numpy = self._numpy
        table = numpy.frombuffer(strings, ">u8").reshape(len(ids), len(self._words)).astype(numpy.uint64)
        room = numpy.zeros(1024, numpy.uint64)
        self._words = [
            numpy.concatenate([word[: self._count], table[:, number], room]) for number, word in enumerate(self._words)
        ]
        self._ids = numpy.concatenate(
            [self._ids[: self._count], numpy.array(ids, numpy.uint32), room.astype(numpy.uint32)]
        )
        self._count += len(ids)

    def near(self, values: Sequence[int], reach: int, limit: int) -> list[tuple[int, int]]:
        """(distance, id) of at most `limit` within reach, nearest first, then the least id.

        Of several words the first is compared everywhere, the others only where that one is not far off already.
        """
        numpy = self._numpy
        first = numpy.uint64(values[0])
        words = len(self._words)
        first_reach = reach if words == 1 else reach // words + _SLACK
        distances: list[int] = []
        ids: list[int] = []
        for start in range(0, self._count, _CHUNK):
            known = self._words[0][start : min(start + _CHUNK, self._count)]
            differing, total = self._differing[: len(known)], self._distances[: len(known)]
            numpy.bitwise_xor(known, first, out=differing)
            numpy.bitwise_count(differing, out=total)
            if total.min() > first_reach:
                continue
            at = numpy.flatnonzero(total <= first_reach)
            exact = total[at].astype(numpy.int64)
            for word, value in zip(self._words[1:], values[1:], strict=True):
                exact += numpy.bitwise_count(word[start + at] ^ numpy.uint64(value))
            within = exact <= reach
            distances += exact[within].tolist()
            ids += self._ids[start + at[within]].tolist()
        return sorted(set(zip(distances, ids, strict=True)))[:limit]
