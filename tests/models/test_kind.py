"""The kind head: what it holds, and that it answers with probabilities."""

import io

import numpy as np
import pytest

from curated.domain import KINDS
from curated.models.lite.backbone import DIMENSIONS, TEXTURE_DIMENSIONS
from curated.models.lite.kind import PAIRS, KindHead, coupled
from curated.models.lite.statistics import NAMES


def evidence(count: int, spread: float) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    sizes = {
        "pooled": DIMENSIONS,
        "texture": TEXTURE_DIMENSIONS,
        "grain": TEXTURE_DIMENSIONS,
        "statistics": len(NAMES),
    }
    return {name: random.normal(0, spread, (count, size)).astype(np.float32) for name, size in sizes.items()}


@pytest.mark.parametrize("spread", [0.01, 1.0, 1e6])
def test_the_shipped_head_gives_every_picture_probabilities(spread: float) -> None:
    for scores in KindHead.load().scores(evidence(5, spread)):
        assert list(scores) == list(KINDS)
        assert sum(scores.values()) == pytest.approx(1)
        assert all(0 <= score <= 1 for score in scores.values())


def test_a_picture_is_judged_the_same_alone_and_in_a_batch() -> None:
    head, many = KindHead.load(), evidence(6, 1.0)
    together = head.probabilities(many)
    alone = [head.probabilities({name: rows[n : n + 1] for name, rows in many.items()})[0] for n in range(6)]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_model_id_follows_from_the_weights() -> None:
    assert KindHead.load().model_id == KindHead.load().model_id
    assert KindHead.load().model_id.startswith("kind-")


def test_weights_with_pickled_objects_are_refused() -> None:
    stream = io.BytesIO()
    np.savez(stream, blocks=np.array([{"code": "run me"}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        KindHead.read(stream.getvalue())


def test_the_kind_that_wins_all_its_duels_is_the_likeliest() -> None:
    for kind in range(len(KINDS)):
        margins = np.array([[1.0 if first == kind else -1.0 if second == kind else 0.0 for first, second in PAIRS]])
        assert coupled(margins, 3.0, 0.7)[0].argmax() == kind
