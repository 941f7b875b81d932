"""Lost events, vanished roots and mounts, exhausted watches, floods: the folder is watched all the same."""

from __future__ import annotations

import errno
import gc
import logging
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from curated.intake.events import DIRTY_LIMIT
from tests.support.clock import wait_until
from tests.support.permissions import without_rights
from tests.support.watching import JPEG, SETTLE, Watching

Make = Callable[..., Watching]


class DeafObserver(Observer):  # type: ignore[valid-type, misc]
    """Runs, and never tells anything: what happens on network file systems."""

    def schedule(self, *arguments, **options) -> None:
        pass


# -- events are hints ------------------------------------------------------------------------------------


def test_without_any_event_the_periodic_scan_finds_everything(watch: Make) -> None:
    watching = watch(make_observer=DeafObserver, polling="never", rescan_seconds=300.0)
    watching.poll()
    watching.put("sub/a.jpg")
    assert watching.poll(299) == []
    assert watching.state.waiting == 0
    assert watching.watcher.next_deadline() == watching.clock() + 1
    assert watching.poll(1) == []
    assert watching.poll(SETTLE) == ["sub/a.jpg"]


def test_an_overflow_leads_to_a_full_scan_at_once(watch: Make) -> None:
    watching = watch(make_observer=DeafObserver, polling="never")
    watching.poll()
    watching.put("a.jpg")
    watching.woken.clear()
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    assert watching.woken.is_set()
    assert watching.settle() == ["a.jpg"]
    assert watching.state.overflows == 1
    assert watching.state.scans == 2


def test_more_changes_than_are_remembered_lead_to_a_full_scan(watching: Watching) -> None:
    for number in range(DIRTY_LIMIT + 100):
        (watching.root / f"{number}.jpg").write_bytes(JPEG)
    watching.wait_for(lambda: watching.state.waiting == DIRTY_LIMIT + 100, "all files, whatever became of the events")
    assert len(watching.poll(SETTLE)) == DIRTY_LIMIT + 100


def test_a_dead_observer_is_replaced_and_its_folder_polled_until_then(watch: Make) -> None:
    made: list[BaseObserver] = []

    def make() -> BaseObserver:
        made.append(Observer())
        return made[-1]

    watching = watch(make_observer=make)
    watching.poll()
    made[0].stop()
    made[0].join()
    assert watching.state.polling
    watching.put("a.jpg")
    assert watching.poll(watching.settings.poll_seconds) == []
    assert watching.poll(SETTLE) == ["a.jpg"]
    watching.poll(watching.settings.rescan_seconds)
    assert len(made) == 2
    assert not watching.state.polling
    watching.put("b.jpg")
    watching.wait_for_waiting(1)


# -- where events cannot be had --------------------------------------------------------------------------


def no_watches_left() -> BaseObserver:
    raise OSError(errno.ENOSPC, "inotify watch limit reached")


def test_where_inotify_refuses_the_folder_is_polled_and_that_is_said(watch: Make) -> None:
    watching = watch(make_observer=no_watches_left)
    watching.poll()
    assert watching.state.polling
    watching.put("a.jpg")
    assert watching.watcher.next_deadline() == watching.clock() + watching.settings.poll_seconds
    watching.poll(watching.settings.poll_seconds)
    assert watching.poll(SETTLE) == ["a.jpg"]


def test_inotify_is_tried_again_after_a_while(watch: Make) -> None:
    tries: list[int] = []

    def make() -> BaseObserver:
        tries.append(1)
        return no_watches_left() if len(tries) == 1 else Observer()

    watching = watch(make_observer=make)
    for _ in range(10):
        watching.poll(watching.settings.poll_seconds)
    assert len(tries) == 1
    watching.poll(watching.settings.rescan_seconds)
    assert len(tries) == 2
    assert not watching.state.polling


@pytest.mark.parametrize(("polling", "expected"), [("always", True), ("auto", False), ("never", False)])
def test_polling_is_as_configured(watch: Make, polling: str, expected: bool) -> None:
    watching = watch(polling=polling)
    watching.poll()
    assert watching.state.polling is expected


def test_polling_never_stays_so_even_where_inotify_refuses(watch: Make) -> None:
    watching = watch(polling="never", make_observer=no_watches_left)
    watching.poll()
    assert not watching.state.polling
    assert watching.watcher.next_deadline() == watching.clock() + watching.settings.rescan_seconds


def test_a_network_file_system_is_polled(watch: Make, root: Path, tmp_path: Path) -> None:
    watching = watch(mountinfo=mountinfo(tmp_path, {"/": "ext4", str(root.parent): "nfs4"}))
    watching.poll()
    assert watching.state.polling
    watching.put("a.jpg")
    watching.poll(watching.settings.poll_seconds)
    assert watching.poll(SETTLE) == ["a.jpg"]


