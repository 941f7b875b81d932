"""A child process played in memory: it does what the test tells it, when the test tells it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from pathlib import Path

from curated.domain import Arrival
from curated.errors import PictureUnreadable
from curated.worker.messages import Batch, Job, Judged, OutOfMemory, Ready, WorkerSpec


def job(number: int) -> Job:
    path = Path(f"/unsorted/{number}.jpg")
    return Job(path, f"sha-{number}", Arrival(path, 1, 1, 1, number))


class ScriptedChild:
    """Fulfils client.Child."""

    def __init__(self, spec: WorkerSpec, say: Callable[[object], None], pid: int) -> None:
        self.pid = pid
        self.stderr = deque(["the last line"])
        self.device = spec.models.device
        self.batches: deque[Batch] = deque()
        self.ended = self.closed = self.hangs = False
        self._say = say

    def send(self, batch: Batch) -> None:
        self.batches.append(batch)

    def kill(self) -> None:
        self.die()

    def close(self, grace: float) -> None:
        self.closed = True
        self.die()

    def death(self) -> str:
        return "it died"

    def die(self) -> None:
        if not self.ended:
            self.ended = True
            self._say(None)

    def load(self) -> None:
        self._say(Ready("scripted", self.device, {}, 0.0))

    def judge(self) -> None:
        batch = self.batches.popleft()
        answers = tuple(PictureUnreadable(each.path, "judged") for each in batch.jobs)
        self._say(Judged(batch.number, answers, {}))

    def run_out_of_memory(self) -> None:
        self._say(OutOfMemory(self.batches[0].number, self.device))


class Children:
    """All children that a client starts; at most one of them lives."""

    def __init__(self, killers: Collection[Job] = ()) -> None:
        self.killers = {each.path for each in killers}
        self.started: list[ScriptedChild] = []

    def start(self, spec: WorkerSpec, say: Callable[[object], None]) -> ScriptedChild:
        assert all(child.closed for child in self.started), "two children at once"
        self.started.append(ScriptedChild(spec, say, 1_000 + len(self.started)))
        self.started[-1].load()
        return self.started[-1]

    @property
    def now(self) -> ScriptedChild:
        return self.started[-1]

    def step(self, trouble: str = "") -> None:
        """The living child goes one step: it judges a batch, or dies of it, or of the given trouble."""
        child = self.now
        if child.ended or not child.batches:
            return
        if trouble == "dies" or any(each.path in self.killers for each in child.batches[0].jobs):
            child.die()
        elif trouble == "out of memory" and child.device != "cpu":
            child.run_out_of_memory()
        elif trouble == "answers and dies":
            child.judge()
            child.die()
        elif trouble != "hangs":
            child.judge()
