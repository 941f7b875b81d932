"""The sentence of a search through the real embedder, in the process that alone imports it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curated.config import Full
from curated.errors import CuratedError
from curated.models.full.embedder import open_embedder
from curated.search.asking import embed_text


def test_a_sentence_gets_the_embedding_that_the_embedder_gives_it(tmp_path: Path, clip_folder: Path) -> None:
    full = Full(embedder=str(clip_folder))
    embedder = open_embedder(full, "cpu")
    model, vector = embed_text(full, tmp_path, "a cat on a mat")
    assert model == embedder.model_id
    found = np.frombuffer(vector, np.float32)
    assert float(np.linalg.norm(found)) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found, embedder.embed_text(["a cat on a mat"])[0], atol=1e-5)


def test_an_embedder_that_is_not_on_disk_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CuratedError, match=r"models\.full\.embedder_weights: .*`curated models pull`"):
        embed_text(Full(embedder_weights=str(tmp_path / "nowhere.pt")), tmp_path, "a cat")
