"""What most commands need: the configuration in force and the opened state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from curated.config import Config, load
from curated.errors import StateError
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
    """The state of the configuration in force; read-only unless the command changes something.

    Raises StateError where there is none yet: only the daemon makes it.
    """
    config = load()
    path = config.folders.database_path
    if not path.exists():
        raise StateError(f"{path}: no database yet; `curated run` makes it")
    with open_database(path, read_only=read_only) as database:
        yield Context(config, database, Store(database))
