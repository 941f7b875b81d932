from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.watching import Watching


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "Unsorted"
    path.mkdir()
    return path


@pytest.fixture
def watch(root: Path) -> Iterator[Callable[..., Watching]]:
    """Makes a Watching of `root`; all that were made are stopped."""
    made: list[Watching] = []

    def make(folder: Path = root, **options) -> Watching:
        made.append(Watching(folder, **options))
        return made[-1]

    yield make
    for each in made:
        each.watcher.stop()


@pytest.fixture
def watching(watch: Callable[..., Watching]) -> Watching:
    """An empty watched folder whose first scan is done."""
    made = watch()
    assert made.poll() == []
    return made
