from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.filing_world import World


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on tmpfs, where there is one: a file system of its own, and one without waiting for a disk."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="curated-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def world(in_memory: Path, empty_database: Path) -> Iterator[World]:
    made = World(in_memory, template=empty_database)
    yield made
    made.close()
