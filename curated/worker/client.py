"""The daemon's side of the worker: batches out, one reply for every job, whatever happens to the child."""

from __future__ import annotations

import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import msgspec

from curated.errors import PictureKillsWorker, WorkerBroken
from curated.worker.messages import (
    Batch,
    Job,
    Judged,
    NotReady,
    OutOfMemory,
    Progress,
    Ready,
    Reply,
    WorkerSpec,
)
from curated.worker.process import Process

log = logging.getLogger(__name__)

# One batch on the device, the next being decoded, the third lying ready.
DEPTH = 3
_LOADING_SECONDS = 600.0
_FAILED_STARTS = 3
_STRIKES = 2


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What is known of the child that runs or ran last."""

    pid: int | None = None
    profile: str = ""
    device: str = ""
    judge_seconds: float = 0.0
    pictures: int = 0


class WorkerClient:
    """Owns at most one child; all methods are for one thread.

    When the child dies or hangs, the batches it had are suspects: they go one at a time, and one that fails
    alone is halved, until a single picture has killed the child twice and is quarantined.
    """

    def __init__(self, spec: WorkerSpec, wake: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.info = WorkerInfo()
        self._spec = spec
        self._wake = wake
        self._clock = clock
        self._inbox: queue.SimpleQueue[tuple[int, object]] = queue.SimpleQueue()
        self._process: Process | None = None
        self._generation = 0
        self._ready = False
        self._hung = False
        self._failed_starts = 0
        self._number = 0
        self._last_sign = clock()
        self._queued: deque[tuple[Job, ...]] = deque()
        self._suspects: deque[tuple[Job, ...]] = deque()
        self._in_flight: dict[int, tuple[Job, ...]] = {}
        self._strikes: dict[str, int] = {}
        self._careful = False
        self._replies: list[Reply] = []

    @property
    def wanted(self) -> bool:
        """Whether another batch may be submitted now."""
        return len(self._in_flight) + len(self._queued) + len(self._suspects) < DEPTH

    @property
    def jobs(self) -> int:
        """Jobs submitted and not answered yet."""
        batches = (*self._in_flight.values(), *self._queued, *self._suspects)
        return sum(len(batch) for batch in batches)

    def submit(self, jobs: tuple[Job, ...]) -> None:
        """Have these judged together; each gets exactly one reply."""
        self._queued.append(jobs)
        self._send_some()

    def replies(self) -> list[Reply]:
        """The replies that have come since the last call.

        Raises the error with which the child could not start, or WorkerBroken if it dies on no picture.
        """
        for generation, message in self._messages():
            if generation == self._generation:
                self._handle(message)
        self._send_some()
        replies, self._replies = self._replies, []
        return replies

    def tick(self) -> None:
        """Kill a child that hangs, end one that idles."""
        now = self._clock()
        deadline = self.next_deadline()
        if self._process is None or deadline is None or now < deadline:
            return
        if self.jobs:
            log.warning("the worker (process %d) made no progress and is killed", self._process.pid)
            self._hung = True
            self._process.kill()
            self._last_sign = now
        else:
            log.info("the worker has been idle and is ended; its memory is free again")
            self.stop(grace=5.0)

    def next_deadline(self) -> float | None:
        """When `tick` has something to do, by the monotonic clock; None where there is no child."""
        if self._process is None:
            return None
        if not self.jobs:
            return self._last_sign + self._spec.models.idle_timeout
        return self._last_sign + (self._spec.models.batch_timeout if self._ready else _LOADING_SECONDS)

    def stop(self, grace: float) -> None:
        """End the child; jobs not answered stay unanswered."""
        if self._process is not None:
            self._generation += 1
            self._process.close(grace)
            self._process = None
            self._ready = False
            self.info = replace(self.info, pid=None)

    def _messages(self) -> Iterator[tuple[int, object]]:
        while True:
            try:
                yield self._inbox.get_nowait()
            except queue.Empty:
                return

    def _send_some(self) -> None:
        """Start the child if there is work, and give it as much as it may have."""
        if not self._queued and not self._suspects:
            return
        if self._process is None:
            self._start()
        # Suspects go alone: with one batch in flight, a death has one culprit.
        self._careful = bool(self._suspects) or (self._careful and bool(self._in_flight))
        while self._process is not None and len(self._in_flight) < (1 if self._careful else DEPTH):
            source = self._suspects or self._queued
            if not source or (self._careful and source is self._queued and self._in_flight):
                return
            if source is self._queued:
                self._careful = False
            jobs = source.popleft()
            if not self._in_flight:
                self._last_sign = self._clock()
            self._number += 1
            self._in_flight[self._number] = jobs
            self._process.send(Batch(self._number, jobs))

    def _start(self) -> None:
        self._generation += 1
        generation = self._generation

        def receive(message: object) -> None:
            self._inbox.put((generation, message))
            self._wake()

        self._ready = self._hung = False
        self._last_sign = self._clock()
        self._process = Process(self._spec, receive)
        self.info = replace(self.info, pid=self._process.pid)

    def _handle(self, message: object) -> None:
        self._last_sign = self._clock()
        match message:
            case Ready():
                self._ready = True
                self._failed_starts = 0
                self.info = replace(self.info, profile=message.profile, device=message.device)
                log.info("models loaded in %.1f s: profile %s on %s", message.seconds, message.profile, message.device)
            case Judged():
                self._judged(message)
            case OutOfMemory():
                log.warning("%s has too little memory for one picture; the worker goes on on the CPU", message.device)
                models = msgspec.structs.replace(self._spec.models, device="cpu")
                self._spec = replace(self._spec, models=models)
                self._requeue()
                self.stop(grace=5.0)
            case NotReady():
                self.stop(grace=5.0)
                raise message.error
            case None:
                self._died()
            case Progress():
                pass
            case _:
                raise TypeError(f"the worker sent {type(message).__name__}")

    def _judged(self, message: Judged) -> None:
        jobs = self._in_flight.pop(message.number)
        self.info = replace(
            self.info,
            judge_seconds=self.info.judge_seconds + message.timings.get("judge", 0.0),
            pictures=self.info.pictures + len(jobs),
        )
        self._replies += [Reply(*pair) for pair in zip(jobs, message.answers, strict=True)]
        for job in jobs:
            self._strikes.pop(job.sha256, None)

    def _died(self) -> None:
        process, hung, was_ready = self._process, self._hung, self._ready
        if process is None:
            return
        why = f"it gave no answer for {self._spec.models.batch_timeout:.0f} s" if hung else process.death()
        lines = list(process.stderr)
        self.stop(grace=0.0)
        if not was_ready:
            self._failed_starts += 1
            log.error("the worker died while it loaded the models (%s): %s", why, " | ".join(lines[-3:]))
            self._requeue()
            if self._failed_starts >= _FAILED_STARTS:
                last = f": {lines[-1]}" if lines else ""
                raise WorkerBroken(
                    f"the model process cannot start ({why}){last}; `curated doctor` looks for the cause"
                )
            return
        log.warning("the worker died (%s) with %d batches in hand", why, len(self._in_flight))
        if not self._in_flight:
            return
        if len(self._in_flight) > 1 or not self._careful:
            suspects = list(self._in_flight.values())
        else:
            suspects = self._narrowed(next(iter(self._in_flight.values())), why)
        self._in_flight.clear()
        self._suspects.extendleft(reversed(suspects))

    def _narrowed(self, jobs: tuple[Job, ...], why: str) -> list[tuple[Job, ...]]:
        """What is still to be tried of a batch that killed the child when it was alone in it."""
        if len(jobs) > 1:
            middle = len(jobs) // 2
            return [jobs[:middle], jobs[middle:]]
        job = jobs[0]
        self._strikes[job.sha256] = self._strikes.get(job.sha256, 0) + 1
        if self._strikes[job.sha256] < _STRIKES:
            return [jobs]
        del self._strikes[job.sha256]
        error = PictureKillsWorker(job.path, f"the model process died while judging it ({why})")
        self._replies.append(Reply(job, error, quarantine=True))
        return []

    def _requeue(self) -> None:
        self._queued.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
