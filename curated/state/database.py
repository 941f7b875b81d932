"""Opening the database, and the one way to write to it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from curated.errors import StateError

# SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when two processes write or checkpoint at the moment the
# log is reset (fixed in 3.51.3). On those versions a file lock serialises commits and checkpoints.
WAL_RESET_FIXED = (3, 51, 3)
BUSY_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.002

Value = str | bytes | int | float | None


class Database:
    """One SQLite file; a connection for each thread, opened on first use.

    Reads need no ceremony. Every write goes through `write()`, which takes BEGIN IMMEDIATE: a deferred
    transaction that reads and then writes fails at once with "database is locked", whatever the timeout.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        version: tuple[int, int, int] = sqlite3.sqlite_version_info,
    ) -> None:
        self.path = path
        self.read_only = read_only
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._write_lock = threading.RLock()
        self._lock_descriptor: int | None = None
        self._lock_depth = 0
        self._file: tuple[int, int] | None = None
        self._needs_file_lock = version < WAL_RESET_FIXED

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._open()
            self._local.connection = found
            with self._guard:
                self._connections.append(found)
        return found

    def _open(self) -> sqlite3.Connection:
        # SQLite would make a new, empty one where the first is gone.
        self._check_file()
        if self.read_only:
            if not self.path.exists():
                raise StateError(f"{self.path}: no database yet; `curated run` makes it")
            target = f"{self.path.absolute().as_uri()}?mode=ro"
        else:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise StateError(f"{self.path}: its folder cannot be made: {error.strerror}") from error
            target = self.path.absolute().as_uri()
        try:
            connection = sqlite3.connect(
                target, uri=True, timeout=self._patience, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            if not self.read_only:
                with self._write_lock, self._file_lock():
                    connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise StateError(f"{self.path}: the database cannot be opened: {error}") from error
        if self._file is None:
            self._file = self._present_file()
        return connection

    def _check_file(self) -> None:
        """Refuse to go on with a file that has been removed or replaced: what is written to it is lost."""
        if self._file is not None and self._present_file() != self._file:
            raise StateError(
                f"{self.path}: was removed or replaced while it was in use; end this program and start it again"
            )

    def _present_file(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> sqlite3.Cursor:
        """Run one statement on this thread's connection."""
        return self.connection.execute(sql, parameters)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its first statement; nested calls join the outer one.

        Raises StateError if the database refuses (full, read-only, locked for longer than BUSY_SECONDS or `waiting`
        allows), and if its file is no longer the one that was opened.
        """
        connection = self.connection
        with self._alone():
            if connection.in_transaction:
                yield connection
                return
            self._check_file()
            with self._file_lock():
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
                    connection.execute("COMMIT")
                except sqlite3.OperationalError as error:
                    _roll_back(connection)
                    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                        raise self._busy() from error
                    raise StateError(f"{self.path}: cannot be written: {error}") from error
                except BaseException:
                    _roll_back(connection)
                    raise

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Within, this thread's writes wait no longer than that for others: for what keeps a person waiting."""
        before = self._patience
        self._be_patient(seconds)
        try:
            yield
        finally:
            self._be_patient(before)

    def _be_patient(self, seconds: float) -> None:
        self._local.patience = seconds
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:  # one that is opened later begins with it
            connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    @property
    def _patience(self) -> float:
        patience: float = getattr(self._local, "patience", BUSY_SECONDS)
        return patience

    def _busy(self) -> StateError:
        return StateError(
            f"{self.path}: another program has been writing to it for {self._patience:g} s; nothing was changed, "
            "try again"
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Shut out the other threads of this process."""
        if not self._write_lock.acquire(timeout=self._patience):
            raise self._busy()
        try:
            yield
        finally:
            self._write_lock.release()

    @contextmanager
    def exclusive(self) -> Iterator[sqlite3.Connection]:
        """The connection with all other writing processes shut out, for migrations that commit by themselves."""
        connection = self.connection
        with self._write_lock, self._file_lock(always=True):
            yield connection

    @contextmanager
    def _file_lock(self, *, always: bool = False) -> Iterator[None]:
        """Shut out other processes; the caller holds `_write_lock`, so that no other thread lets go of it."""
        if not (self._needs_file_lock or always):
            yield
            return
        if self._lock_descriptor is None:
            name = self.path.with_name(self.path.name + ".lock")
            try:
                self._lock_descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise StateError(f"{name}: cannot be locked: {error.strerror}") from error
        if not self._lock_depth:
            self._take_file_lock(self._lock_descriptor)
        self._lock_depth += 1
        try:
            yield
        finally:
            self._lock_depth -= 1
            if not self._lock_depth:
                fcntl.flock(self._lock_descriptor, fcntl.LOCK_UN)

    def _take_file_lock(self, descriptor: int) -> None:
        if self._patience >= BUSY_SECONDS:
            # In turn with the others, whose transactions are short; who looks now and then is easily left out.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return
        until = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise self._busy() from None
                time.sleep(_LOOK_AGAIN_SECONDS)

    def release(self) -> None:
        """Close this thread's connection, for a thread that ends: else it stays open as long as the database."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            return
        del self._local.connection
        with self._guard:
            self._connections = [each for each in self._connections if each is not connection]
        if self.read_only:
            connection.close()
        else:
            with self._write_lock, self._file_lock():
                connection.close()

    def close(self) -> None:
        """Close every thread's connection; the last one checkpoints, so it holds the lock too."""
        with self._guard:
            connections, self._connections = self._connections, []
        if self.read_only:
            for connection in connections:
                connection.close()
        elif connections:
            with self._write_lock, self._file_lock():
                for connection in connections:
                    connection.close()
        self._local = threading.local()
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _roll_back(connection: sqlite3.Connection) -> None:
    # A COMMIT that failed leaves the transaction open, or SQLite has ended it by itself.
    if connection.in_transaction:
        connection.execute("ROLLBACK")
