from __future__ import annotations

from typing import TypeVar

import msgspec
import pytest

from curated.taste.child import answer
from curated.taste.tasks import Task

T = TypeVar("T")


@pytest.fixture(autouse=True)
def _in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train without a process of its own, which takes seconds to begin, but for tests that are `own_process`."""
    if "own_process" not in request.keywords:
        monkeypatch.setattr("curated.taste.training.run", run_here)
        monkeypatch.setattr("curated.taste.categories.run", run_here)


def run_here(task: Task, expected: type[T]) -> T:
    """What the training process does with a task, by way of the bytes that it is sent."""
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(task), type=Task)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(answer(sent)), type=expected)
