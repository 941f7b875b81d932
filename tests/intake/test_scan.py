from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from curated.config import Watch
from curated.intake.scan import Scan, Stat, look, scan, unfinished
from tests.support.permissions import without_rights

LEFT_OUT = (
    "a.jpg.part", "a.jpg.crdownload", "a.tmp", "a.jpg~", ".hidden.jpg", ".syncthing.a.jpg.tmp", "~syncthing~a.jpg.tmp",
    "Thumbs.db", "#a.jpg#",
)  # fmt: skip


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def names(root: Path, found: Scan) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in found.files)


def test_every_file_of_the_tree_is_seen_as_lstat_sees_it(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "sub/b.jpg", "sub/deep/c.mov")
    found = scan(tmp_path, Watch())
    assert names(tmp_path, found) == ["a.jpg", "sub/b.jpg", "sub/deep/c.mov"]
    assert found.files == {path: Stat.of(path.lstat()) for path in found.files}
    assert set(found.folders) == {tmp_path, tmp_path / "sub", tmp_path / "sub/deep"}


def test_sub_folders_are_left_alone_where_the_configuration_says_so(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "sub/b.jpg")
    settings = Watch(recursive=False)
    assert names(tmp_path, scan(tmp_path, settings)) == ["a.jpg"]
    assert not look(tmp_path, tmp_path / "sub/b.jpg", settings).files
    assert not look(tmp_path, tmp_path / "sub", settings).files


@pytest.mark.parametrize("name", LEFT_OUT)
def test_temporary_names_are_never_taken(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, f"{name}.d/x.jpg" if name.startswith(".") else ".folder/x.jpg", "whole.jpg")
    assert names(tmp_path, scan(tmp_path, Watch())) == ["whole.jpg"]
    assert not look(tmp_path, tmp_path / name, Watch()).files
    assert not look(tmp_path, tmp_path / ".folder/x.jpg", Watch()).files


@pytest.mark.parametrize("name", ["#selfie.jpg", "part.jpg", "tmp.jpg", "a.part.jpg", "$100.jpg"])
def test_names_that_only_look_temporary_are_taken(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    assert names(tmp_path, scan(tmp_path, Watch())) == [name]


@pytest.mark.parametrize("partner", ["a.jpg.part", "a.jpg.aria2"])
def test_a_file_whose_download_is_not_finished_is_reported_and_not_taken(tmp_path: Path, partner: str) -> None:
    put(tmp_path, "a.jpg", partner, "b.jpg")
    for found in (scan(tmp_path, Watch()), look(tmp_path, tmp_path / "a.jpg", Watch())):
        assert tmp_path / "a.jpg" not in found.files
        assert partner in found.specials[tmp_path / "a.jpg"]


@pytest.mark.parametrize("glob", ["raw", "raw/*", "*/b.jpg", "b.*"])
def test_ignored_names_are_left_alone_by_scan_and_by_event_alike(tmp_path: Path, glob: str) -> None:
    put(tmp_path, "a.jpg", "raw/b.jpg")
    settings = Watch(ignore=(glob,))
    assert names(tmp_path, scan(tmp_path, settings)) == ["a.jpg"]
    assert not look(tmp_path, tmp_path / "raw/b.jpg", settings).files
    assert not look(tmp_path, tmp_path / "raw", settings).files


def test_links_fifos_and_sockets_are_reported_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    put(outside, "secret.jpg")
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file.jpg").symlink_to(outside / "secret.jpg")
    os.mkfifo(root / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        # A socket's whole path must be short.
        here = Path.cwd()
        os.chdir(root)
        try:
            listening.bind("socket.jpg")
        finally:
            os.chdir(here)
        found = scan(root, Watch())
        assert not found.files
        assert {path.name: why for path, why in found.specials.items()} == {
            "folder": "a symbolic link is not followed",
            "file.jpg": "a symbolic link is not followed",
            "fifo.jpg": "a FIFO is not opened",
            "socket.jpg": "a socket is not opened",
        }
        assert look(root, root / "fifo.jpg", Watch()).specials == {root / "fifo.jpg": "a FIFO is not opened"}


def test_a_folder_that_cannot_be_read_is_reported_and_hides_only_itself(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "closed/b.jpg", "open/c.jpg")
    (tmp_path / "closed").chmod(0)
    try:
        with without_rights(tmp_path):
            found = scan(tmp_path, Watch())
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert names(tmp_path, found) == ["a.jpg", "open/c.jpg"]
    assert found.specials == {tmp_path / "closed": "the folder cannot be read: Permission denied"}


def test_a_root_that_is_not_there_is_no_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "missing", Watch())


def test_a_look_at_something_that_went_finds_nothing(tmp_path: Path) -> None:
    assert look(tmp_path, tmp_path / "gone/a.jpg", Watch()) == Scan()


def test_names_that_are_no_text_are_taken_too(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg"))).write_bytes(b"x")
    put(tmp_path, "line\nbreak.jpg", "ünï.jpg")
    assert len(scan(tmp_path, Watch()).files) == 3


@contextmanager
def nested(root: Path, name: str, depth: int) -> Iterator[None]:
    """Folders so deep that neither the test nor pytest's own clean-up reaches them by one path."""
    here = Path.cwd()
    try:
        os.chdir(root)
        for _ in range(depth):
            Path(name).mkdir()
            os.chdir(name)
        os.chdir(here)
        yield
        os.chdir(root)
        for _ in range(depth):
            os.chdir(name)
        for _ in range(depth):
            os.chdir("..")
            Path(name).rmdir()
    finally:
        os.chdir(here)


def test_folders_nested_deeper_than_pythons_stack_are_read(tmp_path: Path) -> None:
    with nested(tmp_path, "d", sys.getrecursionlimit()):
        assert len(scan(tmp_path, Watch()).folders) == sys.getrecursionlimit() + 1


def test_folders_deeper_than_a_path_may_be_long_are_reported_and_hide_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    with nested(tmp_path, "d" * 250, 20):
        found = scan(tmp_path, Watch())
    assert names(tmp_path, found) == ["a.jpg"]
    assert [why for why in found.specials.values() if "too long" in why]


@pytest.mark.parametrize(
    ("temporary", "final"),
    [
        (".syncthing.a.mov.tmp", "a.mov"),
        ("~syncthing~a.mov.tmp", "a.mov"),
        (".my.long.name.MOV.Xk3bQ1", "my.long.name.MOV"),
        ("a.jpg.xmp.part", "a.jpg.xmp"),
        (".a.heic.swp", "a.heic"),
        ("a.jpg~", "a.jpg"),
        ("._a.jpg", None),
        (".hidden", None),
        ("Unconfirmed 1234.crdownload", None),
        ("a.jpg", None),
    ],
)
def test_an_unfinished_files_final_name_is_read_from_its_temporary_one(
    tmp_path: Path, temporary: str, final: str | None
) -> None:
    put(tmp_path, temporary)
    assert [path.name for path in unfinished(tmp_path)] == ([] if final is None else [final])


def test_a_folder_that_went_has_nothing_unfinished(tmp_path: Path) -> None:
    assert unfinished(tmp_path / "gone") == {}
