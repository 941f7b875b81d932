"""Which known pictures a new one duplicates, or was taken in one burst with.

Exact: the same bytes, or the same pixels in another container. Near: a perceptual hash or the embedding points to it,
and the two agree when they are laid over each other. Burst: photos of one scene taken within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from curated.config import Duplicates
from curated.domain import Twin
from curated.duplicates.bits import Bits
from curated.duplicates.compare import Comparison
from curated.duplicates.likeness import CODE_BITS, mirrorless
from curated.state.pairs import NO_LIKENESS, Fingerprint, Likeness, Pairs
from curated.state.store import Store

# So many pictures, the nearest by hash and by code, are laid over a new one.
_BY_HASH, _BY_CODE = 16, 16
_CODE_BYTES = CODE_BITS // 8
# So many are read from the database at a time.
_PAGE = 20_000


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

    @property
    def remark(self) -> Twin | None:
        """What is worth a word where there is no twin: the nearest of its burst, else the suspicion."""
        return self.bursts[0] if self.bursts else self.suspicion


class TwinIndex:
    """All known pictures by perceptual hash and by embedding: 60 bytes a picture in memory, all else in the database.

    A search is a few passes over all of them: the hash as it is, the hash whichever way the picture was turned or
    mirrored (twice: upright and on its side), and the code of the embedding.
    """

    def __init__(self, settings: Duplicates, store: Store) -> None:
        self._settings = settings
        self._pairs = Pairs(store.database)
        self._hashes, self._mirrorless = Bits(1), Bits(1)
        self._codes: dict[str, Bits] = {}
        hashes = self._pairs.hashes()
        while page := list(islice(hashes, _PAGE)):
            ids = [photo_id for photo_id, _ in page]
            self._hashes.extend(ids, bytes.fromhex("".join(phash for _, phash in page)))
            self._mirrorless.extend(ids, b"".join(mirrorless(int(phash, 16)).to_bytes(8, "big") for _, phash in page))
        codes = self._pairs.codes()
        while coded := list(islice(codes, _PAGE)):
            for wanted in {model for _, model, _ in coded}:
                of_model = [(each, code) for each, model, code in coded if (model, len(code)) == (wanted, _CODE_BYTES)]
                strings = b"".join(code for _, code in of_model)
                self._codes.setdefault(wanted, Bits(CODE_BITS // 64)).extend([each for each, _ in of_model], strings)

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, photo_id: int, phash: str, likeness: Likeness = NO_LIKENESS) -> None:
        """Remember a picture; one that has left the library since is passed over by `find`."""
        self._add_hash(photo_id, phash)
        if likeness.inner:
            self._add_hash(photo_id, likeness.inner)
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
        new = Comparison(picture, self._settings)
        for photo_id in self.candidates(new):
            other = self._pairs.fingerprint(photo_id) if photo_id != picture.photo_id else None
            if other is None or other.sha256 in apart or (relation := new.with_known(other)) is None:
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

    def candidates(self, new: Comparison) -> list[int]:
        """Ids of whatever is to be compared with the new one: the nearest by hash, by code, and by time."""
        found = self._by_hash(new)
        likeness = new.picture.likeness
        codes = self._codes.get(likeness.model)
        if codes is not None and likeness.code:
            near = codes.near(_words(likeness.code), self._settings.code_distance, _BY_CODE)
            found += [photo_id for _, photo_id in near]
        if new.picture.taken_at is not None and new.picture.kind == "photo":
            found += self._pairs.taken_near(new.picture.taken_at, timedelta(seconds=self._settings.burst_seconds))
        return list(dict.fromkeys(found))

    def _by_hash(self, new: Comparison) -> list[int]:
        """Ids of the nearest by any of the new one's hashes, then the oldest."""
        found = []
        for bits, values in ((self._hashes, new.hashes), (self._mirrorless, new.mirrorless)):
            for value in values:
                found += bits.near([value], new.reach, _BY_HASH)
        return list(dict.fromkeys(photo_id for _, photo_id in sorted(found)))[:_BY_HASH]

    def _apart(self, photo_id: int, contents: frozenset[str]) -> bool:
        other = self._pairs.fingerprint(photo_id) if contents else None
        return other is not None and other.sha256 in contents

    def _add_hash(self, photo_id: int, phash: str) -> None:
        value = int(phash, 16)
        self._hashes.add(photo_id, value)
        self._mirrorless.add(photo_id, mirrorless(value))

    def _add_code(self, photo_id: int, model: str, code: bytes) -> None:
        if len(code) == _CODE_BYTES:
            self._codes.setdefault(model, Bits(CODE_BITS // 64)).add(photo_id, *_words(code))


def _words(code: bytes) -> list[int]:
    return [int.from_bytes(code[at : at + 8], "big") for at in range(0, len(code), 8)]
