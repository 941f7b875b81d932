"""EfficientNet-Lite0: the exported network against torch's own, on pictures of odd shapes."""

from pathlib import Path

import numpy as np
import pytest

from curated.models.lite.backbone import DIMENSIONS, TEXTURE_DIMENSIONS, open_backbone, torch_backbone, unit

SHAPES = ((1, 1), (1, 1280), (1280, 3), (224, 224), (333, 517), (960, 1280))


@pytest.mark.models
def test_the_exported_network_equals_torch_on_odd_shapes(weights: Path) -> None:
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in SHAPES]
    found = open_backbone(weights, "cpu", threads=2).features(pictures)
    expected = torch_backbone("cpu").features(pictures)
    for a, b in ((found.pooled, expected.pooled), (found.logits, expected.logits), (found.texture, expected.texture)):
        np.testing.assert_allclose(a, b, atol=2e-3)
    assert found.pooled.shape == (len(SHAPES), DIMENSIONS)
    assert found.texture.shape == (len(SHAPES), TEXTURE_DIMENSIONS)


@pytest.mark.models
def test_a_batch_says_what_each_picture_alone_does(weights: Path) -> None:
    network = open_backbone(weights, "cpu", threads=2)
    pictures = [np.full((90, 120, 3), value, np.uint8) for value in (0, 90, 255)]
    together = network.embed(pictures)
    np.testing.assert_allclose(together, np.vstack([network.embed([each]) for each in pictures]), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_a_vector_of_zeros_stays_finite() -> None:
    assert np.isfinite(unit(np.zeros((2, 4), np.float32))).all()