LIMITED = """
import sys
from pathlib import Path
from tests.support.watching import Watching, JPEG
limit, value, root = sys.argv[1:]
Path("/proc/sys/user", limit).write_text(value)
watching = Watching(Path(root))
watching.poll()
watching.poll(5)
print(watching.state.polling, watching.state.unwatched, watching.state.folders)
watching.put("3/late.jpg")
watching.poll(5)
print(watching.poll(2))
Path("/proc/sys/user", limit).write_text("1000")
watching.poll(300)
watching.poll(300)
print(watching.state.polling, watching.state.unwatched)
watching.watcher.stop()
"""


@pytest.mark.parametrize(("limit", "unwatched"), [("max_inotify_watches", 3), ("max_inotify_instances", 0)])
def test_folders_for_which_the_kernel_has_no_watch_left_are_counted_and_polled(
    root: Path, limit: str, unwatched: int
) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Ur", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    for name in "12345":
        (root / name).mkdir()
    value = "3" if unwatched else "0"
    ended = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-c", LIMITED, limit, value, root],
        check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.stdout.splitlines() == [f"True {unwatched} 6", "['3/late.jpg']", "False 0"], ended.stderr


# -- the root itself -------------------------------------------------------------------------------------


def mountinfo(tmp_path: Path, mounts: dict[str, str]) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text("".join(f"1 1 8:1 / {point} rw - {kind} /dev/x rw\n" for point, kind in mounts.items()))
    return path


def test_a_root_that_goes_pauses_and_is_found_again(watching: Watching) -> None:
    watching.put("a.jpg")
    watching.wait_for_waiting(1)
    shutil.rmtree(watching.root)
    assert watching.settle(5) == []
    assert "is not there" in watching.state.paused
    assert watching.watcher.next_deadline() > watching.clock()
    watching.root.mkdir()
    watching.put("b.jpg")
    assert watching.settle() == ["b.jpg"]
    assert not watching.state.paused
    watching.put("c.jpg")
    watching.wait_for_waiting(1)


def test_a_root_that_is_not_there_at_the_start_is_waited_for(watch: Make, tmp_path: Path) -> None:
    watching = watch(tmp_path / "later")
    assert watching.poll() == []
    assert watching.state.paused
    assert not watching.watcher.idle
    watching.put("a.jpg")
    assert watching.settle() == ["a.jpg"]


def test_another_folder_in_the_roots_place_is_watched_instead(watching: Watching, tmp_path: Path) -> None:
    watching.put("old.jpg")
    watching.wait_for_waiting(1)
    watching.root.rename(tmp_path / "away")
    watching.root.mkdir()
    watching.put("new.jpg")
    assert watching.settle() == ["new.jpg"]
    watching.put("more.jpg")
    watching.wait_for_waiting(1)


def test_a_vanished_mount_pauses_and_nothing_counts_as_gone(watch: Make, root: Path, tmp_path: Path) -> None:
    # An unmounted disk leaves the empty folder that it was mounted on.
    disk = root.parent
    info = mountinfo(tmp_path, {"/": "ext4", str(disk): "ext4"})
    watching = watch(mountinfo=info)
    watching.put("a.jpg")
    assert watching.settle() == ["a.jpg"]
    watching.put("b.jpg")
    watching.wait_for_waiting(1)
    root.rename(tmp_path / "contents")
    root.mkdir()
    (root / "stray.jpg").write_bytes(JPEG)
    mountinfo(tmp_path, {"/": "ext4"})
    assert watching.settle(5) == []
    assert str(disk) in watching.state.paused
    assert watching.state.waiting == 1
    assert watching.watcher.next_deadline() > watching.clock()
    # It comes back, perhaps with another device number: what is known is that something is mounted there again.
    shutil.rmtree(root)
    (tmp_path / "contents").rename(root)
    mountinfo(tmp_path, {"/": "ext4", str(disk): "ext4"})
    assert watching.settle() == ["b.jpg"]  # and a.jpg is still claimed


def test_a_disk_mounted_again_under_another_device_number_is_accepted(watch: Make, root: Path, tmp_path: Path) -> None:
    watching = watch(mountinfo=mountinfo(tmp_path, {"/": "ext4", str(root.parent): "nfs4"}))
    watching.poll()
    root.rename(tmp_path / "old")
    root.mkdir()
    watching.put("a.jpg")
    assert watching.settle() == ["a.jpg"]


