"""Inside the child: decode ahead in threads, judge in batches, lose one picture and never the batch."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from curated.config import Reading as ReadingLimits
from curated.domain import Findings, Reading
from curated.errors import PictureError, PictureTooLarge, PictureUnreadable
from curated.models.base import ModelSet
from curated.pictures.decode import decode
from curated.pictures.decoded import Decoded
from curated.worker.messages import Batch, Job, Judged, OutOfMemory, Progress

log = logging.getLogger(__name__)

Answer = Reading | PictureError


@dataclass(frozen=True, slots=True)
class _Decoding:
    batch: Batch
    futures: tuple[Future[Decoded | PictureError], ...]


class Engine:
    """Batches in, answers out; while one is judged, those behind it are being decoded."""

    def __init__(
        self,
        models: ModelSet,
        limits: ReadingLimits,
        threads: int,
        send: Callable[[Judged | OutOfMemory | Progress], None],
    ) -> None:
        self._models = models
        self._limits = limits
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._waiting: deque[_Decoding] = deque()
        self._send = send

    def submit(self, batch: Batch) -> None:
        """Start to decode a batch; it is judged after those before it."""
        futures = tuple(self._pool.submit(self._decode, job) for job in batch.jobs)
        self._waiting.append(_Decoding(batch, futures))

    @property
    def busy(self) -> bool:
        """Whether a batch waits to be judged."""
        return bool(self._waiting)

    def step(self) -> None:
        """Judge the oldest batch and send its answers."""
        decoding = self._waiting.popleft()
        started = time.monotonic()
        decoded = [future.result() for future in decoding.futures]
        waited = time.monotonic() - started
        self._send(Progress(decoding.batch.number))
        started = time.monotonic()
        whole = [item for item in decoded if isinstance(item, Decoded)]
        try:
            judged = iter(self._judge(whole, decoding.batch))
        except _DeviceTooSmall:
            self._send(OutOfMemory(decoding.batch.number, self._models.device))
            return
        answers = tuple(item if isinstance(item, PictureError) else next(judged) for item in decoded)
        timings = {"decode_wait": waited, "judge": time.monotonic() - started}
        self._send(Judged(decoding.batch.number, answers, timings))

    def _decode(self, job: Job) -> Decoded | PictureError:
        try:
            return decode(job.path, job.sha256, job.arrival, self._limits, job.thumbnail)
        except PictureError as error:
            return error
        except MemoryError:
            return PictureTooLarge(job.path, "it needs more memory than there is")

    def _judge(self, decoded: Sequence[Decoded], batch: Batch) -> list[Answer]:
        """An answer for each picture; a batch that fails is split until the one that fails stands alone."""
        if not decoded:
            return []
        try:
            findings = self._models.judge(decoded)
            return [_reading(*pair) for pair in zip(decoded, findings, strict=True)]
        except Exception as error:  # the models' edge: whatever their runtimes raise
            failure = error
            log.warning("a batch of %d failed: %s: %s", len(decoded), type(error).__name__, error, exc_info=error)
        # Outside the except clause: its traceback would keep the failed batch's tensors alive.
        self._send(Progress(batch.number))
        out_of_memory = _is_out_of_memory(failure)
        failure_text = f"{type(failure).__name__}: {failure}"
        failure.__traceback__ = None
        del failure
        if out_of_memory:
            _free_device_memory()
        if len(decoded) > 1:
            middle = len(decoded) // 2
            return self._judge(decoded[:middle], batch) + self._judge(decoded[middle:], batch)
        if out_of_memory and self._models.device != "cpu":
            raise _DeviceTooSmall
        path = next(job.path for job in batch.jobs if job.sha256 == decoded[0].picture.sha256)
        return [PictureUnreadable(path, f"the models cannot judge it: {failure_text[:200]}")]


class _DeviceTooSmall(Exception):
    """Even one picture does not fit the device."""


def _reading(decoded: Decoded, findings: Findings) -> Reading:
    return Reading(decoded.picture, findings)


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "out of memory" in str(error)


def _free_device_memory() -> None:
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
