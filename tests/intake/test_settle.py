from __future__ import annotations

import fcntl
import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.intake.scan import Stat, present
from curated.intake.settle import Settler, open_for_writing

PICTURE = Path("/unsorted/a.jpg")
SETTLE = 2.0


class Disk:
    """One file as a Settler sees it."""

    def __init__(self) -> None:
        self.stat: Stat | None = Stat(10, 1, 1, 1, 1)
        self.is_open = False

    def write(self, size: int = 1) -> None:
        assert self.stat is not None
        old = self.stat
        self.stat = Stat(old.size + size, old.mtime_ns + 1, old.ctime_ns + 1, old.device, old.inode)

    def touch_rights(self) -> None:
        assert self.stat is not None
        old = self.stat
        self.stat = Stat(old.size, old.mtime_ns, old.ctime_ns + 1, old.device, old.inode)

    def look(self, path: Path) -> Stat | None:
        return self.stat


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def settler(disk: Disk) -> Settler:
    return Settler(SETTLE, lambda path: disk.is_open)


def observe(settler: Settler, disk: Disk, now: float) -> None:
    assert disk.stat is not None
    settler.observe(PICTURE, disk.stat, now)


def test_a_file_that_stood_still_long_enough_is_given_once(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    assert settler.whole(1.9, disk.look) == {}
    assert settler.whole(2.0, disk.look) == {PICTURE: disk.stat}
    observe(settler, disk, 3)
    assert settler.whole(100, disk.look) == {}
    assert settler.next_deadline() is None


def test_every_write_starts_the_wait_anew_even_without_an_event(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    disk.write()
    assert settler.whole(2, disk.look) == {}
    disk.write(0)
    assert settler.whole(4, disk.look) == {}
    assert settler.whole(6, disk.look) == {PICTURE: disk.stat}


def test_a_change_that_keeps_size_and_mtime_is_seen_by_its_ctime(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    disk.touch_rights()
    assert settler.whole(2, disk.look) == {}
    assert settler.whole(4, disk.look) == {PICTURE: disk.stat}


def test_a_file_somebody_holds_open_is_not_given_however_still_it_stands(settler: Settler, disk: Disk) -> None:
    disk.is_open = True
    observe(settler, disk, 0)
    for now in range(2, 40, 2):
        assert settler.whole(now, disk.look) == {}
    disk.is_open = False
    assert settler.whole(40, disk.look) == {PICTURE: disk.stat}


def test_where_the_file_system_cannot_tell_who_writes_standing_still_is_enough(disk: Disk) -> None:
    settler = Settler(SETTLE, lambda path: None)
    observe(settler, disk, 0)
    assert settler.whole(2, disk.look) == {PICTURE: disk.stat}


def test_a_write_between_the_look_and_the_lease_is_not_missed(disk: Disk) -> None:
    def closes_after_writing(path: Path) -> bool:
        disk.write()
        return False

    settler = Settler(SETTLE, closes_after_writing)
    observe(settler, disk, 0)
    assert settler.whole(2, disk.look) == {}


def test_a_file_that_vanished_is_forgotten(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    disk.stat = None
    assert settler.whole(2, disk.look) == {}
    assert len(settler) == 0


def test_a_claimed_file_that_changed_settles_and_comes_again(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    first = settler.whole(2, disk.look)
    disk.write()
    observe(settler, disk, 3)
    assert settler.whole(4.9, disk.look) == {}
    second = settler.whole(5, disk.look)
    assert second
    assert second != first


def test_new_rights_on_a_claimed_file_do_not_give_it_twice(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    settler.whole(2, disk.look)
    disk.touch_rights()
    observe(settler, disk, 3)
    assert settler.whole(100, disk.look) == {}


def test_a_claimed_file_that_changed_and_changed_back_is_not_given_twice(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    settler.whole(2, disk.look)
    before = disk.stat
    disk.write()
    observe(settler, disk, 3)
    disk.stat = before
    observe(settler, disk, 4)
    assert settler.whole(100, disk.look) == {}


def test_a_released_file_counts_as_new(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    settler.release(PICTURE, settler.whole(2, disk.look)[PICTURE])
    observe(settler, disk, 3)
    assert settler.whole(5, disk.look) == {PICTURE: disk.stat}


def test_the_release_of_an_old_state_leaves_the_claim_on_the_new_one(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    first = settler.whole(2, disk.look)[PICTURE]
    disk.write()
    observe(settler, disk, 3)
    assert settler.whole(5, disk.look)
    settler.release(PICTURE, first)
    observe(settler, disk, 6)
    assert settler.whole(100, disk.look) == {}


def test_claims_on_files_a_full_scan_no_longer_saw_cost_no_memory(settler: Settler, disk: Disk) -> None:
    observe(settler, disk, 0)
    settler.whole(2, disk.look)
    settler.keep_only({})
    observe(settler, disk, 3)
    assert settler.whole(5, disk.look) == {PICTURE: disk.stat}


def test_no_wait_is_in_the_past_even_without_time_to_settle(disk: Disk) -> None:
    settler = Settler(0, lambda path: disk.is_open)
    disk.is_open = True
    observe(settler, disk, 0)
    assert settler.whole(0, disk.look) == {}
    deadline = settler.next_deadline()
    assert deadline is not None
    assert deadline > 0
    disk.is_open = False
    assert settler.whole(deadline, disk.look) == {PICTURE: disk.stat}


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from(["write", "rights", "observe", "open", "close", "poll"]))))
def test_whatever_happens_a_file_is_given_only_after_it_stood_still_and_closed(steps: list[tuple[float, str]]) -> None:
    disk = Disk()
    settler = Settler(SETTLE, lambda path: disk.is_open)
    now = changed = 0.0
    given_as: list[Stat] = []
    observe(settler, disk, now)
    for wait, what in [*steps, (SETTLE, "close"), (0, "observe"), (SETTLE, "poll"), (SETTLE, "poll")]:
        now += wait
        match what:
            case "write" | "rights":
                disk.write() if what == "write" else disk.touch_rights()
                changed = now
            case "observe":
                observe(settler, disk, now)
            case "open" | "close":
                disk.is_open = what == "open"
            case "poll":
                for stat in settler.whole(now, disk.look).values():
                    assert now - changed >= SETTLE
                    assert not disk.is_open
                    assert stat == disk.stat
                    assert not any(stat.same_content(earlier) for earlier in given_as)
                    given_as.append(stat)
    assert given_as, "in the end it is whole, and must not be missed"


# -- leases, on the real file system ---------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 4096)
    if open_for_writing(path) is None:
        pytest.skip("this file system has no leases")
    return path


def test_a_writer_is_seen_and_a_reader_is_none(file: Path) -> None:
    with file.open("rb"):
        assert open_for_writing(file) is False
    with file.open("r+b"):
        assert open_for_writing(file) is True
    assert open_for_writing(file) is False


def test_a_writer_in_another_process_is_seen(file: Path) -> None:
    script = "import sys; f = open(sys.argv[1], 'ab'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        assert open_for_writing(file) is True
        writer.communicate()
    assert open_for_writing(file) is False


def test_a_writable_memory_map_counts_as_a_writer_after_its_descriptor_is_closed(file: Path) -> None:
    with file.open("r+b") as stream:
        mapped = mmap.mmap(stream.fileno(), 0)
    assert open_for_writing(file) is True
    mapped.close()
    assert open_for_writing(file) is False


def test_a_writer_who_comes_while_the_lease_is_held_does_not_kill_us(file: Path) -> None:
    # The kernel tells a lease holder with a signal; by default that is SIGIO, which ends the process.
    script = """
import os, signal, sys, threading
from pathlib import Path
from curated.intake.settle import open_for_writing
path = Path(sys.argv[1])
stop = threading.Event()
def write():
    while not stop.is_set():
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except BlockingIOError:
            collisions.append(1)
collisions = []
writer = threading.Thread(target=write)
writer.start()
import time
end = time.monotonic() + 20
while len(collisions) < 3 and time.monotonic() < end:
    open_for_writing(path)
stop.set()
writer.join()
print(len(collisions))
"""
    ended = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, signal.Signals(-ended.returncode) if ended.returncode < 0 else ended.stderr
    if int(ended.stdout) == 0:
        pytest.skip("no writer came at the right moment")


def test_asking_leaves_no_lease_behind(file: Path) -> None:
    assert open_for_writing(file) is False
    descriptor = os.open(file, os.O_WRONLY | os.O_NONBLOCK)  # EWOULDBLOCK while somebody holds a lease
    os.close(descriptor)
    with file.open("rb") as stream:
        assert fcntl.fcntl(stream, fcntl.F_GETLEASE) == fcntl.F_UNLCK


def test_what_is_no_regular_file_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "link.jpg").symlink_to("/etc/passwd")
    assert [present(path) for path in tmp_path.iterdir()] == [None, None]
    assert present(tmp_path / "missing") is None
