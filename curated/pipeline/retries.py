"""Failures that may pass: tried again with growing waits, which outlive the process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from curated.config import Watch
from curated.domain import Arrival
from curated.pipeline.outcomes import Retrying
from curated.state.journal import Clock
from curated.state.rows import printable
from curated.state.store import Attempt, Store

_GROWTH = 4
_LONGEST = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Retries:
    """The book of failed tries; `limit` more tries, the first after `first_wait`, each further wait four times it.

    `patient` is False where the waits kept from earlier runs do not count (`run --once`).
    """

    store: Store
    clock: Clock
    limit: int
    first_wait: timedelta
    patient: bool = True

    @classmethod
    def by(cls, store: Store, clock: Clock, watch: Watch, *, once: bool) -> Retries:
        """As configured; `once` tries a single time more, as soon as the file has settled again."""
        if once:
            return cls(store, clock, min(watch.retries, 1), timedelta(0), patient=False)
        return cls(store, clock, watch.retries, timedelta(seconds=watch.retry_seconds))

    def pending(self, arrival: Arrival) -> Retrying | None:
        """The wait that this file is still in, if any; a file that has changed since starts anew."""
        attempt = self.store.attempt(arrival.path)
        if attempt is None:
            return None
        if (attempt.size, attempt.mtime_ns) != (arrival.size, arrival.mtime_ns):
            self.store.clear_attempt(arrival.path)
            return None
        if not self.patient or attempt.next_at <= self.clock():
            return None
        return Retrying(arrival.path, attempt.reason, attempt.tries, attempt.next_at)

    def again(self, arrival: Arrival, reason: str, *, endless: bool = False) -> Retrying | None:
        """Note a failed try and say when the next is due; None if that was the last and it is not `endless`."""
        before = self.store.attempt(arrival.path)
        tries = 1 + (before.tries if before else 0)
        if tries > self.limit and not endless:
            return None
        wait = min(self.first_wait * _GROWTH ** min(tries - 1, 8), _LONGEST) if tries <= self.limit else _LONGEST
        now = self.clock()
        attempt = Attempt(arrival.path, arrival.size, arrival.mtime_ns, tries, now + wait, printable(reason))
        self.store.set_attempt(attempt, now)
        return Retrying(arrival.path, reason, tries, attempt.next_at)

    def forget(self, path: Path) -> None:
        """The file was dealt with."""
        if self.store.attempt(path) is not None:
            self.store.clear_attempt(path)
