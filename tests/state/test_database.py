from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlite_utils import Database as UtilsDatabase
from sqlite_utils import Migrations

from curated.errors import AlreadyRunning, NotFound, StateError
from curated.state.daemon import DaemonState, InstanceLock, daemon_runs, publish, published
from curated.state.database import Database
from curated.state.migrations import migrations
from curated.state.schema import SCHEMA_VERSION, migrate, open_database
from curated.state.store import Store
from tests.state.conftest import Maker

WRITER = """
import sys
from pathlib import Path
from curated.state.schema import open_database
from curated.state.store import Store
name, path, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with open_database(path) as database:
    store = Store(database)
    for number in range(count):
        with database.write():
            total = int(store.setting("total") or 0)
            store.set_setting("total", str(total + 1))
            store.set_setting(f"{name} {number}", "here")
"""


def test_two_processes_write_hundreds_of_times_and_none_is_ever_locked_out(tmp_path: Path) -> None:
    path, count = tmp_path / "curated.db", 200
    commands = [[sys.executable, "-c", WRITER, name, str(path), str(count)] for name in ("left", "right")]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    for writer in writers:
        _, errors = writer.communicate(timeout=100)
        assert (writer.returncode, errors) == (0, "")
    with open_database(path, read_only=True) as database:
        assert Store(database).setting("total") == str(2 * count)
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 3)])  # with a lock of our own, and without
def test_who_keeps_a_person_waiting_waits_for_other_writers_no_longer_than_that(
    database: Database, version: tuple[int, int, int]
) -> None:
    with Database(database.path, version=version) as impatient, Database(database.path, version=version) as other:
        store = Store(impatient)
        with other.write():
            begun = time.monotonic()
            with (
                pytest.raises(StateError, match=r"writing to it for 0\.2 s; nothing was changed, try again"),
                impatient.waiting(0.2),
            ):
                store.set_setting("word", "said")
            assert 0.2 <= time.monotonic() - begun < 10
        with impatient.waiting(0.2):
            with impatient.waiting(0.1):
                pass
            assert impatient.execute("PRAGMA busy_timeout").fetchone()[0] == 200
            store.set_setting("word", "said")
        assert impatient.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000
    assert Store(database).setting("word") == "said"


def test_threads_share_one_database_and_lose_no_write(database: Database) -> None:
    store = Store(database)

    def count_up() -> None:
        for _ in range(25):
            with database.write():
                store.set_setting("total", str(int(store.setting("total") or 0) + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.setting("total") == "100"


def test_a_thread_that_opens_its_connection_does_not_let_other_processes_in(tmp_path: Path) -> None:
    path = tmp_path / "curated.db"
    with open_database(path) as database:
        with database.exclusive():
            reader = threading.Thread(target=lambda: database.execute("SELECT 1"))
            reader.start()
            other = subprocess.Popen([sys.executable, "-c", WRITER, "other", str(path), "1"])
            reader.join(0.3)
            with pytest.raises(subprocess.TimeoutExpired):
                other.wait(1.5)
        reader.join(20)
        assert other.wait(20) == 0


def test_a_read_that_is_half_done_does_not_lock_out_a_later_write(tmp_path: Path) -> None:
    with open_database(tmp_path / "curated.db") as one, open_database(tmp_path / "curated.db") as two:
        make = Maker(Store(one))
        for _ in range(3):
            make()
        half_read = Store(one).photos()
        next(half_read)
        Store(two).set_setting("meanwhile", "written by another")
        Store(one).set_setting("and", "by us")
        assert len(list(half_read)) == 2


def test_what_fails_within_a_transaction_leaves_nothing(database: Database, store: Store) -> None:
    def half_done() -> None:
        with database.write():
            store.set_setting("a", "b")
            store.get(99)

    with pytest.raises(NotFound):
        half_done()
    assert store.setting("a") is None
    store.set_setting("a", "c")
    assert store.setting("a") == "c"


def test_a_database_that_refuses_to_be_written_is_one_line(database: Database, store: Store) -> None:
    database.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StateError, match=r"curated\.db: cannot be written: database or disk is full") as caught:
        store.set_setting("long", "x" * 5_000_000)
    assert "\n" not in str(caught.value)
    assert not database.connection.in_transaction


def test_nothing_is_written_to_a_database_that_was_removed_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "state" / "curated.db"
    with open_database(path) as database:
        store = Store(database)
        store.set_setting("a", "before")
        shutil.rmtree(path.parent)
        with pytest.raises(StateError, match="was removed or replaced while it was in use"):
            store.set_setting("a", "lost")
        assert store.setting("a") == "before"
        failed: list[BaseException] = []

        def look() -> None:
            try:
                database.execute("SELECT 1")
            except StateError as error:
                failed.append(error)

        # Another thread's connection would be to a new, empty database.
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert len(failed) == 1
        assert not path.exists()
        open_database(path).close()
        with pytest.raises(StateError, match="was removed or replaced"):
            store.set_setting("a", "lost")


def test_a_read_only_database_reads_and_does_not_write(tmp_path: Path, database: Database, store: Store) -> None:
    store.set_setting("a", "b")
    with open_database(database.path, read_only=True) as reader:
        assert Store(reader).setting("a") == "b"
        store.set_setting("a", "c")
        assert Store(reader).setting("a") == "c"
        with pytest.raises(StateError, match="readonly"):
            Store(reader).set_setting("a", "d")


def test_reading_where_there_is_no_database_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no database yet; `curated run` makes it"):
        open_database(tmp_path / "state" / "curated.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_made_by_a_newer_program_is_refused_untouched(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "curated.db"
    with open_database(path) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StateError, match=r"made by a newer curated .* update curated") as caught:
        open_database(path, read_only=read_only)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all" * 50, b"\0" * 4096])
def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "curated.db"
    path.write_bytes(content)
    with pytest.raises(StateError) as caught:
        open_database(path, read_only=True)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_state_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StateError, match="its folder cannot be made: File exists"):
        open_database(tmp_path / "state" / "curated.db")
    with pytest.raises(StateError, match=r"daemon\.lock: cannot be made"), InstanceLock(tmp_path / "state"):
        pass


