"""The daemon's side of the worker: batches out, one reply for every job, whatever happens to the child."""

from __future__ import annotations

import logging
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

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
from curated.worker.trial import Trial

log = logging.getLogger(__name__)

# One batch on the device, the next being decoded, the third lying ready.
DEPTH = 3
_LOADING_SECONDS = 600.0
_FAILED_STARTS = 3
_STRIKES = 2
# So many pictures quarantined with none judged in between: are there so many bad ones, or is it not the pictures?
_KILLERS_IN_A_ROW = 4
_NOT_READY_SECONDS = 5.0
_MEND = "`curated doctor` looks for the cause"


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What is known of the child that runs or ran last; `models` maps role to model id, empty until it is loaded."""

    pid: int | None = None
    profile: str = ""
    device: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    judge_seconds: float = 0.0
    pictures: int = 0


class Child(Protocol):
    """What the client needs of a child; `Process` fulfils it. It says None when it has gone."""

    @property
    def pid(self) -> int: ...

    @property
    def stderr(self) -> Sequence[str]:
        """Its last lines; all of them only after `close`."""
        ...

    def send(self, batch: Batch) -> None: ...

    def kill(self) -> None: ...

    def close(self, grace: float) -> None: ...

    def death(self) -> str: ...


class WorkerClient:
    """Owns at most one child; all methods are for one thread.

    When the child dies or hangs, the batches it had are suspects: they go one at a time, and one that fails
    alone is halved, until a single picture has killed the child twice and is quarantined. After several of these in
    a row the child is given a picture known to be good: what cannot judge that one is broken itself.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[WorkerSpec, Callable[[object], None]], Child] = Process,
    ) -> None:
        self.info = WorkerInfo()
        self._spec = spec
        self._wake = wake
        self._clock = clock
        self._start_child = start
        self._inbox: queue.SimpleQueue[tuple[int, object]] = queue.SimpleQueue()
        self._process: Child | None = None
        self._generation = 0
        self._ready = False
        self._hung = False
        self._failed_starts = 0
        self._killers = 0
        self._trial: Trial | None = None
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
        return sum(len(batch) for batch in batches if not self._is_trial(batch))

    @property
    def responsive(self) -> bool:
        """Whether the child, if there is one, is believed to live: False from the moment it is killed for hanging
        until it has gone, which takes for ever if the kernel cannot end it."""
        return not self._hung

    def start(self) -> None:
        """Have the models loaded before there is work, so that `info.models` says which they are."""
        if self._process is None:
            self._start()

    def submit(self, jobs: tuple[Job, ...]) -> None:
        """Have these judged together; each gets exactly one reply. Raises WorkerBroken if no process can be made."""
        self._queued.append(jobs)
        self._send_some()

    def replies(self) -> list[Reply]:
        """The replies that have come since the last call.

        Raises the error with which the child could not start, or WorkerBroken if it dies on no picture or on
        every one; the jobs without a reply are kept, and a later call tries anew.
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
        if self.jobs or not self._ready:
            log.warning("the worker (process %d) made no progress and is killed", self._process.pid)
            self._hung = True
            self._process.kill()
            self._last_sign = now
        else:
            log.info("the worker has been idle and is ended; its memory is free again")
            self.stop(grace=0.0)

    def next_deadline(self) -> float | None:
        """When `tick` has something to do, by the monotonic clock; None where there is no child."""
        if self._process is None:
            return None
        if not self._ready:
            return self._last_sign + _LOADING_SECONDS
        return self._last_sign + (self._spec.models.batch_timeout if self.jobs else self._spec.models.idle_timeout)

    def renew(self, spec: WorkerSpec, grace: float) -> None:
        """Go on by another spec: the child is ended as by `stop`, and the next one has the jobs not answered."""
        self.stop(grace)
        self._spec = spec

    def stop(self, grace: float) -> None:
        """End the child, after the batch it is judging if that takes no longer than `grace`.

        Jobs not answered stay unanswered; they go to the next child, should there be one.
        """
        if self._process is not None:
            self._generation += 1
            self._process.close(grace)
            self._process = None
            self._ready = False
            self.info = replace(self.info, pid=None)
        self._queued.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()

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
        process = self._process or self._start()
        # Suspects go alone: with one batch in flight, a death has one culprit.
        self._careful = bool(self._suspects) or (self._careful and bool(self._in_flight))
        while len(self._in_flight) < (1 if self._careful else DEPTH):
            source = self._suspects or self._queued
            if not source:
                return
            jobs = source.popleft()
            if not self._in_flight:
                self._last_sign = self._clock()
            self._number += 1
            self._in_flight[self._number] = jobs
            process.send(Batch(self._number, jobs))

    def _start(self) -> Child:
        self._generation += 1
        generation = self._generation

        def receive(message: object) -> None:
            self._inbox.put((generation, message))
            self._wake()

        self._ready = self._hung = False
        self._last_sign = self._clock()
        try:
            process = self._start_child(self._spec, receive)
        except OSError as error:
            raise WorkerBroken(f"the model process cannot be started: {error.strerror or error}") from error
        self._process = process
        self.info = replace(self.info, pid=process.pid)
        return process

    def _handle(self, message: object) -> None:
        self._last_sign = self._clock()
        match message:
            case Ready():
                self._ready = True
                self._failed_starts = 0
                self.info = replace(self.info, profile=message.profile, device=message.device, models=message.models)
                log.info("models loaded in %.1f s: profile %s on %s", message.seconds, message.profile, message.device)
            case Judged():
                self._judged(message)
            case OutOfMemory():
                log.warning("%s has too little memory for one picture; the worker goes on on the CPU", message.device)
                models = msgspec.structs.replace(self._spec.models, device="cpu")
                self._spec = replace(self._spec, models=models)
                self.stop(grace=0.0)
            case NotReady():
                self.stop(grace=_NOT_READY_SECONDS)
                raise message.error
            case None:
                self._died()
            case Progress():
                pass
            case _:
                raise TypeError(f"the worker sent {type(message).__name__}")

    def _judged(self, message: Judged) -> None:
        jobs = self._in_flight.pop(message.number)
        self._killers = 0
        if self._is_trial(jobs):
            self._end_trial()
            return
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
        why = process.death()
        if hung:
            patience = self._spec.models.batch_timeout if was_ready else _LOADING_SECONDS
            why = f"it gave no answer for {patience:.0f} s"
        in_flight = list(self._in_flight.values())
        self._in_flight.clear()
        self.stop(grace=0.0)
        lines = list(process.stderr)  # whole only now
        if not was_ready:
            self._queued.extendleft(reversed(in_flight))
            self._failed_starts += 1
            log.error("the worker died while it loaded the models (%s): %s", why, " | ".join(lines[-3:]))
            if self._failed_starts >= _FAILED_STARTS:
                self._failed_starts = 0
                raise WorkerBroken(f"the model process cannot start ({why}){_last(lines)}; {_MEND}")
            return
        log.warning("the worker died (%s) with %d batches in hand%s", why, len(in_flight), _last(lines))
        suspects = self._narrowed(in_flight[0], why) if len(in_flight) == 1 else in_flight
        if self._killers >= _KILLERS_IN_A_ROW and self._trial is None:
            suspects = [*self._begin_trial(), *suspects]
        self._suspects.extendleft(reversed(suspects))
        if self._killers >= _KILLERS_IN_A_ROW and (self._trial is None or self._trial.deaths >= _STRIKES):
            self._end_trial()
            self._killers = 0
            raise WorkerBroken(f"the model process dies on one picture after the other ({why}){_last(lines)}; {_MEND}")

    def _narrowed(self, jobs: tuple[Job, ...], why: str) -> list[tuple[Job, ...]]:
        """What is still to be tried of a batch that killed the child when it was alone in it."""
        if len(jobs) > 1:
            middle = len(jobs) // 2
            return [jobs[:middle], jobs[middle:]]
        if self._trial is not None and self._is_trial(jobs):
            self._trial.deaths += 1
            return [jobs] if self._trial.deaths < _STRIKES else []
        job = jobs[0]
        self._strikes[job.sha256] = self._strikes.get(job.sha256, 0) + 1
        if self._strikes[job.sha256] < _STRIKES:
            return [jobs]
        del self._strikes[job.sha256]
        self._killers += 1
        error = PictureKillsWorker(job.path, f"the model process died while judging it ({why})")
        self._replies.append(Reply(job, error, quarantine=True))
        return []

    def _is_trial(self, jobs: tuple[Job, ...]) -> bool:
        return self._trial is not None and jobs is self._trial.jobs

    def _begin_trial(self) -> list[tuple[Job, ...]]:
        try:
            self._trial = Trial()
        except OSError as error:
            log.warning("no picture can be made to try the model process with: %s", error.strerror or error)
            return []
        return [self._trial.jobs]

    def _end_trial(self) -> None:
        if self._trial is not None:
            self._trial.close()
            self._trial = None


def _last(lines: list[str]) -> str:
    return f": {lines[-1]}" if lines else ""
