from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.working import Working


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Working]]:
    """Makes a Working; the children of all that were made are ended."""
    made: list[Working] = []

    def make(factory: str = "obedient", **options) -> Working:
        made.append(Working(tmp_path, factory, **options))
        return made[-1]

    yield make
    for each in made:
        each.client.stop(grace=0)


@pytest.fixture
def working(make: Callable[..., Working]) -> Working:
    return make()
