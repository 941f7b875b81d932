"""The disk itself, and file systems that keep their promises in their own way."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from curated.domain import Purpose, Status
from curated.errors import FilingError, FolderUnusable, StateError
from curated.files import Entry, FilingLock, RealDisk, is_temporary, open_regular
from curated.filing import UndoSelection, recover, undo
from curated.filing.filer import explain
from tests.support.filing_disks import FailingDisk, NoFlagDisk, SplitDisk, Step, WrappedDisk
from tests.support.filing_world import World
from tests.support.permissions import without_rights


class Renumbering(WrappedDisk):
    """A file system that knows files by their paths: a renamed file is another one, with the same content."""

    def look(self, path: Path) -> Entry | None:
        entry = super().look(path)
        return replace(entry, identity=self._number(entry.identity, path)) if entry else None

    def digest(self, path: Path):
        digest = super().digest(path)
        return replace(digest, identity=self._number(digest.identity, path))

    def _number(self, identity, path: Path):
        return replace(identity, inode=sum(os.fsencode(path)))


def test_a_file_system_that_renumbers_what_it_renames_is_filed_to_and_back(world: World) -> None:
    disk = Renumbering()
    source = world.put("a.jpg", "a")
    photo, _ = world.file([source], [world.library / "Photos" / "cat.jpg"], disk=disk)
    assert photo.status is Status.FILED
    assert world.problems(disk) == []
    assert undo(world.filer(disk), UndoSelection(last=1)).undone == 1
    assert world.files() == {"Unsorted/a.jpg": "ca978112"}
    assert world.problems(disk) == []


def test_another_file_of_that_size_and_time_is_still_noticed_when_numbers_mean_nothing(world: World) -> None:
    source = world.put("a.jpg", "first")
    at = source.stat()

    class Saving(WrappedDisk):
        def before(self, step: Step) -> None:
            if step.name == "rename" and source.exists() and source.read_text() == "first":
                source.unlink()
                source.write_text("other")
                os.utime(source, ns=(at.st_atime_ns, at.st_mtime_ns))

    disk = Saving(Renumbering())
    photo, plan = world.photo(source, disk=disk), world.plan([source], [world.library / "a.jpg"], disk)
    with pytest.raises(FilingError, match="replaced or altered"):
        world.filer(disk).move(plan, purpose=Purpose.FILE, photo_id=photo.id, after={"status": "filed"}, reason="")
    assert source.read_text() == "other"
    assert not (world.library / "a.jpg").exists()


def test_a_link_that_was_made_although_the_answer_says_it_exists_is_no_other_file(world: World) -> None:
    """NFS repeats a request whose answer was lost, and is told of its own first one."""

    class Repeating(NoFlagDisk):
        def link(self, source: Path, target: Path) -> None:
            super().link(source, target)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    disk = Repeating()
    photo, _ = world.file([world.put("a.jpg", "a")], [world.library / "cat.jpg"], disk=disk)
    assert photo.path.name == "cat.jpg"
    assert world.files() == {"Library/cat.jpg": "ca978112"}
    assert world.problems() == []


def test_a_stranger_with_the_name_of_our_copy_is_not_removed(world: World) -> None:
    theirs = world.put(".curated-0.part", "theirs", below=world.library)
    filer = world.filer(SplitDisk(world.library), token=lambda: "0")
    with pytest.raises(FilingError):
        world.file([world.put("a.jpg", "a")], [world.library / "a.jpg"], filer=filer)
    assert theirs.read_text() == "theirs"
    assert world.journal.open_moves() == []
    assert (world.unsorted / "a.jpg").read_text() == "a"


def test_what_comes_back_to_a_name_that_was_taken_is_known_under_its_new_one(world: World) -> None:
    sources = [world.put("a.HEIC", "picture"), world.put("a.MOV", "film")]
    targets = [world.library / "cat.HEIC", world.library / "cat.MOV"]

    class Taking(WrappedDisk):
        """The second file cannot be moved, and the first one's old name is taken by then."""

        def before(self, step: Step) -> None:
            if step.name == "rename" and step.paths[1] == targets[1]:
                sources[0].write_text("another picture")
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    photo = world.photo(*sources)
    with pytest.raises(FilingError):
        world.filer(Taking()).move(
            world.plan(sources, targets), purpose=Purpose.FILE, photo_id=photo.id, after={"status": "filed"}, reason=""
        )
    row = world.store.get(photo.id)
    assert row.path == world.unsorted / "a 2.HEIC"
    assert row.path.read_text() == "picture"
    assert row.companions == (sources[1],)
    assert sources[0].read_text() == "another picture"
    assert row.status is Status.ARRIVING
    assert (row.device, row.inode) == (row.path.stat().st_dev, row.path.stat().st_ino)


