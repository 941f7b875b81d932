"""Learning by itself: after so many new labels, in a thread that waits for the training process."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable

from curated.config import Config
from curated.errors import CuratedError, NotFound
from curated.state.database import Database
from curated.state.labels import Labels
from curated.state.learnt import LearntModels
from curated.taste.categories import learn_categories
from curated.taste.training import predict

log = logging.getLogger(__name__)

Told = Callable[[str], object]


class Trainer:
    """Trains when it is due; of several programs on one state, one trains at a time.

    `told` is called from the training thread with one line about what was learnt.
    """

    def __init__(self, config: Config, database: Database, told: Told = log.info) -> None:
        self._config = config
        self._database = database
        self._labels = Labels(database)
        self._learnt = LearntModels(database)
        self._told = told
        self._thread: threading.Thread | None = None
        # What was tried without success is tried again only after as many new labels as a success asks for.
        self._tried = {"taste": 0, "category": 0}

    def adopt(self, config: Config) -> None:
        """Go by another configuration from the next training on."""
        self._config = config

    def train_if_due(self) -> bool:
        """Begin to train if so many labels are new and nothing is being trained; whether it began."""
        if not self._config.taste.every or (self._thread is not None and self._thread.is_alive()):
            return False
        due = [role for role, new in self._new().items() if new >= self._config.taste.every]
        if not due:
            return False
        self._thread = threading.Thread(target=self._train, args=(due,), name="trainer", daemon=True)
        self._thread.start()
        return True

    def wait(self, timeout: float | None = None) -> None:
        """Wait until what is being trained has ended."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _new(self) -> dict[str, int]:
        seen = max(self._learnt.seen("taste"), self._tried["taste"])
        known = max(self._learnt.seen("category"), self._tried["category"])
        return {"taste": self._labels.verdicts_since(seen), "category": self._labels.confirmed_since(known)}

    def _train(self, due: list[str]) -> None:
        path = self._database.path.with_name("training.lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for role in due:
                self._train_one(role)
        except BlockingIOError:
            return  # another program trains on the same labels
        finally:
            os.close(descriptor)
            self._database.release()

    def _train_one(self, role: str) -> None:
        self._tried[role] = self._labels.newest_verdict() if role == "taste" else self._labels.newest_confirmed()
        try:
            if role == "taste":
                figures = predict(self._labels)
                trust = "" if figures.earns_trust else "; it does not earn trust yet"
                self._told(f"learnt from {figures.labels} verdicts: AUC {figures.auc:.2f}{trust}")
            else:
                known = learn_categories(self._labels, self._config)
                sure = sum(bool(each.filed) for each in known)
                self._told(f"learnt {len(known)} categories, {sure} of them well enough to file by themselves")
        except NotFound as error:
            log.info("nothing was learnt: %s", error)
        except CuratedError as error:
            log.warning("nothing was learnt: %s", error)
