"""What looks like a picture, by the embeddings that are stored: no model is loaded for it."""

from __future__ import annotations

from curated.config import Config
from curated.errors import NotFound
from curated.search.index import VectorIndex, floats
from curated.state.database import Database
from curated.state.store import Store
from curated.state.vectors import Vectors


def nearest(config: Config, database: Database, photo_id: int, limit: int) -> list[tuple[int, float]]:
    """(photo id, cosine) of those that look most like the picture, best first; none where it has no embedding."""
    vectors = Vectors(database)
    kept = vectors.of_photo(photo_id)
    if not kept:
        try:
            twin_of = Store(database).get(photo_id).twin_of
        except NotFound:
            return []
        kept = vectors.of_photo(twin_of) if twin_of is not None else {}  # the same content was judged once
    if not kept:
        return []
    counts = vectors.models()
    model = max(kept, key=lambda each: counts.get(each, 0))
    index = VectorIndex(vectors, model, config.folders.cache_path)
    return index.nearest(floats(kept[model], half=True), limit, [photo_id])
