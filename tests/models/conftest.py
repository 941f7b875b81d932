"""Weights converted once for all tests of the models, as `models prepare` does."""

from pathlib import Path

import pytest

from curated.config import Models
from curated.models.load import prepare_models


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that holds the converted weights."""
    cache = tmp_path_factory.mktemp("weights")
    prepare_models(Models(), cache)
    return cache
