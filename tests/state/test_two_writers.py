"""Two programs write to one database at the same time, on either side of SQLite's WAL-reset bug.

10,000 transactions each with CURATED_SOAK=1, a few hundred otherwise.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from curated.state.database import WAL_RESET_FIXED, Database
from curated.state.schema import open_database
from curated.state.store import Store
from tests.state.conftest import Maker
from tests.support.faults_notes import note

SOAK = bool(os.environ.get("CURATED_SOAK"))
COUNT = 10_000 if SOAK else 200
_WRITER = """
import sys
from pathlib import Path
from curated.state.schema import open_database
from curated.state.store import Store
name, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with open_database(path) as database:
    store = Store(database)
    for number in range(count):
        with database.write():
            # Reads first and writes then: begun deferred, this fails at once with "database is locked".
            total = int(store.setting("total") or 0)
            store.set_setting("total", str(total + 1))
            store.set_setting(f"{name} {number}", "here")
"""


@pytest.mark.timeout(1200 if SOAK else 120)
def test_two_writers_are_never_locked_out_and_lose_no_row(tmp_path: Path) -> None:
    path = tmp_path / "curated.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, name, path, str(COUNT)], stderr=subprocess.PIPE, text=True)
        for name in ("left", "right")
    ]
    errors = [writer.communicate(timeout=1100)[1] for writer in writers]
    with open_database(path, read_only=True) as database:
        total = int(Store(database).setting("total") or 0)
        rows = database.execute("SELECT count(*) FROM setting WHERE value = 'here'").fetchone()[0]
        sound = database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    zeros = {"locked": sum("locked" in each for each in errors), "rows lost": 2 * COUNT - rows}
    zeros |= {"counts lost": 2 * COUNT - total, "databases damaged": int(not sound)}
    note(f"transactions of two writers, SQLite {sqlite3.sqlite_version}", 2 * COUNT, zeros)
    assert [(writer.returncode, each) for writer, each in zip(writers, errors, strict=True)] == [(0, ""), (0, "")]
    assert not any(zeros.values())


# -- SQLite's version ----------------------------------------------------------------------------------------------


def is_locked(path: Path) -> bool:
    """Whether somebody holds the file lock that shuts out other writing processes."""
    try:
        descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@pytest.mark.parametrize(
    ("version", "locks"),
    [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 52, 0), False), ((4, 0, 0), False)],
)
def test_commits_are_serialised_by_a_file_lock_only_before_the_fixed_sqlite(
    tmp_path: Path, version: tuple[int, int, int], locks: bool
) -> None:
    path = tmp_path / "curated.db"
    with Database(path, version=version) as database:
        database.execute("CREATE TABLE t (n INTEGER)")
        with database.write() as connection:
            connection.execute("INSERT INTO t VALUES (1)")
            assert is_locked(path) is locks
        assert not is_locked(path)
        with database.exclusive():
            assert is_locked(path), "a migration shuts others out whatever the version"


def test_the_version_that_counts_is_that_of_the_sqlite_in_use(tmp_path: Path) -> None:
    path = tmp_path / "curated.db"
    with open_database(path) as database, database.write():
        assert is_locked(path) is (sqlite3.sqlite_version_info < WAL_RESET_FIXED)


# -- the backup ----------------------------------------------------------------------------------------------------


def test_a_database_of_the_first_schema_is_backed_up_before_it_is_brought_up_to_date(tmp_path: Path) -> None:
    from sqlite_utils import Database as UtilsDatabase
    from sqlite_utils import Migrations

    from curated.state.migrations import migrations
    from curated.state.schema import SCHEMA_VERSION, migrate

    path = tmp_path / "curated.db"
    first = Migrations("curated")
    oldest = migrations.pending(UtilsDatabase(memory=True))[0]
    first()(oldest.fn)
    with Database(path) as database:
        migrate(database, 1, first)
        database.execute("INSERT INTO setting (key, value) VALUES ('of', 'before')")
    open_database(path).close()
    backup = path.with_name(f"curated.db.before-{SCHEMA_VERSION}")
    with sqlite3.connect(backup) as old:
        assert old.execute("PRAGMA user_version").fetchone()[0] == 1
        assert old.execute("SELECT value FROM setting WHERE key = 'of'").fetchone()[0] == "before"
    old.close()
    with open_database(path) as database:
        assert Store(database).setting("of") == "before"
        assert Maker(Store(database))().id > 0
    assert not list(tmp_path.glob("*.part"))
