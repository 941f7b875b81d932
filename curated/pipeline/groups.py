"""Which group of duplicates a new picture belongs to, and which of them all is the keeper."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from curated.domain import JUDGED, Photo, Status, Twin
from curated.duplicates import better_of, contender
from curated.files import Disk
from curated.state.pairs import Pairs
from curated.state.store import Store


@dataclass(frozen=True, slots=True)
class Head:
    """The keeper of a group that a new picture belongs to, and by which relation."""

    photo: Photo
    twin: Twin


@dataclass(frozen=True, slots=True)
class Settled:
    """Which one stays: `keeper`, or None for the new picture. `lesser` are those that make way for it, and `why`."""

    keeper: Head | None
    lesser: tuple[Head, ...]
    why: str


class Groups:
    """Groups as they are in the library."""

    def __init__(self, store: Store, disk: Disk) -> None:
        self._store = store
        self._pairs = Pairs(store.database)
        self._disk = disk

    def heads(self, sha256: str, twins: Iterable[Twin]) -> list[Head]:
        """The keepers of the groups that a picture with these twins belongs to, the surest first.

        All of them become one group, but for those that a person said are no duplicates of one before it.
        """
        heads: dict[int, Head] = {}
        contents = {sha256}
        for twin in twins:
            photo = self._head(twin.photo_id)
            if photo is None or photo.id in heads:
                continue
            members = set(self._pairs.contents(photo.id).values())
            apart = frozenset[str]().union(*(self._pairs.distinct_from(each) for each in members))
            if apart & contents:
                continue
            heads[photo.id] = Head(photo, twin)
            contents |= members
        return list(heads.values())

    def lead(self, keeper: Photo, former: Photo, twin: Twin) -> None:
        """Make one picture the head of another's group, its burst included."""
        self._store.set_twin(former.id, keeper.id, twin.kind, twin.distance)
        if former.twin_kind == "burst" and former.twin_of not in (None, keeper.id) and keeper.twin_of is None:
            self._pairs.set_burst(keeper.id, former.twin_of or 0, former.twin_distance or 0)

    def join_burst(self, photo: Photo, bursts: Sequence[Twin]) -> None:
        """Link a picture with what was taken in one burst with it; all of them stay where they are."""
        for twin in bursts:
            other = self._store.get(twin.photo_id)
            if other.status not in (Status.FILED, Status.REVIEW):
                continue
            head = other.twin_of if other.twin_kind == "burst" and other.twin_of is not None else other.id
            if head != photo.id:
                self._pairs.set_burst(photo.id, head, twin.distance)
                return

    def _head(self, photo_id: int) -> Photo | None:
        """The one that is duplicated, followed to the head of its group; None if it is not there any more."""
        seen: set[int] = set()
        following: int | None = photo_id
        while following is not None and following not in seen:
            seen.add(following)
            photo = self._store.get(following)
            if photo.status is not Status.DUPLICATE or photo.twin_of is None:
                return photo if self._stands(photo) else None
            following = photo.twin_of
        return None

    def _stands(self, photo: Photo) -> bool:
        """Whether it is in the library, and not, say, taken back by undo: else its copies would be all there is.

        What a person trashed and removed for good stands in memory.
        """
        if photo.status is Status.MISSING:
            return self._pairs.removed(photo.sha256) == photo.id
        if photo.status not in JUDGED:
            return False
        try:
            return self._disk.look(photo.path) is not None
        except OSError:
            return False  # the disk does not answer for it


def settle(new: Photo, heads: Sequence[Head], *, may_replace: bool, bordered: Collection[int] = ()) -> Settled:
    """Which of a new picture and the keepers it duplicates is to be the keeper of them all.

    What a person has judged stays where it is, and so does what is in the trash; the new one may replace the others
    only if `may_replace`. `bordered` are the ids of those with a border.
    """
    fixed = [head for head in heads if not _may_make_way(head.photo)]
    free = [head for head in heads if _may_make_way(head.photo)]
    pool = fixed or free
    best = pool[0]
    for head in pool[1:]:
        if better_of(contender(best.photo, bordered), contender(head.photo, bordered))[0]:
            best = head
    new_is_better, why = better_of(contender(best.photo, bordered), contender(new, bordered))
    if fixed or not new_is_better or not may_replace:
        # What lies in the trash is no reason to put aside what a person has not thrown away.
        stays = best.photo.status in (Status.TRASHED, Status.MISSING)
        lesser = () if stays else tuple(head for head in free if head is not best)
        return Settled(best, lesser, why)
    return Settled(None, (best, *(head for head in free if head is not best)), why)


def _may_make_way(keeper: Photo) -> bool:
    """Whether the program may put a picture aside: not one that a person has judged, nor one in the trash."""
    if keeper.status in (Status.TRASHED, Status.MISSING) or keeper.verdict is not None:
        return False
    return keeper.confirmed is None and not keeper.protected and not keeper.chosen
