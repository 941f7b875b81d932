"""What looks like a picture, by the embeddings that are stored: no model is loaded for it."""

from __future__ import annotations

import numpy as np

from curated.config import Config
from curated.errors import NotFound
from curated.search.index import VectorIndex, floats
from curated.state.database import Database
from curated.state.labels import Labels
from curated.state.store import Store
from curated.state.vectors import Vectors

Near = list[tuple[int, float]]


def nearest(config: Config, database: Database, photo_id: int, limit: int) -> Near:
    """(photo id, cosine) of those that look most like the picture, best first; none where it has no embedding."""
    known = _embedding(database, photo_id)
    if known is None:
        return []
    model, vector = known
    index = VectorIndex(Vectors(database), model, config.folders.cache_path)
    return index.nearest(floats(vector, half=True), limit, [photo_id])


def nearest_labelled(database: Database, photo_id: int, limit: int) -> Near:
    """(photo id, cosine) of what somebody decided on and looks most like the picture, best first."""
    known = _embedding(database, photo_id)
    if known is None:
        return []
    model, vector = known
    labels = Labels(database)
    vectors = {
        each.photo_id: each.vector for column in ("verdict", "confirmed") for each in labels.labelled(model, column)
    }
    vectors.pop(photo_id, None)
    chosen = [(each, other) for each, other in vectors.items() if len(other) == len(vector)]
    if not chosen:
        return []
    matrix = floats(b"".join(other for _, other in chosen), half=True).reshape(len(chosen), -1)
    cosines = np.nan_to_num(matrix @ floats(vector, half=True), nan=-1.0)
    order = np.argsort(-cosines, kind="stable")[:limit].tolist()
    return [(chosen[place][0], float(cosines[place])) for place in order]


def _embedding(database: Database, photo_id: int) -> tuple[str, bytes] | None:
    """(model, float16 bytes) of the picture, by the model that judged most; None where it has none."""
    vectors = Vectors(database)
    kept = vectors.of_photo(photo_id)
    if not kept:
        try:
            twin_of = Store(database).get(photo_id).twin_of
        except NotFound:
            return None
        kept = vectors.of_photo(twin_of) if twin_of is not None else {}  # the same content was judged once
    if not kept:
        return None
    counts = vectors.models()
    model = max(kept, key=lambda each: counts.get(each, 0))
    return model, kept[model]
