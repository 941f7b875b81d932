"""Pictures brought into memory off the thread that draws: what is looked at first, then what may come next."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from curated.config import Config, Reading
from curated.domain import Photo
from curated.errors import PictureChanged, PictureError, PictureTooLarge
from curated.tui.drawing import Drawings
from curated.tui.graphics import picture_numbers
from curated.tui.images_cache import ScreenCache, read_jpeg
from curated.tui.terminal import Terminal

log = logging.getLogger(__name__)

# The longer sides, in pixels, that originals are brought to: one file serves all terminals of about a size.
SIDES = (384, 768, 1280, 2048)
MEMORY_BYTES = 40 * 1024**2
# What a decode may take of memory, in pixels and bytes, while someone looks on; the daemon's limits are wider.
_MOST_PIXELS = 64_000_000
_MOST_FILE_BYTES = 160 * 1024**2
_LARGE_FILE_BYTES = 12 * 1024**2
_STUCK_SECONDS = 5.0
_MOST_THREADS = 8

Wanted = tuple[Photo, Path]


@dataclass(slots=True, eq=False)
class _Job:
    """One picture to be brought to one side; nobody waits for a wish."""

    photo: Photo
    file: Path
    side: int
    future: Future[Image.Image] = field(default_factory=Future)
    waiting: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.photo.sha256, self.side


@dataclass(frozen=True, slots=True)
class _Held:
    image: Image.Image
    whole: bool  # there is no more of it than this

    @property
    def bytes(self) -> int:
        return self.image.width * self.image.height * 3


class Pictures:
    """Pictures by their content, from memory, from the daemon's thumbnails, from our cache, or decoded.

    `drawings` holds what the widgets drew of them; `terminal` is what they draw for: `prepare_terminal` gives it.
    All methods are called from one thread or many; none but `close` waits. Images given out are shared: not to be
    changed.
    """

    def __init__(
        self,
        cache: Path,
        *,
        limits: Reading,
        disk_bytes: int,
        memory_bytes: int = MEMORY_BYTES,
        threads: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.drawings = Drawings()
        self.terminal = Terminal()
        self.numbers = picture_numbers()
        self.hoped_for: tuple[Photo, ...] = ()  # what was wished for last
        self._limits = limits
        self._sides = sorted({limits.thumbnail_pixels, *SIDES})
        self._kept = ScreenCache(cache / "screen", disk_bytes)
        self._memory_bytes = memory_bytes
        self._threads = threads
        self._clock = clock
        self._memory: OrderedDict[str, _Held] = OrderedDict()
        self._memory_held = 0
        self._jobs: dict[tuple[str, int], _Job] = {}
        self._failed: set[str] = set()  # not wished for again; a load tries again
        self._loads: deque[_Job] = deque()
        self._wishes: deque[_Job] = deque()
        self._running: dict[threading.Thread, float] = {}  # since when each is busy
        self._workers: set[threading.Thread] = set()
        self._changed = threading.Condition()
        self._one_large = threading.Lock()
        self._closed = False

    @classmethod
    def of(cls, config: Config) -> Pictures:
        """The pictures as the configuration has them."""
        return cls(config.folders.cache_path, limits=config.reading, disk_bytes=config.review.cache_mb * 1024**2)

    def ready(self, photo: Photo, side: int) -> Image.Image | None:
        """The picture if memory has it with a longer side of `side` at the least, or as large as it is."""
        with self._changed:
            held = self._memory.get(photo.sha256)
            if held is None or not (held.whole or max(held.image.size) >= side):
                return None
            self._memory.move_to_end(photo.sha256)
            return held.image

    def load(self, photo: Photo, file: Path, side: int) -> Future[Image.Image]:
        """The picture to come, RGB and upright, with a longer side of `side` at the least if it has so many pixels.

        The future fails with a PictureError; it is cancelled by `forget` and `close`.
        """
        with self._changed:
            if (image := self.ready(photo, side)) is not None:
                done: Future[Image.Image] = Future()
                done.set_result(image)
                return done
            job = _Job(photo, file, self._fitting(side))
            known = self._jobs.get(job.key)
            if known is not None:
                if known in self._wishes:
                    self._wishes.remove(known)
                    self._loads.append(known)
                job = known
            elif self._closed:
                job.future.cancel()
                return job.future
            else:
                self._jobs[job.key] = job
                self._loads.append(job)
            job.waiting += 1
            self._have_workers()
            self._changed.notify()
            return job.future

    def forget(self, future: Future[Image.Image]) -> None:
        """Nobody waits for what `load` gave any more: unless someone else does, it need not be begun."""
        with self._changed:
            job = next((each for each in self._loads if each.future is future), None)
            if job is None:
                return
            job.waiting -= 1
            if job.waiting > 0:
                return
            self._loads.remove(job)
            del self._jobs[job.key]
        future.cancel()

    def prefetch(self, wanted: Sequence[Wanted], side: int) -> None:
        """Bring these to memory when there is nothing better to do, the first first; older wishes are dropped."""
        self.hoped_for = tuple(photo for photo, _ in wanted)
        with self._changed:
            for job in self._wishes:
                del self._jobs[job.key]
            self._wishes.clear()
            for photo, file in wanted:
                if self._closed or photo.sha256 in self._failed or self.ready(photo, side) is not None:
                    continue
                job = _Job(photo, file, self._fitting(side))
                if job.key not in self._jobs:
                    self._jobs[job.key] = job
                    self._wishes.append(job)
            if self._wishes:
                self._have_workers()
                self._changed.notify_all()

    def close(self, timeout: float = 0.5) -> None:
        """Begin nothing more; what is under way is waited for, but not for longer than that."""
        with self._changed:
            self._closed = True
            waiting = [*self._loads, *self._wishes]
            self._loads.clear()
            self._wishes.clear()
            self._jobs.clear()
            self._memory.clear()
            self._memory_held = 0
            workers = list(self._workers)
            self._changed.notify_all()
        for job in waiting:
            job.future.cancel()
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    def _have_workers(self) -> None:
        """Threads enough for what waits; one that hangs (a dead network drive) is made up for by another."""
        now = self._clock()
        stuck = sum(1 for since in self._running.values() if now - since > _STUCK_SECONDS)
        if len(self._workers) < min(self._threads + stuck, _MOST_THREADS):
            # Daemon threads: one that hangs must not keep the program from ending.
            worker = threading.Thread(target=self._work, name="pictures", daemon=True)
            self._workers.add(worker)
            worker.start()

    def _work(self) -> None:
        me = threading.current_thread()
        while (job := self._next_job(me)) is not None:
            try:
                held = self._fetch(job.photo, job.file, job.side)
            except PictureError as error:
                self._finish(me, job, failed=True)
                job.future.set_exception(error)
            except Exception as error:
                # The edge of a thread: it must go on, and who waits must hear of it.
                log.exception("%s could not be shown", job.file)
                self._finish(me, job, failed=True)
                job.future.set_exception(PictureError(job.file, f"it could not be shown: {error}"))
            else:
                self._remember(job.photo.sha256, held)
                self._finish(me, job)
                job.future.set_result(held.image)

    def _next_job(self, me: threading.Thread) -> _Job | None:
        with self._changed:
            while True:
                spare = len(self._workers) - len(self._running) > self._threads
                if self._closed or spare:
                    self._workers.discard(me)
                    return None
                job = self._loads.popleft() if self._loads else self._wishes.popleft() if self._wishes else None
                if job is not None and job.future.set_running_or_notify_cancel():
                    self._running[me] = self._clock()
                    return job
                if job is not None:
                    self._jobs.pop(job.key, None)
                else:
                    self._changed.wait()

    def _finish(self, me: threading.Thread, job: _Job, failed: bool = False) -> None:
        with self._changed:
            if failed:
                self._failed.add(job.photo.sha256)
            else:
                self._failed.discard(job.photo.sha256)
            self._running.pop(me, None)
            self._jobs.pop(job.key, None)

    def _fetch(self, photo: Photo, file: Path, side: int) -> _Held:
        try:
            size = file.lstat().st_size
        except (FileNotFoundError, NotADirectoryError):
            raise PictureChanged(file, "it is gone from the disk") from None
        except OSError:
            size = 0  # decoding it says what is the matter
        full = max(photo.width or 0, photo.height or 0)
        if photo.thumbnail is not None and (image := read_jpeg(photo.thumbnail)) is not None:
            longer = max(image.size)
            whole = longer < self._limits.thumbnail_pixels or 0 < full <= longer
            if whole or longer >= side:
                return _Held(image, whole)
        if (image := self._kept.read(photo.sha256, side)) is not None:
            return _Held(image, whole=max(image.size) < side)
        if size > _MOST_FILE_BYTES:
            raise PictureTooLarge(file, f"{size / 1e6:,.0f} MB are too many to be shown here")
        image = self._decoded(file, size, side)
        whole = max(image.size) < side
        if not whole:
            self._kept.write(photo.sha256, side, image)
        return _Held(image, whole)

    def _decoded(self, file: Path, size: int, side: int) -> Image.Image:
        # Here, as the decoder brings libraries with it that would delay the first picture.
        from curated.pictures.decode import look

        if size < _LARGE_FILE_BYTES:
            return look(file, self._limits, side, _MOST_PIXELS)
        with self._one_large:
            return look(file, self._limits, side, _MOST_PIXELS)

    def _remember(self, sha256: str, held: _Held) -> None:
        with self._changed:
            if self._closed:
                return
            older = self._memory.pop(sha256, None)
            if older is not None:
                self._memory_held -= older.bytes
                if older.whole or older.bytes > held.bytes:
                    held = older
            self._memory[sha256] = held
            self._memory_held += held.bytes
            while self._memory_held > self._memory_bytes and len(self._memory) > 1:
                _, dropped = self._memory.popitem(last=False)
                self._memory_held -= dropped.bytes

    def _fitting(self, side: int) -> int:
        return next((each for each in self._sides if each >= side), self._sides[-1])
