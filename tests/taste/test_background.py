"""Learning by itself leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curated.config import from_dict
from curated.taste.background import Trainer
from tests.support.clock import ManualClock
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


def labelled(world: World, number: int = 1) -> None:
    for _ in range(number):
        add(world, np.zeros(SIZE), "keep")


def test_a_lock_that_cannot_be_opened_is_said_once_with_the_mend_and_tried_again_later(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    lock = world.database.path.with_name("training.lock")
    lock.mkdir()
    clock = ManualClock()
    trainer = Trainer(from_dict({"taste": {"every": 1}}, "test"), world.database, monotonic=clock)
    labelled(world)
    for _ in range(3):
        assert trainer.train_if_due()
        trainer.wait()
        assert not trainer.train_if_due(), "not at once"
        clock.advance(3600)
    complaints = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(complaints) == 1
    assert "training.lock" in complaints[0].getMessage()
    assert "`curated doctor`" in complaints[0].getMessage()
    assert not complaints[0].exc_info
    lock.rmdir()
    assert trainer.train_if_due()
    trainer.wait()
    assert "too few labels" in caplog.text


def test_whatever_else_goes_wrong_in_the_thread_is_logged_with_its_trace_and_the_next_training_goes_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 1:
            raise ValueError("the screen has gone")

    clock = ManualClock()
    chance = np.random.default_rng(0)
    trainer = Trainer(from_dict({"taste": {"every": 1}}, "test"), world.database, tell, clock)
    for number in range(20):
        add(world, chance.normal(size=SIZE), "keep" if number % 2 else "trash")
    for _ in range(2):
        assert trainer.train_if_due()
        trainer.wait()
        clock.advance(3600)
        labelled(world)
    assert len(told) == 2
    complaints = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(complaints) == 1
    assert "by a fault of this program (ValueError('the screen has gone'))" in complaints[0].getMessage()
    assert complaints[0].exc_info


def test_a_database_that_cannot_be_read_is_no_reason_for_the_caller_to_end(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    trainer = Trainer(from_dict({"taste": {"every": 1}}, "test"), world.database, monotonic=clock)
    world.database.execute("ALTER TABLE verdict RENAME TO elsewhere")
    assert not trainer.train_if_due()
    clock.advance(3600)
    assert not trainer.train_if_due()
    complaints = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(complaints) == 1
    assert "no such table: verdict; `curated doctor`" in complaints[0]
    world.database.execute("ALTER TABLE elsewhere RENAME TO verdict")
    labelled(world)
    clock.advance(3600)
    assert trainer.train_if_due()
    trainer.wait()
