"""One reply for every job in any order of trouble: many orders, with a child played in memory."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.config import Models, Reading
from curated.errors import WorkerBroken
from curated.worker.client import DEPTH, WorkerClient
from curated.worker.messages import Job, Reply, WorkerSpec
from tests.support.clock import ManualClock
from tests.support.scripted_child import Children, ScriptedChild, job

TIMEOUT = 100.0


class World:
    def __init__(self, jobs: list[Job], killers: list[Job], batch: int) -> None:
        self.children = Children(killers)
        self.clock = ManualClock()
        spec = WorkerSpec(Models(batch_timeout=TIMEOUT, device="cuda:0"), Reading(), Path("/cache"))
        self.client = WorkerClient(spec, lambda: None, self.clock, self.children.start)
        self.waiting = [tuple(jobs[start : start + batch]) for start in range(0, len(jobs), batch)]
        self.replies: list[Reply] = []

    def turn(self, trouble: str = "") -> None:
        while self.waiting and self.client.wanted:
            self.client.submit(self.waiting.pop(0))
        self.children.step(trouble)
        if trouble == "hangs":
            self.clock.advance(TIMEOUT)
        self.client.tick()
        self.replies += self.client.replies()
        assert len(self.children.now.batches) <= DEPTH

    def finish(self, jobs: list[Job]) -> None:
        for _ in range(40 * len(jobs) + 40):
            if len(self.replies) >= len(jobs):
                break
            self.turn()
        assert Counter(reply.job.path for reply in self.replies) == Counter(each.path for each in jobs)
        assert self.client.jobs == 0
        assert self.client.wanted


@given(st.integers(1, 12), st.integers(1, 5), st.sets(st.integers(0, 11), max_size=4))
def test_exactly_the_pictures_that_kill_are_quarantined(count: int, batch: int, killers: set[int]) -> None:
    jobs = [job(number) for number in range(count)]
    bad = [each for number, each in enumerate(jobs) if number in killers]
    world = World(jobs, bad, batch)
    world.finish(jobs)
    assert {reply.job.path for reply in world.replies if reply.quarantine} == {each.path for each in bad}


TROUBLE = st.lists(st.sampled_from(["", "", "", "dies", "answers and dies", "hangs", "out of memory"]), max_size=25)


@given(st.integers(1, 10), st.integers(1, 4), st.sets(st.integers(0, 9), max_size=1), TROUBLE)
def test_every_job_is_answered_once_whatever_happens_when(
    count: int, batch: int, killers: set[int], trouble: list[str]
) -> None:
    jobs = [job(number) for number in range(count)]
    world = World(jobs, [each for number, each in enumerate(jobs) if number in killers], batch)
    for each in trouble:
        # After so many deaths in a row it says so; the jobs are kept, and a daemon that goes on loses none.
        with contextlib.suppress(WorkerBroken):
            world.turn(each)
    world.finish(jobs)


def test_a_death_with_several_batches_in_hand_is_nobodys_strike() -> None:
    jobs = [job(number) for number in range(6)]
    world = World(jobs, [], 2)
    for _ in range(3):
        world.turn("dies")  # three batches in hand: suspects, then one alone, then its halves
    world.finish(jobs)
    assert not any(reply.quarantine for reply in world.replies)


def test_two_deaths_apart_on_one_picture_with_success_in_between_do_not_quarantine_it() -> None:
    world = World([job(1)], [], 1)
    world.turn("dies")
    world.finish([job(1)])
    again = world.client
    again.submit((job(1),))
    world.children.step("dies")
    again.replies()
    world.children.step()
    [reply] = again.replies()
    assert not reply.quarantine


def test_suspects_go_alone_and_then_batches_go_together_again() -> None:
    jobs = [job(number) for number in range(12)]
    world = World(jobs, [], 2)
    world.turn("dies")
    for _ in range(3):
        assert len(world.children.now.batches) == 1
        world.turn()
    assert len(world.children.now.batches) > 1


def test_a_world_in_which_every_picture_kills_is_told_from_bad_pictures() -> None:
    jobs = [job(number) for number in range(20)]
    world = World(jobs, [], 4)

    def everything_kills() -> None:
        for _ in range(100):
            world.turn("dies")  # whatever it is given, the picture known to be good as well

    with pytest.raises(WorkerBroken, match=r"one picture after the other \(it died\): the last line; `curated doctor`"):
        everything_kills()
    world.replies += world.client.replies()
    kept = world.client.jobs + sum(map(len, world.waiting))
    assert len(world.replies) + kept == len(jobs)
    assert len(world.replies) < 6


@given(st.integers(5, 16), st.integers(1, 6))
def test_however_many_bad_pictures_come_together_only_they_are_quarantined(bad: int, batch: int) -> None:
    jobs = [job(number) for number in range(bad + 3)]
    world = World(jobs, jobs[:bad], batch)
    world.finish(jobs)
    assert {reply.job.path for reply in world.replies if reply.quarantine} == {each.path for each in jobs[:bad]}


def test_a_process_that_cannot_even_be_made_is_said_in_one_line() -> None:
    def no_memory(spec: WorkerSpec, say: object) -> ScriptedChild:
        raise OSError(12, "Cannot allocate memory")

    spec = WorkerSpec(Models(), Reading(), Path("/cache"))
    client = WorkerClient(spec, lambda: None, start=no_memory)
    with pytest.raises(WorkerBroken, match="Cannot allocate memory"):
        client.submit((job(1),))
    assert client.jobs == 1
