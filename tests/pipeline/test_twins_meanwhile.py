"""Twins that were undone, moved or hidden by something else in between."""

from __future__ import annotations

import errno

import pytest

from curated.domain import Status
from curated.errors import PictureKillsWorker, PictureUnreadable
from curated.filing import UndoSelection, undo
from curated.pipeline import Blocked, Failed, Filed, Returned, ToJudge
from curated.review import Desk, Review
from tests.pipeline.conftest import Line
from tests.support.filing_disks import FailingDisk, Step, WrappedDisk
from tests.support.readings import reading

HASH, NEAR = "f0f0f0f0f0f0f0f0", "f0f0f0f0f0f0f0f3"


@pytest.mark.parametrize("look", [{}, {"phash": NEAR, "size": (400, 300)}], ids=["exact", "near"])
def test_a_keeper_that_was_undone_and_comes_again_is_no_duplicate_of_itself(line: Line, look: dict) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "a"), caption="lake", phash=HASH)
    second = line.file(line.world.put("IMG_2.jpg", "other bytes" if look else "a"), caption="lake", **look)
    assert second.twin_of == first.id
    undo(line.world.filer(), UndoSelection(photo_ids=(first.id,)))
    list(Review(line.config, line.world.filer()).retry([line.store.get(first.id)]))
    again = line.file(line.world.unsorted / "IMG_1.jpg", caption="lake", phash=HASH)
    assert (again.id, again.status, again.twin_of) == (first.id, Status.FILED, None)


def test_a_copy_of_a_keeper_that_was_taken_out_of_the_library_is_filed(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "a"), caption="lake")
    line.file(line.world.put("IMG_2.jpg", "a"), caption="lake")
    undo(line.world.filer(), UndoSelection(photo_ids=(first.id,)))
    third = line.file(line.world.put("IMG_3.jpg", "a"), caption="lake")
    assert third.status is Status.FILED


def test_a_twin_that_the_disk_will_not_show_counts_as_gone(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "a"), caption="lake", phash=HASH)

    def hidden(step: Step) -> bool:
        return step.name == "look" and step.paths[0] == first.path.parent / "Lake.jpg" and step.number == broken[0]

    for number in range(3):  # wherever it is looked at first
        broken = [number]
        line.disk = FailingDisk(hidden, errno.EIO, for_ever=True)
        outcome = line.send(line.world.put(f"IMG_{number + 2}.jpg", "a"), caption="lake", phash=HASH)
        assert isinstance(outcome, Filed)


def test_quarantined_content_waits_with_the_others_where_the_library_cannot_be_written(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "poison")
    _, place = line.stages()
    place(line.candidate(path), PictureKillsWorker(path, "the model process died"), quarantine=True)
    again = line.world.put("IMG_2.jpg", "poison")
    line.disk = FailingDisk(lambda step: step.name == "rename", errno.ENOSPC, for_ever=True)
    step = line.admit(again)
    assert not isinstance(step, Blocked | ToJudge), "only placing may block: the daemon keeps what is to be placed"
    assert isinstance(line.stages()[1](step.candidate, step.reading, step.twin), Blocked)


def test_a_lesser_twin_makes_way_with_all_its_companions(line: Line) -> None:
    put = line.world.put
    small = line.file(
        put("IMG_1.jpg", "small"), put("IMG_1.XMP", "one"), put("IMG_1.xmp", "two"),
        caption="lake", phash=HASH, size=(400, 300),
    )  # fmt: skip
    assert len({path.name for path in small.companions}) == 2
    outcome = line.send(put("IMG_2.jpg", "large"), caption="lake", phash=NEAR, size=(4000, 3000))
    assert isinstance(outcome, Filed)
    assert outcome.demoted is not None
    assert outcome.demoted.path.name == "Lake.jpg"
    assert sorted(path.read_text() for path in outcome.demoted.companions) == ["one", "two"]
    assert {path.parent for path in outcome.demoted.companions} == {line.world.library / "Duplicates"}


def test_names_as_long_as_a_file_system_takes_find_their_places(line: Line) -> None:
    long = "IMG_" + "é" * 123 + "1.jpg"
    assert len(long.encode()) == 255
    for folder in ("a", "b", "c"):
        path = line.world.put(f"{folder}/{long}", folder)
        assert isinstance(line.send(path, answer=PictureUnreadable(path, "broken")), Failed)
    stem = "IMG_" + "é" * 110
    for folder in ("d", "e"):
        outcome = line.send(
            line.world.put(f"{folder}/{stem}.jpg", folder), line.world.put(f"{folder}/{stem}.jpg.xmp", "x"),
            line.world.put(f"{folder}/{stem}.XMP", "y"), line.world.put(f"{folder}/{stem}.xmp", "z"),
            caption="word " * 80,
        )  # fmt: skip
        assert isinstance(outcome, Filed), outcome
        assert len(outcome.photo.companions) == 3


def test_a_file_that_became_a_folder_or_a_link_is_left_alone(line: Line) -> None:
    folder, link = line.world.put("IMG_1.jpg", "a"), line.world.put("IMG_2.jpg", "b")
    assets = [line.asset(folder), line.asset(link)]
    candidates = [line.candidate(folder), line.candidate(link)]
    for path in (folder, link):
        path.unlink()
    folder.mkdir()
    (folder / "inner.txt").write_text("mine")
    link.symlink_to("/etc/hostname")
    admit, place = line.stages()
    for asset, candidate in zip(assets, candidates, strict=True):
        assert isinstance(admit(asset), Returned)
        assert isinstance(place(candidate, reading(candidate.sha256)), Returned)
    assert (folder / "inner.txt").read_text() == "mine"
    assert link.is_symlink()
    assert list(line.store.photos()) == []


def test_what_a_person_says_of_a_picture_while_it_is_filed_again_stays(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "a"), caption="lake", phash=HASH)
    line.world.database.execute("UPDATE photo SET chosen = 1 WHERE id = ?", (first.id,))
    undo(line.world.filer(), UndoSelection(photo_ids=(first.id,)))
    list(Review(line.config, line.world.filer()).retry([line.store.get(first.id)]))
    twin = line.file(line.world.put("IMG_2.jpg", "other bytes"), caption="lake", phash=NEAR, size=(400, 300))
    desk = Desk(line.config, line.world.database)

    class DecidingDisk(WrappedDisk):
        """When its twin is looked at, somebody decides."""

        def before(self, step: Step) -> None:
            if step.name == "look" and step.paths[0] == twin.path and line.store.get(first.id).verdict is None:
                assert desk.decide([first.id], "keep").step
                assert desk.decide([first.id], "protect").step

    line.disk = DecidingDisk()
    line.send(line.world.unsorted / "IMG_1.jpg", caption="lake", phash=HASH)
    again = line.store.get(first.id)
    assert (again.verdict, again.protected, again.chosen) == ("keep", True, True)
