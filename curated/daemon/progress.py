"""What has happened since the daemon started, as the state it publishes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from curated.domain import Status
from curated.intake.watch import WatchState
from curated.pipeline import Blocked, Failed, Filed, LeftAlone, Outcome, Retrying, Returned
from curated.review import Carried
from curated.state.daemon import Activity, DaemonState
from curated.state.rows import printable
from curated.worker.client import WorkerInfo

_RATE_SECONDS = 60.0
_KEPT = 5
# What can become of a file, or of a decision made in the review; each is counted from the daemon's start.
OUTCOMES = (
    "filed", "review", "duplicate", "demoted", "failed", "retrying", "changed", "left", "blocked",
    "decision", "decision_failed",
)  # fmt: skip


class Progress:
    """Counts outcomes; `monotonic` times the rate, `pid` is the daemon's."""

    def __init__(self, pid: int, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._finished: deque[float] = deque()
        self._names: deque[str] = deque(maxlen=_KEPT)
        self._errors: deque[str] = deque(maxlen=_KEPT)
        self._outcomes = dict.fromkeys(OUTCOMES, 0)
        self._state = DaemonState(
            pid=pid, started_at=_now(), updated_at=_now(), activity="starting", outcomes=dict(self._outcomes)
        )

    @property
    def state(self) -> DaemonState:
        """The state as of the last `publishable`."""
        return self._state

    def count(self, outcome: Outcome) -> None:
        """Take note of what became of an asset."""
        # File names need not be UTF-8; what is published has to be.
        match outcome:
            case Filed(photo=photo):
                self._finished.append(self._monotonic())
                self._names.append(printable(photo.path.name))
                self._outcomes[{Status.DUPLICATE: "duplicate", Status.REVIEW: "review"}.get(photo.status, "filed")] += 1
                self._outcomes["demoted"] += outcome.demoted is not None
            case Failed(photo=photo):
                self._finished.append(self._monotonic())
                self._errors.append(printable(f"{outcome.source.name}: {photo.reason}"))
                self._outcomes["failed"] += 1
            case Retrying():
                self._errors.append(printable(f"{outcome.path.name}: {outcome.reason} (try {outcome.tries})"))
                self._outcomes["retrying"] += 1
            case Returned():
                self._outcomes["changed"] += 1
            case LeftAlone():
                self._outcomes["left"] += 1
            case Blocked():
                self.count_block()
        self._state = self._counted(self._state)

    def count_block(self) -> None:
        """Take note that nothing can be filed for now."""
        self._outcomes["blocked"] += 1

    def count_decision(self, carried: Carried) -> None:
        """Take note of a decision of the review whose file has followed, or could not."""
        self._outcomes["decision_failed" if carried.problem else "decision"] += 1

    def _counted(self, state: DaemonState) -> DaemonState:
        counts = self._outcomes
        return replace(
            state,
            filed=counts["filed"],
            review=counts["review"],
            duplicates=counts["duplicate"] + counts["demoted"],
            failed=counts["failed"],
            outcomes=dict(counts),
        )

    def trouble(self, text: str) -> None:
        """Take note of an error that is no single file's."""
        if not self._errors or self._errors[-1] != printable(text):
            self._errors.append(printable(text))

    def publishable(
        self,
        activity: Activity,
        detail: str,
        *,
        queued: int,
        in_work: int,
        retrying: int,
        watch: WatchState,
        worker: WorkerInfo,
    ) -> DaemonState:
        """The state to be published now."""
        rate, waiting = self._rate(), queued + watch.waiting
        left = (waiting + in_work) * 60 / rate if rate and waiting + in_work else None
        self._state = replace(
            self._counted(self._state),
            updated_at=_now(),
            activity=activity,
            detail=printable(detail),
            profile=worker.profile or self._state.profile,
            device=worker.device or self._state.device,
            waiting=waiting,
            in_work=in_work,
            retrying=retrying,
            rate=round(rate, 1),
            seconds_left=round(left, 1) if left is not None else None,
            watched_folders=watch.folders,
            polling=watch.polling,
            overflows=watch.overflows,
            others=watch.others,
            specials={printable(path): printable(why) for path, why in watch.specials.items()},
            last_names=tuple(self._names),
            last_errors=tuple(self._errors),
        )
        return self._state

    def _rate(self) -> float:
        """Pictures a minute, over the last minute in which there were any."""
        now = self._monotonic()
        while self._finished and now - self._finished[0] > _RATE_SECONDS:
            self._finished.popleft()
        if len(self._finished) < 2:
            return 0.0
        return len(self._finished) * 60 / max(now - self._finished[0], 1.0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
