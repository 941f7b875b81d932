"""Which known pictures a new one duplicates, or was taken in one burst with.

Exact: the same bytes, or the same pixels in another container. Near: a perceptual hash or the embedding points to it,
and the two agree when they are laid over each other. Burst: photos of one scene taken within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from curated.config import Duplicates
from curated.domain import Photo, Twin
from curated.duplicates.likeness import CODE_BITS, TURNS, Look, Overlay, look, overlay, turned_hashes
from curated.duplicates.words import same_words
from curated.state.pairs import NO_LIKENESS, Fingerprint, Likeness, Pairs
from curated.state.store import Store

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# How many bits of the 256-bit hash may differ where there are no grey copies to lay over each other. Measured: 55 pairs
# of re-encoded, resized or brightened pictures differ in at most 16, crops in 60 and more.
_WIDE_DISTANCE = 32
# A hash with fewer bits set (or unset) comes from a blank or nearly blank picture and tells nothing.
_LEAST_BITS = 6
# So many pictures, the nearest by hash and by code, are laid over a new one.
_BY_HASH, _BY_CODE = 16, 12
# What is turned or mirrored is not read, so it must agree all the better.
_TURNED_AGREES = 0.9
# Photos taken in the same second, of one size, are one shot only if every field of them agrees so well.
_ONE_SHOT = 0.9
# The same photo saved with its time moved to another zone: whole quarters of an hour, and no field differs.
_QUARTER, _UNCHANGED = 900, 0.97
# One pass over so many hashes at a time stays in the processor's cache.
_CHUNK = 1 << 15


@dataclass(frozen=True, slots=True)
class TwinMatch:
    """The answer of the index: `twins` are sure, the surest first; `bursts` were taken in one burst with it.

    `suspicion` is one that it is only like.
    """

    twins: tuple[Twin, ...] = ()
    bursts: tuple[Twin, ...] = ()
    suspicion: Twin | None = None

    @property
    def twin(self) -> Twin | None:
        """The surest."""
        return self.twins[0] if self.twins else None


class TwinIndex:
    """All known pictures by perceptual hash and by embedding: 56 bytes a picture in memory, all else in the database.

    A search is one pass over all of them (Hamming distance by population count), for each of the eight ways to turn
    and mirror the new one.
    """

    def __init__(self, settings: Duplicates, store: Store) -> None:
        # Imported here: the commands that never look for twins need not load it.
        import numpy

        self._numpy = numpy
        self._settings = settings
        self._pairs = Pairs(store.database)
        self._hashes = _Bits(1)
        self._codes: dict[str, _Bits] = {}
        for photo_id, phash in self._pairs.hashes():
            self._hashes.add(photo_id, bytes.fromhex(phash))
        for photo_id, model, code in self._pairs.codes():
            self._add_code(photo_id, model, code)

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, photo_id: int, phash: str, likeness: Likeness = NO_LIKENESS) -> None:
        """Remember a picture; one that has left the library since is passed over by `find`."""
        self._hashes.add(photo_id, bytes.fromhex(phash))
        if likeness.inner:
            self._hashes.add(photo_id, bytes.fromhex(likeness.inner))
        self._add_code(photo_id, likeness.model, likeness.code)

    def find(self, picture: Fingerprint) -> TwinMatch:
        """The pictures this one duplicates, those of its burst, and else one it is suspiciously like."""
        apart = self._pairs.distinct_from(picture.sha256)
        same = [each for each in self._pairs.with_pixels(picture.pixel_hash or "") if each != picture.photo_id]
        twins = [Twin(each, "exact", 0, f"the same pixels as #{each}") for each in same if not self._apart(each, apart)]
        if twins:
            return TwinMatch(tuple(twins))
        near: list[tuple[float, Twin]] = []
        bursts: list[Twin] = []
        suspicion: Twin | None = None
        new = _New(picture, self._settings)
        for candidate in self._candidates(new):
            other = self._pairs.fingerprint(candidate.photo_id) if candidate.photo_id != picture.photo_id else None
            if other is None or other.sha256 in apart:
                continue
            relation = new.relation(other, candidate)
            if relation is None:
                continue
            if relation.twin.kind == "burst":
                bursts.append(relation.twin)
            elif relation.sure:
                near.append((round(1 - relation.agreement, 1), relation.twin))
            elif suspicion is None:
                suspicion = relation.twin
        near.sort(key=lambda each: (each[0], each[1].distance, each[1].photo_id))
        bursts.sort(key=lambda each: (each.distance, each.photo_id))
        return TwinMatch(tuple(twin for _, twin in near), tuple(bursts), None if near or bursts else suspicion)

    def _apart(self, photo_id: int, contents: frozenset[str]) -> bool:
        other = self._pairs.fingerprint(photo_id) if contents else None
        return other is not None and other.sha256 in contents

    def _candidates(self, new: _New) -> list[_Candidate]:
        """Whatever is to be compared with the new one, nearest by hash first."""
        found: dict[int, _Candidate] = {}
        for distance, photo_id, turn in self._by_hash(new):
            found.setdefault(photo_id, _Candidate(photo_id, distance, turn))
        likeness = new.picture.likeness
        codes = self._codes.get(likeness.model)
        if codes is not None and likeness.code:
            for distance, photo_id in codes.near(likeness.code, self._settings.code_distance, _BY_CODE):
                known = found.get(photo_id, _Candidate(photo_id))
                found[photo_id] = replace(known, code_distance=distance)
        if new.picture.taken_at is not None and new.picture.kind == "photo":
            within = timedelta(seconds=self._settings.burst_seconds)
            for photo_id in self._pairs.taken_near(new.picture.taken_at, within):
                found.setdefault(photo_id, _Candidate(photo_id))
        return list(found.values())

    def _by_hash(self, new: _New) -> list[tuple[int, int, int]]:
        """(distance, photo id, turn) of the nearest by any of the new one's hashes, then the oldest."""
        reach = self._settings.verify_distance if new.look else self._settings.ask_distance
        found: dict[int, tuple[int, int]] = {}
        for value, turn in new.hashes():
            for distance, photo_id in self._hashes.near(value, reach, _BY_HASH):
                found[photo_id] = min(found.get(photo_id, (65, 0)), (distance, turn))
        return sorted((distance, photo_id, turn) for photo_id, (distance, turn) in found.items())[:_BY_HASH]

    def _add_code(self, photo_id: int, model: str, code: bytes) -> None:
        if len(code) == CODE_BITS // 8:
            self._codes.setdefault(model, _Bits(CODE_BITS // 64)).add(photo_id, code)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A known picture that may be the new one: why it is thought so."""

    photo_id: int
    distance: int = 64
    turn: int = 0
    code_distance: int = CODE_BITS


@dataclass(frozen=True, slots=True)
class _Relation:
    twin: Twin
    sure: bool
    agreement: float


class _New:
    """The picture that is asked about, against one known picture at a time."""

    def __init__(self, picture: Fingerprint, settings: Duplicates) -> None:
        self.picture = picture
        self.look: Look | None = look(picture.likeness.grey, picture.width, picture.height)
        self._settings = settings

    def hashes(self) -> list[tuple[bytes, int]]:
        """(hash, turn): its own, turned and mirrored, and that inside its border; none of one that tells nothing."""
        own = self.picture.phash
        if own is None or not _tells(own):
            return []
        found = [(bytes.fromhex(own), 0)]
        if self.picture.likeness.inner:
            found.append((bytes.fromhex(self.picture.likeness.inner), 0))
        if self.look is not None:
            values = turned_hashes(self.look)
            found += [(values[turn].to_bytes(8, "big"), turn) for turn in range(1, TURNS)]
        return found

    def relation(self, other: Fingerprint, candidate: _Candidate) -> _Relation | None:
        """What the two are to each other; None if nothing."""
        overlaid = self._overlaid(other, candidate.turn)
        distance = _bits(self.picture.phash, other.phash, 64)
        turn, in_part = (overlaid.turn, overlaid.part < 1) if overlaid else (0, False)
        if turn == 0 and not same_words(self.picture, other, in_part=in_part):
            return None
        alike = self._alike(other, candidate, overlaid)
        one_shot = self._one_shot(other, overlaid)
        if not one_shot:
            return self._burst(other, distance) or self._suspicion(other, candidate)
        if alike:
            shown = min(distance, candidate.distance)
            agreement = overlaid.agreement if overlaid else 1.0
            return _Relation(Twin(other.photo_id, "near", shown, self._why(other, shown, overlaid)), True, agreement)
        return self._suspicion(other, candidate)

    def _overlaid(self, other: Fingerprint, turn: int) -> Overlay | None:
        known = look(other.likeness.grey, other.width, other.height)
        if self.look is None or known is None:
            return None
        return overlay(self.look, known, (0, turn) if turn else (0,))

    def _alike(self, other: Fingerprint, candidate: _Candidate, overlaid: Overlay | None) -> bool:
        if overlaid is None:
            wide = _bits(self.picture.phash_wide, other.phash_wide, 256)
            return candidate.turn == 0 and candidate.distance <= self._settings.near_distance and wide <= _WIDE_DISTANCE
        if overlaid.turn:
            return overlaid.agreement >= _TURNED_AGREES
        both_photos = self.picture.kind == other.kind == "photo"
        return overlaid.agreement >= (self._settings.agree if both_photos else self._settings.agree_written)

    def _one_shot(self, other: Fingerprint, overlaid: Overlay | None) -> bool:
        """Whether the two may come from one press of the shutter, by their times; without times, they may."""
        new = self.picture
        if new.taken_at is None or other.taken_at is None or not new.kind == other.kind == "photo":
            return True
        apart = abs((new.taken_at - other.taken_at).total_seconds())
        unchanged = overlaid is not None and overlaid.part == 1 and overlaid.worst >= _UNCHANGED
        if apart >= _QUARTER:
            return apart % _QUARTER == 0 and unchanged
        if apart > 0 or new.camera != other.camera:
            return apart == 0
        of_one_size = (new.width, new.height) == (other.width, other.height)
        return not of_one_size or overlaid is None or overlaid.worst >= _ONE_SHOT

    def _burst(self, other: Fingerprint, distance: int) -> _Relation | None:
        if self.picture.taken_at is None or other.taken_at is None or self.picture.camera != other.camera:
            return None
        apart = abs((self.picture.taken_at - other.taken_at).total_seconds())
        codes = _code_bits(self.picture.likeness, other.likeness)
        similar = distance <= self._settings.burst_distance or codes <= self._settings.code_distance
        if apart > self._settings.burst_seconds or not similar:
            return None
        reason = f"taken {apart:.0f} seconds apart from #{other.photo_id}"
        return _Relation(Twin(other.photo_id, "burst", distance, reason), True, 1.0)

    def _suspicion(self, other: Fingerprint, candidate: _Candidate) -> _Relation | None:
        if candidate.distance > self._settings.ask_distance:
            return None
        reason = f"perhaps like #{other.photo_id} ({candidate.distance} of 64 bits differ)"
        return _Relation(Twin(other.photo_id, "near", candidate.distance, reason), False, 0.0)

    def _why(self, other: Fingerprint, distance: int, overlaid: Overlay | None) -> str:
        if overlaid is None:
            wide = _bits(self.picture.phash_wide, other.phash_wide, 256)
            return f"like #{other.photo_id}: perceptual hashes differ in {distance} of 64 and {wide} of 256 bits"
        words = f"{overlaid.words}, " if overlaid.words else ""
        return f"like #{other.photo_id}: {words}they agree to {overlaid.agreement:.0%}"


class _Bits:
    """Bit strings of `words` × 64 bits with the ids they belong to; searched by Hamming distance."""

    def __init__(self, words: int) -> None:
        import numpy

        self._numpy = numpy
        self._count = 0
        self._words: list[npt.NDArray[np.uint64]] = [numpy.zeros(1024, numpy.uint64) for _ in range(words)]
        self._ids: npt.NDArray[np.int64] = numpy.zeros(1024, numpy.int64)

    def __len__(self) -> int:
        return self._count

    def add(self, photo_id: int, bits: bytes) -> None:
        if self._count == len(self._ids):
            grow = self._numpy.zeros_like
            self._words = [self._numpy.concatenate([each, grow(each)]) for each in self._words]
            self._ids = self._numpy.concatenate([self._ids, grow(self._ids)])
        for number, word in enumerate(self._words):
            word[self._count] = int.from_bytes(bits[number * 8 : number * 8 + 8], "big")
        self._ids[self._count] = photo_id
        self._count += 1

    def near(self, bits: bytes, reach: int, limit: int) -> list[tuple[int, int]]:
        """(distance, id) of at most `limit` within reach, nearest first, then the least id."""
        numpy = self._numpy
        wanted = [numpy.uint64(int.from_bytes(bits[at : at + 8], "big")) for at in range(0, len(bits), 8)]
        distances: list[int] = []
        ids: list[int] = []
        for start in range(0, self._count, _CHUNK):
            end = min(start + _CHUNK, self._count)
            total = numpy.bitwise_count(self._words[0][start:end] ^ wanted[0])
            for word, value in zip(self._words[1:], wanted[1:], strict=True):
                # 4 × 64 does not fit into eight bits only where every bit differs.
                total = numpy.minimum(total, 191) + numpy.bitwise_count(word[start:end] ^ value)
            hits = numpy.flatnonzero(total <= reach)
            if len(hits):
                distances += total[hits].tolist()
                ids += self._ids[start:end][hits].tolist()
        return sorted(set(zip(distances, ids, strict=True)))[:limit]


def fingerprint_of(photo: Photo, likeness: Likeness = NO_LIKENESS) -> Fingerprint:
    """What the index asks of a picture."""
    return Fingerprint(
        photo_id=photo.id,
        sha256=photo.sha256,
        pixel_hash=photo.pixel_hash,
        phash=photo.phash,
        phash_wide=photo.phash_wide,
        text=photo.text or "",
        kind=photo.kind,
        width=photo.width or 0,
        height=photo.height or 0,
        taken_at=photo.taken_at,
        camera=photo.camera,
        likeness=likeness,
    )


def _bits(left: str | None, right: str | None, most: int) -> int:
    if not left or not right or len(left) != len(right):
        return most
    return (int(left, 16) ^ int(right, 16)).bit_count()


def _code_bits(left: Likeness, right: Likeness) -> int:
    if left.model != right.model or not left.code or len(left.code) != len(right.code):
        return CODE_BITS
    return (int.from_bytes(left.code, "big") ^ int.from_bytes(right.code, "big")).bit_count()


def _tells(phash: str) -> bool:
    bits = int(phash, 16).bit_count()
    return _LEAST_BITS <= bits <= 64 - _LEAST_BITS
