"""What the tests of several parts begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from curated.state.schema import open_database
from tests.support.filing_world import World


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at the present schema, made once: copying it is cheaper."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    open_database(path).close()
    return path


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> Iterator[World]:
    """A small Unsorted, Library and database."""
    made = World(tmp_path, template=empty_database)
    yield made
    made.close()
