"""Bringing a database to the present schema, with a backup before any change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from curated.errors import StateError
from curated.state.database import Database

if TYPE_CHECKING:
    from sqlite_utils import Migrations

# PRAGMA user_version: a reader need not import the migrations to see whether it understands a database.
SCHEMA_VERSION = 6


def open_database(path: Path, *, read_only: bool = False) -> Database:
    """A database at the present schema; one made by a newer program is refused, an older one backed up first.

    Raises StateError with what to do.
    """
    database = Database(path, read_only=read_only)
    version = _version(database)
    if version > SCHEMA_VERSION:
        database.close()
        raise StateError(
            f"{path}: made by a newer curated (schema {version}, this program knows {SCHEMA_VERSION}); "
            "update curated, or set folders.state to another folder"
        )
    if version < SCHEMA_VERSION:
        if read_only:
            database.close()
            raise StateError(f"{path}: has an older schema ({version}); `curated run` brings it up to date")
        from curated.state.migrations import migrations

        try:
            migrate(database, SCHEMA_VERSION, migrations)
        except (sqlite3.Error, OSError) as error:
            database.close()
            raise StateError(f"{path}: the schema could not be brought up to date: {error}") from error
    return database


def _version(database: Database) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def migrate(database: Database, version: int, migrations: Migrations) -> None:
    """Bring a database to that version by these migrations, after a backup if there is anything in it."""
    # Imported here: sqlite-utils costs a tenth of a second that `status` need not pay.
    from sqlite_utils import Database as UtilsDatabase

    with database.exclusive() as connection:
        # Asked again: another process may have migrated while this one waited, and the backup must be of before.
        present = _version(database)
        if present >= version:
            return
        utils = UtilsDatabase(connection, execute_plugins=False)
        # Killed right after the last migration: the backup that is there is of before, the database no longer is.
        if present and migrations.pending(utils):
            back_up(database, database.path.with_name(f"{database.path.name}.before-{version}"))
        migrations.apply(utils)
        connection.execute(f"PRAGMA user_version = {version:d}")


def back_up(database: Database, target: Path) -> None:
    """Copy the whole database to `target` by SQLite's online backup; it replaces an older copy once it is whole."""
    unfinished = target.with_name(target.name + ".part")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as copy:
        database.connection.backup(copy)
    unfinished.replace(target)