def test_a_file_that_may_not_be_moved_does_not_give_up_the_library(world: World) -> None:
    """An immutable file, or one of somebody else in a sticky folder."""
    source = world.put("a.jpg", "a")
    with pytest.raises(FilingError) as caught:
        world.file(
            [source],
            [world.library / "a.jpg"],
            disk=FailingDisk(lambda step: step.name == "rename", errno.EPERM),
        )
    assert not isinstance(caught.value, FolderUnusable)
    assert world.problems() == []


def test_a_full_or_read_only_library_is_given_up_as_a_whole(world: World) -> None:
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        error = explain(OSError(code, os.strerror(code)), world.unsorted / "a.jpg", world.library, RealDisk())
        assert isinstance(error, FolderUnusable)


def test_only_regular_files_are_opened_and_none_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    for name, code in (("fifo", errno.EINVAL), ("link", errno.ELOOP), (".", errno.EINVAL), ("none", errno.ENOENT)):
        with pytest.raises(OSError) as caught:
            open_regular(tmp_path / name)
        assert caught.value.errno == code


def test_a_file_that_grows_while_it_is_read_has_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"a" * 100)
    reads = iter([b"a" * 100, b""])

    def growing(descriptor: int, size: int) -> bytes:
        with path.open("ab") as stream:
            stream.write(b"more")
        return next(reads)

    monkeypatch.setattr(os, "read", growing)
    with pytest.raises(OSError, match="changed while it was read"):
        RealDisk().digest(path)


def test_a_file_system_without_modes_times_or_attributes_takes_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "copy"
    source.write_bytes(b"content")
    RealDisk().create(target)

    def refuse(*arguments: object, **names: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    for name in ("fchmod", "utime", "setxattr", "listxattr"):
        monkeypatch.setattr(os, name, refuse)
    digest = RealDisk().copy(source, target)
    assert target.read_bytes() == b"content"
    assert digest == RealDisk().digest(source)

    def fail(*arguments: object, **names: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fchmod", fail)
    with pytest.raises(OSError, match="Input/output error"):
        RealDisk().copy(source, target)


def test_a_folder_that_may_be_written_but_not_read_is_filed_to(world: World) -> None:
    for folder in (world.unsorted, world.library):
        folder.chmod(0o733)
    source = world.put("a.jpg", "a")
    with without_rights(world.base):
        RealDisk().sync_folder(world.library)
        RealDisk().rename(source, world.library / "a.jpg")
    assert world.files() == {"Library/a.jpg": "ca978112"}


def test_rights_are_those_of_the_user_at_work(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o555)
    with without_rights(folder):
        assert not RealDisk().writable(folder)
    folder.chmod(0o777)
    with without_rights(folder):
        assert RealDisk().writable(folder)


def test_a_lock_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(StateError, match="cannot be locked: No such file or directory"),
        FilingLock(tmp_path / "none" / "lock").held(),
    ):
        pass


def test_only_our_own_unfinished_copies_have_such_names() -> None:
    assert is_temporary(".curated-0123.part")
    for name in ("curated-0123.part", ".curated-0123", ".curated.toml", "a.part"):
        assert not is_temporary(name)


def test_recovery_leaves_a_disk_that_answers_nothing_for_later(world: World) -> None:
    source = world.put("a.jpg", "a")
    photo = world.photo(source)
    dead = FailingDisk(lambda step: (world.library / "a.jpg").exists(), errno.EIO, for_ever=True)
    with pytest.raises(FilingError):
        world.filer(dead).move(
            world.plan([source], [world.library / "a.jpg"]),
            purpose=Purpose.FILE,
            photo_id=photo.id,
            after={"status": "filed"},
            reason="",
        )
    assert len(recover(world.database, dead).stuck) == 1
    assert len(recover(world.database, RealDisk()).finished) == 1
    assert world.problems() == []
