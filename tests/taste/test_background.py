"""Learning by itself leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from curated.config import from_dict
from curated.taste.background import Trainer
from tests.support.filing_world import World
from tests.taste.test_predict import SIZE, add


def opened(path: Path) -> int:
    """How often this process has the file open."""
    return sum(each.exists() and each.resolve() == path for each in Path("/proc/self/fd").iterdir())


def test_a_training_leaves_no_connection_open(world: World) -> None:
    config = from_dict({"taste": {"every": 1}}, "test")
    before = opened(world.database.path.resolve())
    for _ in range(4):
        add(world, np.zeros(SIZE), "keep")
        trainer = Trainer(config, world.database)
        assert trainer.train_if_due()
        trainer.wait()
    assert opened(world.database.path.resolve()) <= before + 1, "this thread's own"
