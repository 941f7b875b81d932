"""Learning by itself: after so many new labels, in a thread that waits for the training process."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from curated.config import Config
from curated.errors import CuratedError, TooFewLabels
from curated.state.database import Database
from curated.state.labels import Labels
from curated.state.learnt import LearntModels
from curated.taste.categories import learn_categories
from curated.taste.figures import Figures
from curated.taste.lock import training_lock
from curated.taste.tasks import CategoryFigures
from curated.taste.training import predict

log = logging.getLogger(__name__)

Told = Callable[[str], object]

# What is wrong with the machine is seldom mended sooner, and a word about it every second helps nobody.
# What does not mend itself is tried less and less often.
_AFTER_TROUBLE_SECONDS, _AFTER_MUCH_SECONDS = 600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What keeps it from learning, how long that is left alone for, and until when (seconds)."""

    said: str
    pause: float
    until: float


class Trainer:
    """Trains when it is due; of several programs on one state, one trains at a time.

    `told` is called from the training thread with one line about what was learnt. Whatever goes wrong there is logged,
    each trouble once until it has passed, and is tried again after a while: who files or reviews goes on.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        told: Told = log.info,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._database = database
        self._labels = Labels(database)
        self._learnt = LearntModels(database)
        self._told = told
        self._now = monotonic
        self._thread: threading.Thread | None = None
        # Where there was too little to learn from, it is tried again only after as many new labels as after a success.
        self._tried = {"taste": 0, "category": 0}
        # By what could not be learnt, or what it could not be without: the database to look at, the thread to train.
        self._troubles: dict[str, _Trouble] = {}

    def adopt(self, config: Config) -> None:
        """Go by another configuration from the next training on."""
        self._config = config

    def train_if_due(self) -> bool:
        """Begin to train if so many labels are new and nothing is being trained; whether it began. Raises nothing."""
        if not self._config.taste.every or (self._thread is not None and self._thread.is_alive()):
            return False
        if self._rests("database") or self._rests("thread"):
            return False
        trouble = "database"
        try:
            due = self._due()
            self._troubles.pop("database", None)
            if not due:
                return False
            trouble = "thread"
            thread = threading.Thread(target=self._train, name="trainer", daemon=True)
            thread.start()
        # The database cannot be read, or the system has no thread to spare: those who need either say so themselves.
        except (sqlite3.Error, CuratedError, RuntimeError) as error:
            self._complain(trouble, error)
            return False
        self._thread = thread
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until what is being trained has ended."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _due(self) -> list[str]:
        seen = max(self._learnt.seen("taste"), self._tried["taste"])
        known = max(self._learnt.seen("category"), self._tried["category"])
        new = {"taste": self._labels.verdicts_since(seen), "category": self._labels.confirmed_since(known)}
        return [role for role, number in new.items() if number >= self._config.taste.every and not self._rests(role)]

    def _rests(self, role: str) -> bool:
        trouble = self._troubles.get(role)
        return trouble is not None and self._now() < trouble.until

    def _train(self) -> None:
        try:
            with training_lock(self._database.path) as alone:
                # Asked again: another program may have learnt from the same labels until now.
                for role in self._due() if alone else ():
                    self._learn(role)
            self._troubles.pop("thread", None)
        except Exception as error:  # noqa: BLE001 - the thread's edge, which logs it
            self._complain("thread", error)
        finally:
            self._database.release()

    def _learn(self, role: str) -> None:
        """What keeps it from one role does not keep it from the other."""
        try:
            self._train_one(role)
            self._troubles.pop(role, None)
        except Exception as error:  # noqa: BLE001 - logged
            self._complain(role, error)

    def _train_one(self, role: str) -> None:
        newest = self._labels.newest_verdict() if role == "taste" else self._labels.newest_confirmed()
        try:
            if role == "taste":
                said = _of_taste(predict(self._labels))
            else:
                said = _of_categories(learn_categories(self._labels, self._config))
        except TooFewLabels as error:
            said = f"nothing was learnt: {error}"
            log.info(said)
        else:
            self._told(said)
        self._tried[role] = newest

    def _complain(self, role: str, error: Exception) -> None:
        """Log what keeps it from learning, with the mend, and leave it alone for a while, each time for longer."""
        last = self._troubles.get(role)
        pause = min(2 * last.pause, _AFTER_MUCH_SECONDS) if last else _AFTER_TROUBLE_SECONDS
        self._troubles[role] = _Trouble(str(error), pause, self._now() + pause)
        if last and last.said == str(error):
            return
        again = f"tried again in {pause / 60:.0f} minutes; everything else goes on"
        if isinstance(error, CuratedError):
            log.error("nothing was learnt: %s; %s", error, again)
        elif isinstance(error, OSError | sqlite3.Error):
            log.error("nothing was learnt: %s; `curated doctor` says what the state folder lacks; %s", error, again)
        else:
            log.error("nothing was learnt, by a fault of this program (%r); %s", error, again, exc_info=error)


def _of_taste(figures: Figures) -> str:
    trust = "; it does not earn trust yet"
    if figures.earns_trust:
        trust = ""
    elif figures.on_probation:
        trust = f"; on probation until {figures.more_labels} more verdicts bear it out"
    return f"learnt from {figures.labels} verdicts: AUC {figures.auc:.2f}{trust}"


def _of_categories(known: list[CategoryFigures]) -> str:
    files, waits = sum(each.files for each in known), sum(each.on_probation for each in known)
    trial = f", {waits} on probation" if waits else ""
    return f"learnt {len(known)} categories, {files} of them well enough to file by themselves{trial}"
