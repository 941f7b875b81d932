"""Learning by itself leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curated.config import from_dict
from curated.errors import CuratedError
from curated.taste.background import Trainer
from curated.taste.lock import training_lock
from tests.support.clock import ManualClock
from tests.support.filing_world import World
from tests.taste.test_categories import confirm_each
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


def twenty(world: World) -> None:
    chance = np.random.default_rng(0)
    for number in range(20):
        add(world, chance.normal(size=SIZE), "keep" if number % 2 else "trash")


def test_a_training_that_could_not_be_kept_is_done_again_without_a_new_label(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    clock = ManualClock()
    trainer = Trainer(from_dict({"taste": {"every": 1}}, "test"), world.database, told.append, clock)
    twenty(world)
    world.database.execute(
        "CREATE TRIGGER full BEFORE INSERT ON learnt BEGIN SELECT raise(ABORT, 'database or disk is full'); END"
    )
    assert trainer.train_if_due()
    trainer.wait()
    assert not told
    assert "database or disk is full" in caplog.text
    world.database.execute("DROP TRIGGER full")
    clock.advance(3600)
    assert trainer.train_if_due(), "the same labels are still to be learnt from"
    trainer.wait()
    assert [line[:22] for line in told] == ["learnt from 20 verdict"]


def test_a_training_that_fails_is_tried_again_later_and_keeps_no_other_from_being_learnt(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    clock = ManualClock()
    trainer = Trainer(from_dict({"taste": {"every": 1}}, "test"), world.database, told.append, clock)
    chance = np.random.default_rng(1)
    twenty(world)
    confirm_each(world, 8, chance, "Photos", "Plans")
    with monkeypatch.context() as patch:
        patch.setattr("curated.taste.training.run", fails)
        assert trainer.train_if_due()
        trainer.wait()
    assert [line[:20] for line in told] == ["learnt 2 categories,"]
    assert "nothing was learnt: the training failed: no memory; tried again in 10 minutes" in caplog.text
    clock.advance(3600)
    assert trainer.train_if_due()
    trainer.wait()
    assert told[1].startswith("learnt from 20 verdicts")


def fails(*_: object) -> None:
    raise CuratedError("the training failed: no memory")


def test_what_fails_again_and_again_is_tried_ever_less_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, tries = ManualClock(), 0
    trainer = Trainer(from_dict({"taste": {"every": 1}}, "test"), world.database, monotonic=clock)
    twenty(world)
    monkeypatch.setattr("curated.taste.training.run", fails)
    for _ in range(7 * 24 * 6):
        tries += trainer.train_if_due()
        trainer.wait()
        clock.advance(600)
    assert 8 <= tries <= 16, "in a week"


def test_one_trains_at_a_time(world: World) -> None:
    told: list[str] = []
    trainer = Trainer(from_dict({"taste": {"every": 1}}, "test"), world.database, told.append)
    twenty(world)
    with training_lock(world.database.path) as alone:
        assert alone
        assert trainer.train_if_due()
        trainer.wait()
        assert not told
    trainer.train_if_due()
    trainer.wait()
    assert told


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
