"""What most commands need: the configuration in force and the opened state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from curated.config import Config, load
from curated.state.database import Database
from curated.state.schema import open_database
from curated.state.store import Store


@dataclass(frozen=True, slots=True)
class Context:
    """The configuration, the database and the store over it."""

    config: Config
    database: Database
    store: Store


@contextmanager
def opened(*, read_only: bool = True) -> Iterator[Context]:
    """The state of the configuration in force; read-only unless the command changes something."""
    config = load()
    with open_database(config.folders.database_path, read_only=read_only) as database:
        yield Context(config, database, Store(database))
