"""A child that cannot be killed is known as such, and settings may change while there is work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from curated.config import Models, Reading
from curated.worker.client import WorkerClient
from curated.worker.messages import WorkerSpec
from tests.support.clock import ManualClock
from tests.support.scripted_child import Children, ScriptedChild, job

SPEC = WorkerSpec(Models(batch_timeout=60.0), Reading(), Path("/cache"))


class Unkillable(ScriptedChild):
    """Sleeps in the kernel, as in a read from a disk that does not answer."""

    def kill(self) -> None:
        pass


class StubbornChildren(Children):
    def start(self, spec: WorkerSpec, say: object) -> ScriptedChild:
        self.started.append(Unkillable(spec, say, 1))
        self.started[-1].load()
        return self.started[-1]


def test_a_child_that_hangs_and_cannot_be_killed_is_no_longer_responsive() -> None:
    clock, children = ManualClock(), StubbornChildren()
    client = WorkerClient(SPEC, lambda: None, clock, children.start)
    client.submit((job(1),))
    assert client.replies() == []
    assert client.responsive
    clock.advance(61)
    client.tick()
    assert not client.responsive
    clock.advance(61)
    client.tick()
    assert not client.responsive
    children.now.die()
    client.replies()
    assert client.responsive


def test_a_new_spec_is_for_the_next_child_which_has_the_jobs_not_answered() -> None:
    children = Children()
    client = WorkerClient(SPEC, lambda: None, ManualClock(), children.start)
    client.submit((job(1),))
    client.submit((job(2),))
    client.replies()
    client.renew(replace(SPEC, models=Models(device="cuda:7")), grace=0.0)
    assert children.started[0].closed
    replies = []
    for _ in range(4):
        replies += client.replies()
        children.step()
    assert [reply.job for reply in replies] == [job(1), job(2)]
    assert [child.device for child in children.started] == ["auto", "cuda:7"]
