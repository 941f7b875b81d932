"""Inside the child: decode ahead in threads, judge in batches, lose one picture and never the batch."""

from __future__ import annotations

import logging
import queue
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from curated.config import Reading as ReadingLimits
from curated.domain import Reading
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
    """Batches in, answers out; while one is judged, those behind it are being decoded.

    `submit` and `stop` may be called from any thread while another is in `run`.
    """

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
        self._waiting: queue.SimpleQueue[_Decoding | None] = queue.SimpleQueue()
        self._stopped = False
        self._send = send

    def submit(self, batch: Batch) -> None:
        """Start to decode a batch; it is judged after those before it."""
        futures = tuple(self._pool.submit(self._decode, job) for job in batch.jobs)
        self._waiting.put(_Decoding(batch, futures))

    def stop(self) -> None:
        """End `run` after the batch that is being judged."""
        self._stopped = True
        self._waiting.put(None)

    def run(self) -> None:
        """Judge one batch after the other and send their answers, until `stop`."""
        try:
            while (decoding := self._waiting.get()) is not None and not self._stopped:
                self._answer(decoding)
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, decoding: _Decoding) -> None:
        batch = decoding.batch
        started = time.monotonic()
        decoded = [future.result() for future in decoding.futures]
        waited = time.monotonic() - started
        self._send(Progress(batch.number))
        started = time.monotonic()
        whole = [_Whole(job, item) for job, item in zip(batch.jobs, decoded, strict=True) if isinstance(item, Decoded)]
        try:
            judged = iter(self._judge(whole, batch.number))
        except _DeviceTooSmall:
            self._send(OutOfMemory(batch.number, self._models.device))
            return
        answers = tuple(item if isinstance(item, PictureError) else next(judged) for item in decoded)
        timings = {"decode_wait": waited, "judge": time.monotonic() - started}
        self._send(Judged(batch.number, answers, timings))

    def _decode(self, job: Job) -> Decoded | PictureError:
        try:
            return self._models.send_ahead(decode(job.path, job.sha256, job.arrival, self._limits, job.thumbnail))
        except PictureError as error:
            return error
        except MemoryError:
            return PictureTooLarge(job.path, "it needs more memory than there is")
        except Exception as error:  # the thread's edge: a bug met by one picture must not fail its batch
            log.exception("decoding %s failed", job.path)
            return PictureUnreadable(job.path, f"it cannot be decoded: {_in_words(error)}")

    def _judge(self, whole: Sequence[_Whole], number: int) -> list[Answer]:
        """An answer for each picture; a batch that fails is split until the one that fails stands alone."""
        if not whole:
            return []
        try:
            findings = self._models.judge([item.decoded for item in whole])
            return [Reading(item.decoded.picture, found) for item, found in zip(whole, findings, strict=True)]
        except Exception as error:  # the models' edge: whatever their runtimes raise
            out_of_memory, failure = _is_out_of_memory(error), _in_words(error)
            log.warning("a batch of %d failed: %s", len(whole), failure, exc_info=error)
        # Outside the except clause: its traceback would keep the failed batch's tensors alive.
        self._send(Progress(number))
        if out_of_memory:
            _free_device_memory()
        if len(whole) > 1:
            middle = len(whole) // 2
            return self._judge(whole[:middle], number) + self._judge(whole[middle:], number)
        if out_of_memory and self._models.device != "cpu":
            raise _DeviceTooSmall
        return [PictureUnreadable(whole[0].job.path, f"the models cannot judge it: {failure}")]


@dataclass(frozen=True, slots=True)
class _Whole:
    """A decoded picture and whose it is: two jobs of a batch may have the same content."""

    job: Job
    decoded: Decoded


class _DeviceTooSmall(Exception):
    """Even one picture does not fit the device."""


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:200]


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "out of memory" in str(error)


def _free_device_memory() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
