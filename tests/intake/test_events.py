from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer

from curated.intake.events import DIRTY_LIMIT, DirtyPaths, Events
from curated.intake.scan import scan
from tests.support.clock import wait_until


@pytest.fixture
def dirty() -> DirtyPaths:
    return DirtyPaths(lambda: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def events(root: Path, dirty: DirtyPaths) -> Iterator[Events]:
    made = Events(root, True, dirty)
    yield made
    made.stop()


def seen(dirty: DirtyPaths, *paths: Path) -> None:
    """Wait until each of the paths has been marked."""
    missing = set(paths)

    def all_came() -> bool:
        missing.difference_update(dirty.take()[0])
        return not missing

    wait_until(all_came, f"events of {[path.name for path in paths]}")


def test_each_path_is_told_once_and_then_forgotten(dirty: DirtyPaths) -> None:
    dirty.mark(Path("/a"))
    dirty.mark(Path("/a"))
    assert dirty.take() == ({Path("/a")}, False)
    assert dirty.take() == (set(), False)


def test_more_paths_than_the_limit_cost_no_memory_and_ask_for_a_full_scan(dirty: DirtyPaths) -> None:
    for number in range(DIRTY_LIMIT * 2):
        dirty.mark(Path(f"/{number}"))
    paths, everything = dirty.take()
    assert len(paths) == DIRTY_LIMIT
    assert everything
    assert dirty.take() == (set(), False)
    assert dirty.overflows == 0


def test_a_flood_of_events_wakes_once_until_it_is_taken() -> None:
    woken: list[int] = []
    dirty = DirtyPaths(lambda: woken.append(1))
    for number in range(100):
        dirty.mark(Path(f"/{number}"))
    assert len(woken) == 1
    dirty.take()
    dirty.mark_everything()
    dirty.mark(Path("/a"))
    assert len(woken) == 2


def test_a_waker_that_fails_loses_no_path_and_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []

    def wake() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("the pipe is closed")

    dirty = DirtyPaths(wake)
    dirty.mark(Path("/a"))
    dirty.mark(Path("/b"))
    assert len(calls) == 2
    assert dirty.take() == ({Path("/a"), Path("/b")}, False)
    assert "the pipe is closed" in caplog.text


def test_a_handler_that_fails_does_not_end_the_events(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    called = threading.Event()

    def wake() -> None:
        called.set()
        raise RuntimeError("no")

    dirty = DirtyPaths(wake)
    events = Events(root, True, dirty)
    try:
        (root / "a.jpg").touch()
        wait_until(called.is_set, "the failing wake")
        (root / "b.jpg").touch()
        seen(dirty, root / "b.jpg")
        assert events.running
    finally:
        events.stop()


def test_writes_renames_links_and_removals_are_told(events: Events, root: Path, dirty: DirtyPaths) -> None:
    (root / "a.jpg").write_bytes(b"1")
    seen(dirty, root / "a.jpg")
    (root / "a.jpg").rename(root / "b.jpg")
    seen(dirty, root / "a.jpg", root / "b.jpg")
    os.link(root / "b.jpg", root / "c.jpg")
    seen(dirty, root / "c.jpg")
    (root / "b.jpg").unlink()
    seen(dirty, root / "b.jpg")
    with (root / "c.jpg").open("ab") as stream:
        stream.write(b"2")
    seen(dirty, root / "c.jpg")


def test_new_sub_folders_are_watched_too(events: Events, root: Path, dirty: DirtyPaths) -> None:
    (root / "sub" / "deep").mkdir(parents=True)
    seen(dirty, root / "sub")
    wait_until(lambda: events.unwatched(scan_folders(root)) == 0, "watches on the new folders")
    (root / "sub" / "deep" / "a.jpg").touch()
    seen(dirty, root / "sub" / "deep" / "a.jpg")


def scan_folders(root: Path) -> dict[Path, int]:
    from curated.config import Watch

    return scan(root, Watch()).folders


def test_a_root_that_is_a_link_is_watched_where_it_leads(tmp_path: Path, root: Path, dirty: DirtyPaths) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    events = Events(link, True, dirty)
    try:
        (root / "a.jpg").touch()
        seen(dirty, link / "a.jpg")
    finally:
        events.stop()


def test_an_overflow_that_watchdog_only_logs_asks_for_a_full_scan(events: Events, dirty: DirtyPaths) -> None:
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    assert dirty.take()[1]
    assert dirty.overflows == 1


def test_any_other_complaint_asks_for_a_full_scan_too_but_is_no_overflow(events: Events, dirty: DirtyPaths) -> None:
    logging.getLogger("watchdog.observers.inotify").error("Unable to rebuild recursive inotify watches")
    assert dirty.take()[1]
    assert dirty.overflows == 0


def test_a_quiet_log_does_not_hide_an_overflow(root: Path, dirty: DirtyPaths) -> None:
    logger = logging.getLogger("watchdog")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    events = Events(root, True, dirty)
    try:
        logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed")
        assert dirty.overflows == 1
    finally:
        events.stop()
        logger.setLevel(before)


def test_stopping_leaves_no_thread_and_no_handler(root: Path, dirty: DirtyPaths) -> None:
    threads, handlers = set(threading.enumerate()), list(logging.getLogger("watchdog").handlers)
    events = Events(root, True, dirty)
    assert events.running
    events.stop()
    assert not events.running
    assert set(threading.enumerate()) <= threads
    assert logging.getLogger("watchdog").handlers == handlers


def test_an_observer_that_cannot_be_made_is_no_error(root: Path, dirty: DirtyPaths) -> None:
    def limit_reached() -> Observer:
        raise OSError(24, "inotify instance limit reached")

    events = Events(root, True, dirty, limit_reached)
    assert not events.running
    events.stop()


def test_a_root_that_cannot_be_watched_leaves_no_thread_behind(tmp_path: Path, dirty: DirtyPaths) -> None:
    threads = set(threading.enumerate())
    events = Events(tmp_path / "missing", True, dirty)
    assert not events.running
    assert set(threading.enumerate()) <= threads


def test_one_dead_thread_means_that_no_events_come(root: Path, dirty: DirtyPaths) -> None:
    made: list[Observer] = []

    def make() -> Observer:
        made.append(Observer())
        return made[-1]

    events = Events(root, True, dirty, make)
    assert events.running
    shutil.rmtree(root)  # watchdog ends the thread that tells of a folder when that folder goes
    wait_until(lambda: not events.running, "watchdog's thread to end")
    events.stop()


def test_a_folder_without_a_watch_is_counted(events: Events, root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    elsewhere = {tmp_path / "elsewhere": (tmp_path / "elsewhere").stat().st_ino}
    assert events.unwatched(scan_folders(root)) == 0
    assert events.unwatched(scan_folders(root) | elsewhere) == 1
