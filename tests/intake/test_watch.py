"""Arrivals of every sort, on a real folder with real events and a clock that is moved by hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from curated.intake.watch import remove_emptied
from tests.support.clock import wait_until
from tests.support.watching import JPEG, MOV, SETTLE, Watching

Make = Callable[..., Watching]


# -- how files arrive ------------------------------------------------------------------------------------


def test_what_lies_there_at_the_start_is_found(watch: Make, root: Path) -> None:
    for name in ("a.jpg", "sub/b.jpg"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(JPEG)
    assert watch().settle() == ["a.jpg", "sub/b.jpg"]


def test_a_file_that_is_dropped_is_seen_by_its_event_and_given_when_it_is_whole(watching: Watching) -> None:
    watching.put("a.jpg")
    wait_until(watching.woken.is_set, "the event to wake the daemon")
    watching.wait_for_waiting(1)
    assert not watching.watcher.idle
    assert watching.poll(SETTLE - 0.1) == []
    assert watching.poll(0.1) == ["a.jpg"]
    assert watching.watcher.idle
    assert watching.state.scans == 1


def test_an_arrival_carries_the_identity_of_the_file(watching: Watching) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    watching.poll(SETTLE)
    status, given = path.stat(), watching.given[0].primary
    assert (given.path, given.size, given.mtime_ns) == (path, status.st_size, status.st_mtime_ns)
    assert (given.device, given.inode) == (status.st_dev, status.st_ino)


def test_a_slow_write_is_not_taken_before_its_end(watching: Watching) -> None:
    with (watching.root / "a.jpg").open("wb", buffering=0) as stream:
        watching.wait_for_waiting(1)
        for _ in range(6):
            stream.write(JPEG)
            assert watching.settle() == []
        assert watching.settle(3) == []  # it stands still, but it is open
    assert watching.settle() == ["a.jpg"]


def test_a_writer_that_pauses_with_the_file_closed_starts_the_wait_anew(watching: Watching) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE - 0.1) == []
    with path.open("ab") as stream:
        stream.write(JPEG)
    assert watching.poll(0.1) == []
    assert watching.poll(SETTLE) == ["a.jpg"]
    assert watching.given[0].primary.size == 2 * len(JPEG)


def test_a_download_is_taken_only_under_its_final_name(watching: Watching) -> None:
    part = watching.put("a.jpg.part")
    assert watching.settle(3) == []
    assert watching.state.waiting == 0
    part.rename(watching.root / "a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]


def test_firefoxs_empty_placeholder_is_not_taken_for_the_picture(watching: Watching) -> None:
    watching.put("a.jpg", b"")
    part = watching.put("a.jpg.part")
    watching.wait_for(lambda: watching.state.specials, "the placeholder to be reported")
    assert watching.settle(3) == []
    assert watching.watcher.idle
    part.rename(watching.root / "a.jpg")
    watching.wait_for_waiting(1)
    assert not watching.state.specials
    assert watching.poll(SETTLE) == ["a.jpg"]
    assert watching.given[0].primary.size == len(JPEG)


def test_an_aria2_download_is_taken_when_its_control_file_goes(watching: Watching) -> None:
    watching.put("a.jpg")
    control = watching.put("a.jpg.aria2", b"control")
    watching.wait_for(lambda: watching.state.specials, "the download to be reported")
    assert watching.settle(3) == []
    control.unlink()
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]


def test_a_file_moved_in_and_a_hard_link_are_taken(watching: Watching, tmp_path: Path) -> None:
    for name in ("linked.jpg", "outside.jpg"):
        (tmp_path / name).write_bytes(JPEG)
    os.link(tmp_path / "linked.jpg", watching.root / "link.jpg")
    watching.wait_for_waiting(1)
    (tmp_path / "outside.jpg").rename(watching.root / "moved.jpg")
    watching.wait_for_waiting(2)
    assert sorted(watching.poll(SETTLE)) == ["link.jpg", "moved.jpg"]


def test_a_tree_copied_in_is_taken_whole(watching: Watching, tmp_path: Path) -> None:
    names = [f"{folder}/{number}.jpg" for folder in ("tree", "tree/a", "tree/a/b/c", "tree/d") for number in range(5)]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    subprocess.run(["cp", "-r", tmp_path / "tree", watching.root], check=True)
    watching.wait_for_waiting(len(names))
    assert sorted(watching.poll(SETTLE)) == sorted(names)
    assert watching.state.scans == 1


def test_a_folder_moved_in_is_taken_whole_and_watched_from_then_on(watching: Watching, tmp_path: Path) -> None:
    (tmp_path / "album" / "deep").mkdir(parents=True)
    for name in ("album/a.jpg", "album/deep/b.jpg"):
        (tmp_path / name).write_bytes(JPEG)
    (tmp_path / "album").rename(watching.root / "album")
    watching.wait_for_waiting(2)
    assert sorted(watching.poll(SETTLE)) == ["album/a.jpg", "album/deep/b.jpg"]
    watching.put("album/deep/c.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["album/deep/c.jpg"]


def test_a_folder_renamed_while_its_files_settle_loses_none(watching: Watching) -> None:
    watching.put("old/a.jpg")
    watching.wait_for_waiting(1)
    (watching.root / "old").rename(watching.root / "new")
    came: list[str] = []
    wait_until(lambda: came.extend(watching.poll(SETTLE)) or came, "the file under its new name")
    assert came == ["new/a.jpg"]
    assert watching.settle(3) == []


@pytest.mark.parametrize("backup", [True, False])
def test_an_editors_atomic_save_is_taken_once_and_new(watching: Watching, backup: bool) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]
    watching.release_all()
    new = watching.put(".a.jpg.swp", JPEG * 2)
    if backup:
        path.rename(watching.root / "a.jpg~")
    new.rename(path)
    watching.wait_for_waiting(1)
    assert watching.settle(3) == ["a.jpg"]
    assert watching.given[0].primary.size == 2 * len(JPEG)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_unpacked_in_place_is_taken_although_its_dates_are_old(
    watching: Watching, tmp_path: Path, kind: str
) -> None:
    source = tmp_path / "holiday"
    source.mkdir()
    for number in range(5):
        (source / f"{number}.jpg").write_bytes(JPEG)
        os.utime(source / f"{number}.jpg", (946_684_800, 946_684_800))
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for path in source.iterdir():
                archive.write(path, f"holiday/{path.name}")
        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            archive.extractall(watching.root)
    else:
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.add(source, "holiday")
        with tarfile.open(tmp_path / "a.tar") as tar:
            tar.extractall(watching.root, filter="data")
    watching.wait_for_waiting(5)
    assert sorted(watching.poll(SETTLE)) == [f"holiday/{number}.jpg" for number in range(5)]


def test_a_clock_in_the_future_or_the_past_makes_no_difference(watching: Watching) -> None:
    for name, moment in (("past.jpg", 0), ("future.jpg", 4_000_000_000)):
        os.utime(watching.put(name), (moment, moment))
    watching.wait_for_waiting(2)
    assert watching.settle() == ["future.jpg", "past.jpg"]


# -- given once ------------------------------------------------------------------------------------------


def test_an_asset_is_given_once_until_it_is_released(watching: Watching) -> None:
    watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.settle(5) == ["a.jpg"]
    watching.watcher.rescan()
    assert watching.settle(5) == []
    watching.release_all()
    watching.watcher.rescan()
    assert watching.settle() == ["a.jpg"]


def test_a_file_that_changes_while_it_is_claimed_settles_and_comes_again(watching: Watching) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]
    path.write_bytes(JPEG * 3)
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]
    first, second = watching.given
    assert second.primary.size == 3 * len(JPEG)
    watching.watcher.release(first)  # the claim on what it has become stands
    watching.watcher.rescan()
    assert watching.settle(3) == []


def test_a_file_dropped_under_the_name_of_one_that_was_filed_is_new(watching: Watching, tmp_path: Path) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]
    path.rename(tmp_path / "filed.jpg")
    watching.release_all()
    watching.put("a.jpg", JPEG * 2)
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]


def test_a_file_taken_back_by_undo_is_seen_although_nothing_of_it_changed(watching: Watching, tmp_path: Path) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]
    path.rename(tmp_path / "filed.jpg")
    watching.release_all()
    (tmp_path / "filed.jpg").rename(path)
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]


def test_a_file_left_alone_stays_so_until_it_changes(watching: Watching) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]
    path.chmod(0o600)
    for _ in range(3):
        watching.watcher.rescan()
        assert watching.settle(2) == []
    path.write_bytes(JPEG * 2)
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]


def test_the_claim_on_a_file_that_vanished_ends_with_the_next_full_scan(watching: Watching, tmp_path: Path) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    assert watching.poll(SETTLE) == ["a.jpg"]
    path.rename(tmp_path / "away.jpg")
    watching.watcher.rescan()
    watching.poll()
    (tmp_path / "away.jpg").rename(path)
    watching.watcher.rescan()
    assert watching.settle() == ["a.jpg"]


def test_a_file_replaced_by_a_fifo_while_it_settles_is_not_given(watching: Watching) -> None:
    path = watching.put("a.jpg")
    watching.wait_for_waiting(1)
    path.unlink()
    os.mkfifo(path)
    assert watching.settle(4) == []
    watching.watcher.rescan()
    assert watching.settle(4) == []
    assert watching.state.specials == {str(path): "a FIFO is not opened"}


# -- what is left alone ----------------------------------------------------------------------------------


def test_specials_are_reported_as_they_come_and_forgotten_as_they_go(watching: Watching) -> None:
    fifo = watching.root / "a.jpg"
    os.mkfifo(fifo)
    watching.wait_for(lambda: watching.state.specials, "the FIFO to be reported")
    assert watching.settle(3) == []
    assert watching.watcher.idle
    fifo.unlink()
    watching.wait_for(lambda: not watching.state.specials, "the FIFO to be forgotten")


def test_videos_and_other_files_are_counted_and_not_opened_again(watching: Watching) -> None:
    for name in ("a.mov", "b.MP4", "c.txt"):
        watching.put(name, MOV if name != "c.txt" else b"text")
    watching.wait_for_waiting(3)
    assert watching.settle() == []
    assert watching.state.others == {"video": 2, "other file": 1}
    assert watching.watcher.idle
    read_at = (watching.root / "a.mov").stat().st_atime_ns
    os.utime(watching.root / "a.mov", ns=(read_at - 10**15, (watching.root / "a.mov").stat().st_mtime_ns))
    before = (watching.root / "a.mov").stat().st_atime_ns
    watching.put("picture.jpg")
    watching.watcher.rescan()
    assert watching.settle(2) == ["picture.jpg"]
    assert (watching.root / "a.mov").stat().st_atime_ns == before
    (watching.root / "a.mov").unlink()
    watching.wait_for(lambda: watching.state.others == {"video": 1, "other file": 1}, "the video to be uncounted")


def test_a_loose_file_that_becomes_a_picture_is_taken(watching: Watching) -> None:
    watching.put("a.dat", b"nothing")
    watching.wait_for_waiting(1)
    assert watching.settle() == []
    watching.put("a.dat", JPEG)
    watching.wait_for_waiting(1)
    assert watching.settle() == ["a.dat"]
    assert watching.state.others == {}


def test_sub_folders_are_not_followed_where_the_configuration_says_so(watch: Make, root: Path) -> None:
    watching = watch(recursive=False)
    watching.poll()
    watching.put("sub/a.jpg")
    watching.put("b.jpg")
    watching.wait_for_waiting(1)
    assert watching.settle(2) == ["b.jpg"]


def test_ignored_names_are_left_alone(watch: Make) -> None:
    watching = watch(ignore=("*.psd", "raw"))
    watching.poll()
    watching.put("raw/a.jpg")
    watching.put("b.psd")
    watching.put("c.jpg")
    watching.wait_for_waiting(1)
    watching.watcher.rescan()
    assert watching.settle(2) == ["c.jpg"]
    assert watching.state.others == {}


def test_an_unreadable_picture_is_given_so_that_its_reader_says_why(watching: Watching) -> None:
    watching.put("a.jpg", b"")
    watching.put("b.jpg", b"no picture at all")
    watching.wait_for_waiting(2)
    assert watching.settle() == ["a.jpg", "b.jpg"]


# -- folders that were emptied ---------------------------------------------------------------------------


def test_emptied_folders_go_up_to_the_root_and_no_further(tmp_path: Path) -> None:
    deep = tmp_path / "root" / "a" / "b"
    deep.mkdir(parents=True)
    remove_emptied(deep, tmp_path / "root")
    assert list(tmp_path.rglob("*")) == [tmp_path / "root"]


def test_a_folder_that_still_holds_anything_stays(tmp_path: Path) -> None:
    deep = tmp_path / "root" / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "root" / "a" / ".hidden").touch()
    remove_emptied(deep, tmp_path / "root")
    assert (tmp_path / "root" / "a" / ".hidden").exists()
    assert not deep.exists()
    remove_emptied(tmp_path / "root" / "a", tmp_path / "root")
    assert (tmp_path / "root" / "a").exists()


def test_nothing_outside_the_root_is_ever_removed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (tmp_path / "root").mkdir()
    outside.mkdir()
    remove_emptied(outside, tmp_path / "root")
    remove_emptied(tmp_path / "root", tmp_path / "root")
    (tmp_path / "root" / "link").symlink_to(outside)
    remove_emptied(tmp_path / "root" / "link", tmp_path / "root")
    assert outside.exists()
    assert (tmp_path / "root").exists()


def test_a_copied_link_to_a_tree_is_not_followed(watching: Watching, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.jpg").write_bytes(JPEG)
    (watching.root / "tree").symlink_to(tmp_path / "tree")
    watching.wait_for(lambda: watching.state.specials, "the link to be reported")
    assert watching.settle(3) == []
    shutil.rmtree(tmp_path / "tree")
