"""Second thoughts: pictures that other models judged are judged by the present ones, and decided anew.

What a person said stays: a name or category of theirs, a verdict, and a change of ours that they took back.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from curated.config import Config
from curated.domain import JUDGED, Arrival, Decision, Photo, Purpose, Reading, Status
from curated.duplicates import likeness_of
from curated.errors import FilingError, FolderUnusable, PictureError
from curated.files import Identity
from curated.filing import Filer
from curated.filing.filed import present_files, unchanged
from curated.filing.legs import free_targets
from curated.pipeline.judgement import Judgement
from curated.review import beside
from curated.state.judged import Judged
from curated.state.pairs import Pairs
from curated.state.rows import printable, with_reading
from curated.state.store import Store
from curated.worker.client import WorkerClient
from curated.worker.messages import Job, Reply, WorkerSpec

Outcome = Literal["moved", "same", "held", "left"]

_LONGEST_SLEEP = 30.0
_WORKER_GRACE = 2.0
_MOVABLE = (Status.FILED, Status.REVIEW)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one picture, or in a dry run would; `after` is the picture as it is then.

    `moved`: it has another category or name. `same`: it stays, with new findings. `held`: the rules would move it,
    but a person's word keeps it. `left`: it could not be judged or moved, and nothing of it changed.
    """

    before: Photo
    after: Photo
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class _Word:
    """What of a picture's place is a person's; `refused` are (category, stem) that were taken back."""

    name: bool
    category: bool
    refused: tuple[tuple[str | None, str], ...]


