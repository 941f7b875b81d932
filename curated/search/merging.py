"""From what was found by words and what was found by likeness to one list, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curated.domain import Photo, Status
from curated.errors import NotFound
from curated.state.store import Store

# Reciprocal-rank fusion (Cormack et al. 2009): what one list puts first does not win over what both put near the top.
_RANK_CONSTANT = 60


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that was found; `score` orders the list it is in (higher is better).

    `words` is how well its words match (BM25), `likeness` the cosine between its embedding and what was asked for; None
    where it was not found so.
    """

    photo: Photo
    score: float
    words: float | None = None
    likeness: float | None = None


def by_likeness(store: Store, near: Sequence[tuple[int, float]], limit: int) -> list[Hit]:
    """The nearest (photo id, cosine) as hits."""
    return [Hit(photo, cosine, likeness=cosine) for photo, cosine in _photos(store, near)][:limit]


def merged(
    store: Store, words: Sequence[tuple[Photo, float]], near: Sequence[tuple[int, float]], limit: int
) -> list[Hit]:
    """What was found by words, by likeness or by both; each list best first. Without likeness the words' own score."""
    if not near:
        return [Hit(photo, score, words=score) for photo, score in words[:limit]]
    hits: dict[int, Hit] = {}
    for rank, (photo, score) in enumerate(words, 1):
        hits[photo.id] = Hit(photo, 1 / (_RANK_CONSTANT + rank), words=score)
    for rank, (photo, cosine) in enumerate(_photos(store, near), 1):
        found = hits.get(photo.id)
        score = (found.score if found else 0.0) + 1 / (_RANK_CONSTANT + rank)
        hits[photo.id] = Hit(photo, score, found.words if found else None, cosine)
    return sorted(hits.values(), key=lambda hit: (-hit.score, hit.photo.id))[:limit]


def _photos(store: Store, near: Sequence[tuple[int, float]]) -> list[tuple[Photo, float]]:
    found = []
    for photo_id, cosine in near:
        try:
            photo = store.get(photo_id)
        except NotFound:  # forgotten since
            continue
        if photo.status is not Status.ARRIVING:
            found.append((photo, cosine))
    return found
