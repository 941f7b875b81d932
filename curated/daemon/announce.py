"""Saying how the daemon is: to the database, to whoever runs it, to the service manager."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from curated.daemon.notify import ServiceManager
from curated.daemon.progress import Progress
from curated.filing import RecoveryReport
from curated.intake.watch import WatchState
from curated.pipeline import Outcome
from curated.state.daemon import Activity, DaemonState, publish
from curated.state.store import Store
from curated.worker.client import WorkerInfo

log = logging.getLogger(__name__)

Report = Callable[[Outcome | DaemonState], None]

PUBLISH_SECONDS = 0.5


class Announcer:
    """Publishes what `progress` knows, only if it is news, and not more often than every PUBLISH_SECONDS."""

    def __init__(
        self,
        store: Store,
        progress: Progress,
        report: Report,
        service: ServiceManager,
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._progress = progress
        self._report = report
        self._service = service
        self._now = monotonic
        self._last = float("-inf")
        self._owes_word = False

    def say(
        self,
        activity: Activity,
        detail: str,
        *,
        queued: int,
        in_work: int,
        retrying: int,
        watch: WatchState,
        worker: WorkerInfo,
        force: bool = False,
    ) -> None:
        """Publish the state; if it is too soon after the last one, `deadline` says when to come again."""
        now = self._now()
        self._owes_word = not force and now - self._last < PUBLISH_SECONDS
        if self._owes_word:
            return
        before = self._progress.state
        state = self._progress.publishable(
            activity, detail, queued=queued, in_work=in_work, retrying=retrying, watch=watch, worker=worker
        )
        if not force and _without_time(state) == _without_time(before):
            return
        self._last = now
        publish(self._store, state)
        self._report(state)
        self._service.status(status_line(state))

    def at_once(self) -> None:
        """Do not keep the next word back."""
        self._last = float("-inf")

    def deadline(self) -> float | None:
        """When a word that was kept back is to be said, by the monotonic clock; None if none was."""
        return self._last + PUBLISH_SECONDS if self._owes_word else None


def tell_recovery(recovery: RecoveryReport, progress: Progress) -> None:
    """Say what became of the moves that an earlier run left half done."""
    for move in recovery.finished:
        log.warning("finished a move that was cut off: %s", move.files[0].target)
    for move in recovery.aborted:
        log.warning("took back a move that was cut off: %s", move.files[0].source)
    for move in recovery.waiting:
        progress.trouble(f"move {move.id} waits for a folder to come back: {move.files[0].target.parent}")
    for move, why in recovery.stuck:
        progress.trouble(f"move {move.id} cannot be finished: {why}")


def status_line(state: DaemonState) -> str:
    """The state as `systemctl status` shows it, in one line without control characters."""
    counts = (
        (state.waiting, "waiting"),
        (state.in_work, "in work"),
        (state.retrying, "to be tried again"),
        (state.filed, "filed"),
        (state.review, "for review"),
        (state.duplicates, "duplicates"),
        (state.failed, "failed"),
    )
    numbers = ", ".join(f"{number:,} {word}" for number, word in counts if number)
    parts = (f"{state.activity}{': ' if state.detail else ''}{state.detail}", numbers)
    text = "; ".join(part for part in parts if part)
    return "".join(char if char.isprintable() else "?" for char in text)


def _without_time(state: DaemonState) -> DaemonState:
    return replace(state, updated_at="")