def schema(database: Database) -> list[tuple[str, str]]:
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name")
    return [(row["name"], row["sql"]) for row in rows]


def second_schema() -> Migrations:
    """The migrations of a later program: the first as it is, and one more."""
    later = Migrations("curated")
    for migration in migrations.pending(UtilsDatabase(memory=True)):
        later()(migration.fn)

    @later()
    def m002_stars(db: UtilsDatabase) -> None:
        db.execute("ALTER TABLE photo ADD COLUMN stars INTEGER")

    return later


def test_an_older_database_is_backed_up_and_migrated_with_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "curated.db"
    with open_database(path) as database:
        photo = Maker(Store(database))()
        first = schema(database)
        migrate(database, SCHEMA_VERSION + 1, second_schema())
        assert Store(database).get(photo.id) == photo
        assert database.execute("SELECT stars FROM photo").fetchone()[0] is None
        assert database.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION + 1
    backup = path.with_name(f"curated.db.before-{SCHEMA_VERSION + 1}")
    with open_database(backup, read_only=True) as database:
        assert schema(database) == first
        assert Store(database).get(photo.id) == photo


def test_a_kill_right_after_the_last_migration_does_not_replace_the_backup_by_its_result(tmp_path: Path) -> None:
    path = tmp_path / "curated.db"
    with open_database(path) as database:
        first = schema(database)
        migrate(database, SCHEMA_VERSION + 1, second_schema())
        # As a kill leaves it between the migration's commit and the version's.
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        migrate(database, SCHEMA_VERSION + 1, second_schema())
    with open_database(path.with_name(f"curated.db.before-{SCHEMA_VERSION + 1}"), read_only=True) as database:
        assert schema(database) == first


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    later = second_schema()

    @later()
    def m003_broken(db: UtilsDatabase) -> None:
        db.execute("CREATE TABLE half (id INTEGER)")
        db.execute("this is no SQL")

    with open_database(tmp_path / "curated.db") as database:
        photo = Maker(Store(database))()
        with pytest.raises(sqlite3.OperationalError):
            migrate(database, SCHEMA_VERSION + 2, later)
        assert "half" not in dict(schema(database))
        assert database.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert Store(database).get(photo.id) == photo


def test_a_second_program_that_migrates_finds_it_done_and_keeps_the_backup(tmp_path: Path) -> None:
    path = tmp_path / "curated.db"
    with open_database(path) as one, open_database(path) as two:
        migrate(one, SCHEMA_VERSION + 1, second_schema())
        backup = path.with_name(f"curated.db.before-{SCHEMA_VERSION + 1}")
        before = backup.read_bytes()
        migrate(two, SCHEMA_VERSION + 1, second_schema())
        assert backup.read_bytes() == before


def test_many_programs_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, "x", str(tmp_path / "curated.db"), "1"]
    openers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for opener in openers:
        _, errors = opener.communicate(timeout=60)
        assert (opener.returncode, errors) == (0, "")


def test_one_daemon_for_each_state_and_whoever_asks_does_not_get_in_its_way(tmp_path: Path) -> None:
    assert not daemon_runs(tmp_path)
    with InstanceLock(tmp_path):
        assert daemon_runs(tmp_path)
        with pytest.raises(AlreadyRunning, match=r"another curated \(process \d+\) works on"), InstanceLock(tmp_path):
            pass
        assert daemon_runs(tmp_path)
    assert not daemon_runs(tmp_path)
    with InstanceLock(tmp_path):
        pass


def test_a_look_at_the_lock_does_not_keep_a_daemon_from_starting(tmp_path: Path) -> None:
    with InstanceLock(tmp_path):
        pass
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            daemon_runs(tmp_path)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for _ in range(20):
            with InstanceLock(tmp_path):
                pass
    finally:
        stop.set()
        asker.join(20)


def test_what_the_daemon_publishes_can_be_read(store: Store) -> None:
    assert published(store) is None
    state = DaemonState(pid=1, started_at="then", updated_at="now", activity="working", others={"mp4": 3})
    publish(store, state)
    assert published(store) == state
