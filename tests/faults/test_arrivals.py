"""However files arrive and whatever becomes of the events: none is taken before it is whole, and none is missed.

With CURATED_SOAK=1 in the environment the counts are the full ones; the figures are told by `note`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from watchdog.observers import Observer

from curated.domain import Photo, Status
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.clock import wait_until
from tests.support.faults_arrivals import SETTLE, WAYS, Yard, noise, picture, small_picture
from tests.support.faults_notes import note
from tests.support.faults_running import Watching, watching_daemon
from tests.support.trees import contents
from tests.support.watching import JPEG
from tests.support.watching import Watching as WatchingByHand

SOAK = os.environ.get("CURATED_SOAK") == "1"
ROUNDS = 25 if SOAK else 2
BURST = 20_000 if SOAK else 1_000
LONGEST = 1_000 if SOAK else 100
POLL, RESCAN = 0.5, 4.0
TIMES = {"settle_seconds": SETTLE, "rescan_seconds": RESCAN, "poll_seconds": POLL, "retry_seconds": 0.2, "retries": 3}
# What filing takes after a file is whole, on a machine that does much else; a promise in seconds it is not.
LEEWAY = 30.0
WITHIN = RESCAN + SETTLE + LEEWAY


def photos(base: Path) -> list[Photo]:
    with open_database(base / "state" / "curated.db", read_only=True) as database:
        return list(Store(database).photos())


def filed(base: Path) -> int:
    query = "SELECT count(*) FROM photo WHERE status IN ('filed', 'duplicate', 'review')"
    with open_database(base / "state" / "curated.db", read_only=True) as database:
        return int(database.execute(query).fetchone()[0])


def check(base: Path, meant: Counter[str], daemon: Watching, what: str, **measured: tuple[float, float]) -> None:
    """What lies in the library is what was meant, and was so when it was taken."""
    rows = photos(base)
    taken = Counter(photo.sha256 for photo in rows)
    early = taken - meant
    missed = meant - taken
    present = Counter(contents(base / "Library"))
    state = daemon.state()
    note(f"arrivals: {what}", meant.total(), {"taken before whole": early.total(), "missed": missed.total()}, measured)
    assert not early
    assert not missed
    assert present == meant
    # The hash in the database is that of the file as it lies there now.
    assert all(hashlib.sha256(photo.path.read_bytes()).hexdigest() == photo.sha256 for photo in rows)
    assert (state.failed, state.retrying, state.last_errors) == (0, 0, ())


@pytest.fixture
def base(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    (made / "Unsorted").mkdir(parents=True)
    return made


@pytest.fixture
def fast_base() -> Iterator[Path]:
    """A folder in memory, where the fsyncs of thousands of moves take no time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        made = Path(folder, "home")
        (made / "Unsorted").mkdir(parents=True)
        yield made


@pytest.mark.timeout(1_500 if SOAK else 120)
def test_in_eleven_ways_at_once_nothing_is_taken_before_it_is_whole_or_missed(base: Path) -> None:
    yards = [
        Yard(base / "Unsorted", base / "outside" / str(number), made=number * 10_000) for number in range(len(WAYS))
    ]

    def arrive(way: str, yard: Yard) -> None:
        for each in range(ROUNDS):
            WAYS[way](yard, f"{way.replace(',', '')} {each}")

    with watching_daemon(base, watch=TIMES) as daemon:
        # With the models loaded there is no wait in which a file that was taken too early could still change.
        put(base, 900_000, meant=(first := Counter()))
        wait_until(lambda: filed(base) == 1, "the first")
        with ThreadPoolExecutor(len(WAYS)) as pool:
            list(pool.map(arrive, WAYS, yards))
        meant = sum((yard.meant for yard in yards), first)
        wait_until(lambda: filed(base) >= meant.total(), f"{meant.total()} pictures to be filed", LEEWAY + 60 * SOAK)
        check(base, meant, daemon, "in eleven ways at once")
    assert [path for path in (base / "Unsorted").rglob("*") if path.is_file()] == []


def threads_of(daemon: Watching) -> list[Path]:
    return list(Path(f"/proc/{daemon.process.pid}/task").iterdir())


