"""The first stage: read the bytes once, and let only what is new and whole go on to the models."""

from __future__ import annotations

import errno

from curated.domain import JUDGED, Arrival, Asset, Photo, Status
from curated.errors import PictureKillsWorker
from curated.files import Disk, Identity
from curated.pipeline.outcomes import Candidate, LeftAlone, Outcome, Returned, ToJudge, ToPlace
from curated.pipeline.place import Place
from curated.pipeline.retries import Retries
from curated.state.pairs import Pairs
from curated.state.rows import reading_from_photo
from curated.state.store import Store

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ESTALE})


class Admit:
    """Hashes arrivals and looks each up: undone, waiting, quarantined, known, or new."""

    def __init__(self, store: Store, disk: Disk, retries: Retries, place: Place) -> None:
        self._store = store
        self._disk = disk
        self._retries = retries
        self._place = place
        self._pairs = Pairs(store.database)

    def __call__(self, asset: Asset) -> ToJudge | ToPlace | Outcome:
        """What is to be done with a settled asset."""
        arrival = asset.primary
        row = self._store.at_path(arrival.path)
        if row is not None and row.status is Status.UNDONE and _same(row, arrival):
            return LeftAlone(arrival.path, "it was taken back by undo; `curated retry` files it again")
        if waiting := self._retries.pending(arrival):
            return waiting
        hashes: list[str] = []
        for each in asset.arrivals:
            try:
                digest = self._disk.digest(each.path)
            except OSError as error:
                if error.errno in _GONE:
                    return Returned(each.path, f"it changed before it could be read ({error.strerror})")
                return self._place.cannot_read(arrival, f"{each.path.name} cannot be read: {error.strerror}")
            if digest.identity != Identity.of_arrival(each):
                return Returned(each.path, "it changed before it could be read")
            hashes.append(digest.sha256)
        taken_back = row is not None and row.status in (Status.UNDONE, Status.ARRIVING) and row.sha256 == hashes[0]
        reused = row.id if row is not None and taken_back else None
        candidate = Candidate(asset, hashes[0], tuple(hashes[1:]), reused)
        if reason := self._store.quarantined(candidate.sha256):
            return ToPlace(candidate, PictureKillsWorker(candidate.path, reason))
        for known in self._store.with_content(candidate.sha256):
            if known.id != reused and self._stands(known) and (reading := reading_from_photo(known)):
                return ToPlace(candidate, reading, known)
        # Thrown away for good: its copy is not filed as if it were new.
        if (removed := self._pairs.removed(candidate.sha256)) is not None:
            known = self._store.get(removed)
            if reading := reading_from_photo(known):
                return ToPlace(candidate, reading, known)
        return ToJudge(candidate)

    def _stands(self, known: Photo) -> bool:
        """Whether a picture that was judged is still on disk with the size it had."""
        if known.status not in JUDGED or known.kind is None:
            return False
        try:
            entry = self._disk.look(known.path)
        except OSError:
            return False  # the disk does not answer for it: then it is no reason to put another one aside
        return entry is not None and entry.regular and entry.identity.size == known.size


def _same(row: Photo, arrival: Arrival) -> bool:
    return Identity(row.device, row.inode, row.size, row.mtime_ns) == Identity.of_arrival(arrival)
