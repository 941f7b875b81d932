"""The stages of one file's journey, made from the configuration, and made anew when that changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from curated.config import Config
from curated.duplicates import TwinIndex
from curated.files import Disk
from curated.filing import Filer
from curated.models.weights import resolve_profile
from curated.naming import check_template
from curated.pipeline import Admit, Place, Retries
from curated.review import Carrier
from curated.state.journal import Clock
from curated.state.store import Store
from curated.worker.messages import WorkerSpec


@dataclass(frozen=True, slots=True)
class Stages:
    """What goes by the configuration and may be replaced between two files."""

    config: Config
    index: TwinIndex
    admit: Admit
    place: Place
    carrier: Carrier
    spec: WorkerSpec


@dataclass(frozen=True, slots=True)
class StageMaker:
    """Makes the stages; `read` reads the configuration anew, `factory` names another maker of the models."""

    store: Store
    disk: Disk
    filer: Filer
    clock: Clock
    once: bool
    factory: str | None
    read: Callable[[], Config]

    def make(self, config: Config, before: Stages | None = None) -> Stages:
        """The stages for a checked configuration; `before` lends its index of twins where that would be the same."""
        kept = before is not None and before.config.duplicates == config.duplicates
        index = before.index if before is not None and kept else TwinIndex(config.duplicates, self.store)
        retries = Retries.by(self.store, self.clock, config.watch, once=self.once)
        place = Place(config, self.store, self.filer, retries, index)
        admit = Admit(self.store, self.disk, retries, place)
        spec = WorkerSpec.of(config, self.factory)
        return Stages(config, index, admit, place, Carrier(config, self.filer), spec)


def check_stages(config: Config) -> None:
    """Refuse what no stage could work by. Raises ConfigError or WeightsMissing."""
    check_template(config.naming.template)
    resolve_profile(config.models)
