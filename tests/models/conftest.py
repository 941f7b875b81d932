"""Weights converted once for all tests of the models, as `models prepare` does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from curated.config import Models
from curated.models.load import prepare_models


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that holds the converted weights."""
    cache = tmp_path_factory.mktemp("weights")
    prepare_models(Models(), cache)
    return cache


@pytest.fixture(scope="package", autouse=True)
def pillow_stays_as_it_is() -> Iterator[None]:
    """Model libraries may replace functions of other libraries at import; ours take that back."""
    opener = Image.open
    yield
    assert Image.open is opener
