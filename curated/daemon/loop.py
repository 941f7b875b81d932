"""The daemon's one loop: watch, admit, let the worker judge, place, publish, wait."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from curated.daemon.announce import PUBLISH_SECONDS, Announcer, Report, status_line
from curated.daemon.notify import ServiceManager
from curated.daemon.progress import Progress
from curated.daemon.reload import take_over
from curated.daemon.stages import StageMaker, Stages, check_stages
from curated.daemon.wake import Wake
from curated.domain import Arrival, Asset, Photo, Reading
from curated.errors import ConfigError, FolderUnusable, PictureError, WeightsMissing
from curated.filing.filed import unmounted
from curated.intake.watch import Watcher, remove_emptied
from curated.pipeline import (
    Blocked,
    Candidate,
    Failed,
    Filed,
    LeftAlone,
    Outcome,
    Retrying,
    Returned,
    ToJudge,
    ToPlace,
)
from curated.state.daemon import Activity
from curated.state.store import Store
from curated.taste.background import Trainer
from curated.worker.client import WorkerClient
from curated.worker.messages import Job

log = logging.getLogger(__name__)

_LONGEST_SLEEP = 30.0
_BLOCKED_SECONDS = 15.0
# `run --once` does not wait for ever for a file that somebody keeps writing.
_ONCE_PATIENCE = 30.0
_WORKER_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class _Judged:
    """A candidate whose answer is known and that waits to be placed."""

    candidate: Candidate
    answer: Reading | PictureError
    twin: Photo | None = None
    quarantine: bool = False


class Daemon:
    """Runs in one thread; `stop`, `retry`, `reload` and `woken` may be used from signal handlers and other threads."""

    def __init__(
        self,
        maker: StageMaker,
        stages: Stages,
        store: Store,
        *,
        watcher: Watcher,
        worker: WorkerClient,
        trainer: Trainer,
        progress: Progress,
        report: Report,
        service: ServiceManager,
        woken: Wake,
        monotonic: Callable[[], float],
        once: bool,
    ) -> None:
        self._maker = maker
        self._stages = stages
        self._store = store
        self._watcher = watcher
        self._worker = worker
        self._trainer = trainer
        self._progress = progress
        self._report = report
        self._service = service
        self._announcer = Announcer(store, progress, report, service, monotonic)
        self._woken = woken
        self._now = monotonic
        self._once = once
        self._stopping = False
        self._retry_all = False
        self._reload_asked = False
        self._arrived: deque[Asset] = deque()
        self._judging: dict[Job, Candidate] = {}
        self._batch: list[Candidate] = []
        self._ready: deque[_Judged] = deque()
        self._followers: dict[str, list[Asset]] = {}
        self._alone: dict[Path, Asset] = {}
        self._returned: dict[Path, Arrival] = {}
        self._later: dict[Path, tuple[float, Asset]] = {}
        self._emptied: set[Path] = set()
        self._blocked = ""
        self._blocked_until = 0.0
        self._last_work = monotonic()

    # -- from outside ------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End after the move under way."""
        self._stopping = True
        self._woken.set()

    def retry(self) -> None:
        """Look again at everything that waits or was left alone."""
        self._retry_all = True
        self._woken.set()

    def reload(self) -> None:
        """Read the configuration anew, take over what can be, and look again at everything, as `retry` does."""
        self._reload_asked = True
        self._woken.set()

    # -- the loop ----------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Work until `stop` (or, once, until all that is there is filed); whether nothing failed.

        Raises StateError, WeightsMissing or WorkerBroken where it cannot go on.
        """
        try:
            self._watcher.start()
            self._publish("watching", force=True)
            self._service.ready(status_line(self._progress.state))
            while True:
                self._woken.clear()
                # Asked after `clear`, which may just have forgotten the `set` of a `stop`.
                if self._stopping:
                    break
                self._turn()
                if self._once and self._is_done():
                    break
                self._sleep()
        finally:
            try:
                self._service.stopping()
                self._publish("stopping", force=True)
            finally:  # also where the database cannot be written any more
                self._watcher.stop()
                self._worker.stop(grace=_WORKER_GRACE)
            self._publish("stopped", force=True)
        state = self._progress.state
        return not (state.failed or self._later or self._blocked or self._watcher.state().paused)

    def _turn(self) -> None:
        if self._reload_asked:
            self._reload()
        if self._retry_all:
            self._look_again()
        self._wake_later()
        self._arrived.extend(self._watcher.poll())
        for reply in self._worker.replies():
            candidate = self._judging.pop(reply.job)
            self._ready.append(_Judged(candidate, reply.answer, quarantine=reply.quarantine))
        self._place_ready()
        self._carry()
        self._feed()
        self._worker.tick()
        self._clear_up()
        if not self._once:
            self._trainer.train_if_due()
        self._publish(self._activity())
        if self._worker.responsive:
            self._service.pulse()

    def _carry(self) -> None:
        """Have files follow what was decided in a review that has ended, a while at a time."""
        until = self._now() + PUBLISH_SECONDS
        if not self._stages.carrier.owes or self._is_blocked():
            return
        try:
            for carried in self._stages.carrier.carry(lambda: self._stopping or self._now() > until):
                self._progress.count_decision(carried)
                if carried.problem:
                    self._progress.trouble(f"{carried.decision.action}: {carried.problem}")
        except FolderUnusable as error:
            self._block(error.path, error.reason)
        if self._now() > until:
            self._woken.set()

    def _feed(self) -> None:
        """Admit arrivals as long as the worker takes more: a flood waits as paths, not as pictures."""
        until = self._now() + PUBLISH_SECONDS
        while self._arrived and self._worker.wanted and not self._stopping and not self._is_blocked():
            if self._now() > until:  # a thousand known ones on end: replies and the state have their turn, too
                self._woken.set()
                return
            self._admit_one(self._arrived.popleft())
            if len(self._batch) >= self._stages.config.models.batch_size:
                self._submit()
        if self._batch and self._worker.wanted and not self._arrived:
            self._submit()

    def _admit_one(self, asset: Asset) -> None:
        step = self._stages.admit(asset)
        match step:
            case ToJudge(candidate):
                if candidate.sha256 in self._followers:  # its double is being judged: it takes over the findings
                    self._followers[candidate.sha256].append(asset)
                else:
                    self._followers[candidate.sha256] = []
                    self._batch.append(candidate)
            case ToPlace(candidate, reading, twin):
                self._place_one(_Judged(candidate, reading, twin))
            case _:
                self._settle(asset, step)

    def _submit(self) -> None:
        batch, self._batch = tuple(self._batch), []
        # By job, not by path: a file that changes while it is judged comes again as another one.
        jobs = {self._job(candidate): candidate for candidate in batch}
        self._judging |= jobs
        self._worker.submit(tuple(jobs))

    def _job(self, candidate: Candidate) -> Job:
        digest = candidate.sha256
        thumbnail = self._stages.config.folders.cache_path / "thumbnails" / digest[:2] / f"{digest}.jpg"
        return Job(candidate.path, digest, candidate.asset.primary, thumbnail)

    def _place_ready(self) -> None:
        while self._ready and not self._stopping and not self._is_blocked():
            self._place_one(self._ready.popleft())

    def _place_one(self, judged: _Judged) -> None:
        outcome = self._stages.place(judged.candidate, judged.answer, judged.twin, quarantine=judged.quarantine)
        if isinstance(outcome, Blocked):
            self._block(outcome.folder, outcome.reason)
            self._ready.appendleft(judged)
            return
        self._blocked = ""
        self._settle(judged.candidate.asset, outcome)
        self._arrived.extendleft(reversed(self._followers.pop(judged.candidate.sha256, [])))

    def _settle(self, asset: Asset, outcome: Outcome) -> None:
        """The end of an asset's way, or of this try: keep its claim, or let it be found again."""
        self._last_work = self._now()
        path = asset.primary.path
        # What waited there before has changed since: this one stands for it.
        self._later.pop(path, None)
        self._alone.pop(path, None)
        returned = self._returned.pop(path, None)
        match outcome:
            case Filed() | Failed():
                self._watcher.release(asset)
                self._emptied.add(path.parent)
            case Returned():
                self._watcher.release(asset)
                self._returned[path] = asset.primary
                # No event may come for what is still there (only its sidecar went). The same one a second time
                # waits for the next scan: on a disk that never says the same of a file twice it would go on for ever.
                if returned != asset.primary:
                    self._watcher.look_again(asset)
            case Retrying():
                wait = (outcome.next_at - self._stages.place.now()).total_seconds()
                self._later[path] = (self._now() + max(0.0, wait), asset)
            case LeftAlone():
                self._alone[path] = asset
        self._progress.count(outcome)
        self._report(outcome)

    def _wake_later(self) -> None:
        due = [path for path, (moment, _) in self._later.items() if moment <= self._now()]
        for path in due:
            self._watcher.release(self._later.pop(path)[1])
        if due:
            self._watcher.rescan()

    def _clear_up(self) -> None:
        """Remove folders that filing has emptied, once nothing is on its way: a copy under way would miss them."""
        if not (self._emptied or self._returned) or self._arrived or self._in_work or not self._watcher.idle:
            return
        self._returned.clear()
        if self._stages.config.watch.remove_emptied_folders:
            for folder in self._emptied:
                remove_emptied(folder, self._watcher.root)
        self._emptied.clear()

    def _look_again(self) -> None:
        self._retry_all = False
        for asset in (*self._alone.values(), *(asset for _, asset in self._later.values())):
            self._watcher.release(asset)
        self._alone.clear()
        self._later.clear()
        self._watcher.rescan()

    def _reload(self) -> None:
        self._reload_asked, self._retry_all = False, True
        self._service.reloading()
        try:
            change = take_over(self._stages.config, self._maker.read())
            check_stages(change.config)
        except (ConfigError, WeightsMissing) as error:
            log.error("the configuration is not taken over, the one in force stays: %s", error)  # noqa: TRY400
            self._progress.trouble(f"configuration not taken over: {error}")
        else:
            before, self._stages = self._stages, self._maker.make(change.config, self._stages)
            self._trainer.adopt(change.config)
            if before.spec != self._stages.spec:
                self._worker.renew(self._stages.spec, grace=_WORKER_GRACE)
            log.info("configuration read anew; taken over: %s", ", ".join(change.taken) or "nothing has changed")
            if change.waiting:
                log.warning("changed, but in force only after a restart: %s", ", ".join(change.waiting))
        self._service.ready(status_line(self._progress.state))

    # -- trouble that is no single file's ----------------------------------------------------------------

    def _block(self, folder: Path, reason: str) -> None:
        text = f"{folder}: {reason}"
        if text != self._blocked:
            log.error("nothing can be filed: %s", text)
            self._progress.count_block()
            self._progress.trouble(text)
            self._announcer.at_once()  # a run with --once ends with this turn
        self._blocked, self._blocked_until = text, self._now() + _BLOCKED_SECONDS

    def _is_blocked(self) -> bool:
        """Whether filing waits for a folder; an empty library with pictures in the database is an unmounted one."""
        if self._blocked and self._now() < self._blocked_until:
            return True
        library = self._stages.config.folders.library_path
        if why := unmounted(library, self._store):
            self._block(library, why)
            return True
        if not self._ready:  # nothing waits for that folder any more
            self._blocked = ""
        return False

    # -- state -------------------------------------------------------------------------------------------

    @property
    def _in_work(self) -> int:
        return len(self._judging) + len(self._batch) + len(self._ready)

    def _activity(self) -> Activity:
        if self._blocked or self._watcher.state().paused:
            return "paused"
        return "working" if self._arrived or self._in_work else "watching"

    def _publish(self, activity: Activity, *, force: bool = False) -> None:
        watch = self._watcher.state()
        self._announcer.say(
            activity,
            self._blocked or watch.paused,
            queued=len(self._arrived) + sum(map(len, self._followers.values())),
            in_work=self._in_work,
            retrying=len(self._later),
            watch=watch,
            worker=self._worker.info,
            force=force,
        )

    def _is_done(self) -> bool:
        if self._arrived or self._in_work:
            return bool(self._blocked)
        if self._watcher.state().paused:
            return True
        soon = self._now() + _ONCE_PATIENCE
        if any(moment <= soon for moment, _ in self._later.values()) or not self._watcher.state().scans:
            return False
        if self._watcher.idle:
            return True
        stuck = self._now() - self._last_work > max(_ONCE_PATIENCE, 3 * self._stages.config.watch.settle_seconds)
        if stuck:
            waiting = self._watcher.state().waiting
            log.warning("%d files are still being written; they are left for the next run", waiting)
        return stuck

    def _sleep(self) -> None:
        now = self._now()
        deadlines = [now + _LONGEST_SLEEP, self._watcher.next_deadline(), self._worker.next_deadline()]
        deadlines.append(self._announcer.deadline())
        if self._worker.responsive:  # else no sign is given, however long it is due
            deadlines.append(self._service.next_pulse())
        deadlines += [moment for moment, _ in self._later.values()]
        if self._blocked:
            deadlines.append(self._blocked_until)
        if self._arrived or self._in_work or self._once:
            deadlines.append(now + PUBLISH_SECONDS)
        soonest = min(deadline for deadline in deadlines if deadline is not None)
        if soonest > now:
            self._woken.wait(soonest - now)