def is_stopped(thread: Path) -> bool:
    return "T" in (thread / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


@pytest.mark.timeout(1_500 if SOAK else 120)
def test_a_burst_that_overflows_the_queue_of_events_is_taken_whole(fast_base: Path) -> None:
    base, unsorted = fast_base, fast_base / "Unsorted"
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    meant: Counter[str] = Counter()
    with watching_daemon(base, watch=TIMES | {"rescan_seconds": 600.0}, models={"batch_size": 32}) as daemon:
        daemon.process.send_signal(signal.SIGSTOP)
        # It does not stop at once on a busy machine; from then on nobody reads the queue.
        wait_until(lambda: all(is_stopped(each) for each in threads_of(daemon)), "the daemon to stand still")
        noise(unsorted, limit + 1_000)
        for number in range(BURST):
            data = small_picture(number)
            meant[hashlib.sha256(data).hexdigest()] += 1
            path = unsorted / f"{number % 20}" / f"IMG_{number:05}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        started = time.monotonic()
        daemon.process.send_signal(signal.SIGCONT)

        def all_filed() -> bool:
            time.sleep(1.0 if SOAK else 0.2)  # asked all the time, it would take the daemon's time
            return filed(base) >= BURST

        wait_until(all_filed, f"{BURST} pictures to be filed", LONGEST)
        seconds = time.monotonic() - started
        wait_until(lambda: daemon.state().overflows > 0, "the overflow to be told")
        what = f"a burst of {BURST:,} with the queue of events overflowing"
        check(base, meant, daemon, what, seconds=(round(seconds), LONGEST))


# -- the folder itself -------------------------------------------------------------------------------------------------


def put(base: Path, number: int, name: str = "", meant: Counter[str] | None = None) -> None:
    data = picture(number)
    (base / "Unsorted" / (name or f"{number}.jpg")).write_bytes(data)
    if meant is not None:
        meant[hashlib.sha256(data).hexdigest()] += 1


def test_a_root_deleted_and_made_anew_is_watched_within_one_rescan(base: Path) -> None:
    meant: Counter[str] = Counter()
    with watching_daemon(base, watch=TIMES) as daemon:
        put(base, 1, meant=meant)
        wait_until(lambda: filed(base) == 1, "the first")
        shutil.rmtree(base / "Unsorted")
        wait_until(lambda: daemon.state().activity == "paused", "the folder to be missed")
        (base / "Unsorted" / "sub").mkdir(parents=True)
        put(base, 2, "sub/2.jpg", meant)
        started = time.monotonic()
        wait_until(lambda: filed(base) == 2, "the second", WITHIN)
        seconds = time.monotonic() - started
        put(base, 3, "sub/3.jpg", meant)  # by its event: the next rescan is far off
        wait_until(lambda: filed(base) == 3, "the third")
        check(base, meant, daemon, "the folder deleted and made anew", seconds=(round(seconds, 1), WITHIN))


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[None]:
    if subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


def test_a_root_that_is_unmounted_pauses_and_is_watched_again_within_one_rescan(base: Path) -> None:
    meant: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        inner = stack.enter_context(contextlib.ExitStack())
        inner.enter_context(mounted(base / "Unsorted"))
        daemon = stack.enter_context(watching_daemon(base, watch=TIMES))
        put(base, 1, meant=meant)
        wait_until(lambda: filed(base) == 1, "the first")
        inner.close()
        wait_until(lambda: daemon.state().activity == "paused", "the mount to be missed")
        # On the disk below: not what the daemon was told to watch.
        put(base, 9, "below.jpg")
        assert "not mounted" in daemon.state().detail
        stack.enter_context(mounted(base / "Unsorted"))
        put(base, 2, meant=meant)
        started = time.monotonic()
        wait_until(lambda: filed(base) == 2, "the second", WITHIN)
        seconds = time.monotonic() - started
        check(base, meant, daemon, "the folder unmounted and mounted again", seconds=(round(seconds, 1), WITHIN))
        assert all(photo.status is not Status.MISSING for photo in photos(base))


def test_folders_beyond_the_limit_of_watches_are_taken_within_one_rescan(base: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Ur", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    meant: Counter[str] = Counter()
    for number in range(8):
        (base / "Unsorted" / str(number)).mkdir()
    # The limit is that of a user namespace of its own: nobody else's is touched.
    limited = ["unshare", "-Ur", "sh", "-c", 'echo 3 > /proc/sys/user/max_inotify_watches; exec "$@"', "sh"]
    with watching_daemon(base, limited, watch=TIMES) as daemon:
        for number in range(8):
            put(base, number + 1, f"{number}/{number}.jpg", meant)
        started = time.monotonic()
        wait_until(lambda: filed(base) == 8, "all folders", WITHIN)
        seconds = time.monotonic() - started
        assert daemon.state().polling
        check(base, meant, daemon, "more folders than watches", seconds=(round(seconds, 1), WITHIN))


class Stumbling(Observer):  # type: ignore[valid-type, misc]
    """Its handlers' thread ends with the first event, as by an error in a handler."""

    def dispatch_events(self, event_queue) -> None:
        event_queue.get()
        raise RuntimeError("a handler raised")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_handler_that_raises_costs_one_rescan_and_no_picture(tmp_path: Path) -> None:
    made: list[Observer] = []

    def make() -> Observer:
        made.append(Observer() if made else Stumbling())
        return made[-1]

    watching = WatchingByHand(tmp_path, make_observer=make)
    try:
        watching.poll()
        watching.put("a.jpg", JPEG)
        wait_until(lambda: watching.state.polling, "the thread to end")
        assert watching.poll(watching.settings.poll_seconds) == []
        assert watching.poll(2.0) == ["a.jpg"]
        watching.poll(watching.settings.rescan_seconds)
        assert not watching.state.polling
        watching.put("b.jpg", JPEG + b"b")
        watching.wait_for_waiting(1)
    finally:
        watching.watcher.stop()


def test_a_daemon_that_cannot_be_woken_still_takes_every_file(tmp_path: Path) -> None:
    """The handler's own call into the daemon raises: the paths are kept, and the next turn has them."""
    from curated.config import Watch
    from curated.intake.watch import Watcher
    from tests.support.clock import ManualClock

    clock, tried = ManualClock(), threading.Event()

    def wake() -> None:
        tried.set()
        raise OSError("the pipe is gone")

    watcher = Watcher(tmp_path, Watch(settle_seconds=1.0, rescan_seconds=300.0), wake, clock)
    watcher.start()
    try:
        watcher.poll()
        tried.clear()
        (tmp_path / "a.jpg").write_bytes(JPEG)
        assert tried.wait(30)
        wait_until(lambda: (watcher.poll(), watcher.state().waiting)[1] == 1, "the file by its event")
        clock.advance(1.0)
        assert [asset.primary.path.name for asset in watcher.poll()] == ["a.jpg"]
    finally:
        watcher.stop()