class Recuration:
    """Judges and decides anew, one batch after the other; `stop` may be called from a signal handler."""

    def __init__(self, config: Config, filer: Filer, *, dry_run: bool = False, factory: str | None = None) -> None:
        """`factory` names another maker of the models (see WorkerSpec)."""
        self.models = ""
        self.total = 0
        self._config = config
        self._filer = filer
        self._store = Store(filer.database)
        self._judged = Judged(filer.database)
        self._pairs = Pairs(filer.database)
        self._judgement = Judgement(config, filer.database)
        self._library = config.folders.library_path
        self._dry_run = dry_run
        self._woken = threading.Event()
        self._stopping = False
        self._worker = WorkerClient(WorkerSpec.of(config, factory), self._woken.set)

    def stop(self) -> None:
        """End after the move under way; what is not judged by then is left for the next time."""
        self._stopping = True
        self._woken.set()

    def run(self, category: str | None = None) -> Iterator[Change]:
        """Every picture (of the category) that other models judged, as it becomes known.

        Raises FolderUnusable if the library is not there or refuses files, WeightsMissing, ConfigError or WorkerBroken
        if the models cannot run, StateError if the database cannot be written.
        """
        if self._filer.disk.folder(self._library) is None:
            raise FolderUnusable(self._library, "is not there; is its disk mounted?")
        if not self._judged.any(category):
            return
        try:
            yield from self._work(category)
        finally:
            self._worker.stop(grace=_WORKER_GRACE)

    def _work(self, category: str | None) -> Iterator[Change]:
        while True:
            self._worker.start()
            self._worker.replies()
            if self._worker.info.models:
                break
            if not self._wait():
                return
        self.models = f"{self._worker.info.profile} on {self._worker.info.device}"
        todo = deque(self._judged.by_others(self._worker.info.models, category))
        self.total = sum(len(ids) for _, ids in todo)
        judging: dict[Job, list[int]] = {}
        while todo or judging:
            while todo and self._worker.wanted:
                batch: dict[Job, list[int]] = {}
                while todo and len(batch) < self._config.models.batch_size:
                    sha256, ids = todo.popleft()
                    job = yield from self._job(sha256, ids)
                    if job is not None:
                        batch[job] = ids
                judging |= batch
                if batch:
                    self._worker.submit(tuple(batch))
            for reply in self._worker.replies():
                for photo_id in judging.pop(reply.job):
                    if self._stopping:
                        return
                    yield self._settle(photo_id, reply)
            if judging and not self._wait():
                return

    def _wait(self) -> bool:
        """Sleep until the worker says something; False if it is time to stop."""
        deadline = self._worker.next_deadline()
        left = _LONGEST_SLEEP if deadline is None else deadline - time.monotonic()
        self._woken.wait(min(max(left, 0.0), _LONGEST_SLEEP))
        self._woken.clear()
        self._worker.tick()
        return not self._stopping

    def _job(self, sha256: str, ids: list[int]) -> Generator[Change, None, Job | None]:
        """The job for one content, read from the first of its files that still has it."""
        why = self._store.quarantined(sha256)
        for photo_id in ids:
            photo = self._store.get(photo_id)
            if why is None:
                expected = Identity(photo.device, photo.inode, photo.size, photo.mtime_ns)
                try:
                    at = unchanged(self._filer.disk, photo.path, photo.path, expected, sha256).identity
                except FilingError as error:
                    yield Change(photo, photo, "left", error.reason)
                    continue
                arrival = Arrival(photo.path, at.size, at.mtime_ns, at.device, at.inode)
                return Job(photo.path, sha256, arrival, None if self._dry_run else photo.thumbnail)
            yield Change(photo, photo, "left", why)
        return None

    def _settle(self, photo_id: int, reply: Reply) -> Change:
        """What the answer means for one of the pictures with this content."""
        if isinstance(reply.answer, PictureError):
            if reply.quarantine and not self._dry_run:
                self._store.quarantine(reply.job.sha256, reply.answer.reason, self._filer.clock())
            photo = self._store.get(photo_id)
            return Change(photo, photo, "left", printable(reply.answer.reason))
        # Nobody else moves it between the look at its row and the move.
        with self._filer.alone():
            photo = self._store.get(photo_id)
            if photo.status not in JUDGED or photo.sha256 != reply.job.sha256:
                return Change(photo, photo, "left", "it was changed meanwhile")
            change = self._change(photo, reply.answer)
            if self._dry_run:
                return change
            try:
                if change.outcome == "moved":
                    self._move(change)
            except FolderUnusable:
                raise
            except FilingError as error:
                return Change(photo, photo, "left", error.reason)
            # Last, so that a picture whose move was cut off is still one that others judged.
            self._judged.set_reading(photo_id, reply.answer, change.after.reason)
            self._pairs.set_likeness(photo_id, likeness_of(reply.answer))
        return replace(change, after=self._store.get(photo_id))

    # -- where to ----------------------------------------------------------------------------------------

    def _change(self, photo: Photo, reading: Reading) -> Change:
        """What the rules say of the picture now, as far as no person has said otherwise."""
        known = with_reading(photo, reading)
        if photo.status not in _MOVABLE:
            return Change(photo, known, "same", "")
        decision = self._judgement.decide(reading, photo.original_path)
        word = self._word(photo)
        stays_in = photo.category == decision.category and photo.status is decision.status
        stays_called = _is_called(photo.path.stem, decision.name)
        if not word.category:
            known = replace(known, reason=decision.reason)
        if stays_in and stays_called and photo.path.parent == self._library / decision.folder:
            return Change(photo, known, "same", "")
        if any(category == decision.category and _is_called(stem, decision.name) for category, stem in word.refused):
            detail = f"this change was taken back before: {_said(decision)}"
            return Change(photo, replace(known, reason=photo.reason), "held", detail)
        target = self._target(photo, decision, word, stays_called)
        after = replace(known, path=target, name=printable(target.stem))
        if not word.category:
            after = replace(after, category=decision.category, status=decision.status)
        if (after.path, after.category, after.status) != (photo.path, photo.category, photo.status):
            return Change(photo, after, "moved", decision.reason)
        held = [*(["category"] if word.category and not stays_in else []), *(["name"] if not stays_called else [])]
        if not held:
            return Change(photo, known, "same", "")
        return Change(photo, known, "held", f"a person gave its {' and '.join(held)}: {_said(decision)}")

    def _target(self, photo: Photo, decision: Decision, word: _Word, stays_called: bool) -> Path:
        """The place under the first free name."""
        folder = photo.path.parent if word.category else self._library / decision.folder
        # A name may tell the category, which here is not the one that was decided.
        by_category = word.category and "{category" in self._config.naming.template
        name = f"{decision.name}{photo.path.suffix if stays_called else decision.extension}"
        # In one folder a name that is told apart by a number keeps it.
        if word.name or by_category or (stays_called and folder == photo.path.parent):
            name = photo.path.name
        wanted = beside(photo, folder / name)
        return free_targets(self._filer.disk, list(wanted.items()))[0]

    def _word(self, photo: Photo) -> _Word:
        done = self._filer.journal.done(photo.id)
        corrections = [move for move in done if move.purpose is Purpose.CORRECT and move.undone_by is None]
        last = done[0].files[0].target if done else photo.path
        usual = self._folder(photo.category)
        # Where the program did not put it, fsck has found it: a person moved or renamed it by other means.
        return _Word(
            name=photo.path.name != last.name or any("category" not in move.after for move in corrections),
            category=photo.confirmed is not None
            or photo.path.parent not in (last.parent, usual)
            or any("category" in move.after for move in corrections),
            refused=tuple(
                (move.after.get("category"), move.files[0].target.stem)
                for move in done
                if move.purpose is Purpose.RECURATE and move.undone_by is not None
            ),
        )

    def _folder(self, category: str | None) -> Path | None:
        folder = self._config.category_folders.get(category or "", category)
        return self._library / folder if folder else None

    def _move(self, change: Change) -> None:
        places = beside(change.before, change.after.path)
        self._filer.move(
            present_files(self._filer.disk, change.before, places.__getitem__),
            purpose=Purpose.RECURATE,
            photo_id=change.before.id,
            after={
                "status": change.after.status.value,
                "category": change.after.category,
                "reason": change.after.reason,
            },
            reason=f"judged anew: {change.detail}",
        )


def _is_called(stem: str, name: str) -> bool:
    """Whether the name is the stem, but for the number that a taken name is given."""
    return stem == name or re.fullmatch(rf"{re.escape(name)} \d+", stem) is not None


def _said(decision: Decision) -> str:
    return f"else it would be {decision.category}/{decision.name} ({decision.reason})"