def test_a_real_mount_that_goes_pauses(watch: Make, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (disk / "Unsorted").mkdir()
        watching = watch(disk / "Unsorted", polling="always")
        watching.put("a.jpg")
        assert watching.settle() == ["a.jpg"]
        subprocess.run(["umount", disk], check=True)
        assert watching.settle(2) == []
        assert watching.state.paused
        (disk / "Unsorted").mkdir()  # on the disk below
        (disk / "Unsorted" / "b.jpg").write_bytes(JPEG)
        assert watching.settle(2) == []
        assert "not mounted" in watching.state.paused
        subprocess.run(["mount", "-t", "tmpfs", "none", disk], check=True)
        (disk / "Unsorted").mkdir()
        watching.put("c.jpg")
        assert watching.settle() == ["c.jpg"]
        watching.watcher.stop()
    finally:
        subprocess.run(["umount", disk], check=False, capture_output=True)


def test_a_root_that_cannot_be_read_pauses(watch: Make, root: Path, tmp_path: Path) -> None:
    (root / "a.jpg").write_bytes(JPEG)
    root.chmod(0)
    try:
        with without_rights(tmp_path):
            watching = watch(polling="always")
            assert watching.settle() == []
        assert "Permission denied" in watching.state.paused
    finally:
        root.chmod(0o700)
    assert watching.settle() == ["a.jpg"]


def test_a_sub_folder_that_cannot_be_read_is_reported(watch: Make, root: Path, tmp_path: Path) -> None:
    for name in ("closed/a.jpg", "b.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(JPEG)
    (root / "closed").chmod(0)
    root.chmod(0o755)
    try:
        with without_rights(tmp_path):
            watching = watch(is_open=lambda path: False)
            watching.poll()
            watching.watcher.rescan()
            watching.poll(SETTLE)
    finally:
        (root / "closed").chmod(0o700)
    assert [asset.primary.path.name for asset in watching.given] == ["b.jpg"]
    assert watching.state.specials == {str(root / "closed"): "the folder cannot be read: Permission denied"}
    watching.watcher.rescan()
    assert watching.settle() == ["closed/a.jpg"]


# -- floods ----------------------------------------------------------------------------------------------


def test_a_flood_into_one_folder_takes_time_in_proportion_and_is_given_in_one_poll(watch: Make, root: Path) -> None:
    def fill(start: int, stop: int) -> None:
        for number in range(start, stop):
            (root / f"IMG_{number}.jpg").write_bytes(JPEG)
            if number % 10 == 0:
                (root / f"IMG_{number}.jpg.json").write_bytes(b"{}")

    def used(watching: Watching) -> tuple[float, int]:
        began = time.process_time()
        came = watching.settle()
        return time.process_time() - began, len(came)

    fill(0, 1_000)
    small, few = used(watch(polling="always"))
    fill(1_000, 5_000)
    large, many = used(watch(polling="always"))
    assert (few, many) == (1_000, 5_000)
    # Five times as many; quadratic cost would be twenty-five times as much.
    assert large < 15 * small, f"{small:.2f} s for 1,000 and {large:.2f} s for 5,000"


def test_years_of_arrivals_leave_nothing_in_memory(watch: Make, root: Path) -> None:
    watching = watch(polling="always")

    def one_day(day: int) -> None:
        paths = [watching.put(f"{day}-{number}.jpg") for number in range(50)]
        paths += [watching.put(f"{day}-{number}.mov", b"m") for number in range(50)]
        watching.settle()
        watching.release_all()
        for path in paths:
            path.unlink()
        watching.poll()

    one_day(0)
    one_day(1)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for day in range(2, 12):
            one_day(day)
        gc.collect()
        grown = tracemalloc.take_snapshot().compare_to(before, "filename")
    finally:
        tracemalloc.stop()
    ours = sum(each.size_diff for each in grown if "curated/intake" in each.traceback[0].filename)
    assert ours < 50_000, [str(each) for each in grown[:5]]


def test_waiting_costs_no_processor_time(watching: Watching) -> None:
    watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.watcher.next_deadline() == watching.clock() + SETTLE
    assert watching.poll(SETTLE) == ["a.jpg"]
    assert watching.watcher.next_deadline() == pytest.approx(watching.clock() + 300, abs=5)


def test_stopping_ends_every_thread_and_is_not_an_error_twice(watching: Watching) -> None:
    def ours() -> list[str]:
        links = [Path("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
        return [str(link.readlink()) for link in links if link.is_symlink()]

    assert any("inotify" in target for target in ours())
    watching.watcher.stop()
    watching.watcher.stop()
    wait_until(lambda: not any("inotify" in target for target in ours()), "inotify's descriptor to be closed")


def test_neither_watcher_nor_worker_client_loads_a_picture_or_model_library() -> None:
    script = """
import sys
import curated.intake.watch, curated.worker.client
heavy = ("torch", "PIL", "numpy", "cv2", "onnxruntime", "ultralytics", "transformers", "open_clip", "timm", "sklearn")
print([name for name in heavy if name in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert ended.stdout.strip() == "[]"
