from __future__ import annotations

import errno
from pathlib import Path

import pytest

from curated.domain import Status
from curated.errors import PictureChanged, PictureKillsWorker, PictureTruncated, PictureUnreadable
from curated.filing import UndoSelection, undo
from curated.pipeline import Blocked, Failed, Filed, Retrying, Returned
from tests.pipeline.conftest import Line
from tests.support.filing_disks import FailingDisk
from tests.support.readings import reading

HASH = "f0f0f0f0a5a5a5a5"
NEAR = "f0f0f0f0a5a5a5a6"  # two bits further
OTHER = "0123456789abcdef"


def names(line: Line) -> list[str]:
    return sorted(line.world.files())


def test_a_photo_is_filed_under_its_caption(line: Line) -> None:
    photo = line.file(line.world.put("IMG_1.jpg", "a"), caption="a photo of a cat on a mat")
    assert names(line) == ["Library/Photos/Cat on a mat.jpg"]
    assert (photo.status, photo.category, photo.name) == (Status.FILED, "Photos", "Cat on a mat")
    assert photo.original_path == line.world.unsorted / "IMG_1.jpg"
    assert "photo 0.95" in photo.reason
    assert line.store.embedding(photo.id) == ("scripted-1", b"\0\0" * 8)
    assert line.world.problems() == []


def test_companions_move_along_under_the_same_name(line: Line) -> None:
    paths = [line.world.put(name, name) for name in ("IMG_1.HEIC", "IMG_1.MOV", "IMG_1.HEIC.xmp")]
    photo = line.file(*paths, caption="lake", extension=".heic", picture_format="HEIF")
    assert names(line) == ["Library/Photos/Lake.heic", "Library/Photos/Lake.heic.xmp", "Library/Photos/Lake.mov"]
    assert len(photo.companions) == 2
    assert line.world.problems() == []


def test_the_same_caption_twice_overwrites_nothing(line: Line) -> None:
    for number in range(3):
        line.file(line.world.put(f"IMG_{number}.jpg", f"{number}"), caption="lake")
    assert names(line) == ["Library/Photos/Lake 2.jpg", "Library/Photos/Lake 3.jpg", "Library/Photos/Lake.jpg"]


def test_the_same_bytes_again_are_a_duplicate_and_are_never_judged(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "same"), caption="lake", people=2)
    outcome = line.send(line.world.put("IMG_2.jpg", "same"), answer=PictureUnreadable(Path("x"), "was judged"))
    assert isinstance(outcome, Filed)
    second = outcome.photo
    assert names(line) == ["Library/Duplicates/Lake.jpg", "Library/People/Pair/Lake.jpg"]
    assert (second.status, second.twin_of, second.twin_kind) == (Status.DUPLICATE, first.id, "exact")
    assert second.caption == "lake", "its findings are its twin's"
    assert f"#{first.id} stays" in second.reason


def test_the_better_of_two_near_duplicates_stays_in_the_library(line: Line) -> None:
    small = line.file(line.world.put("IMG_1.jpg", "small"), caption="lake", phash=HASH, size=(400, 300))
    outcome = line.send(line.world.put("IMG_2.jpg", "large"), caption="lake", phash=NEAR, size=(4000, 3000))
    assert isinstance(outcome, Filed)
    assert outcome.demoted is not None
    assert outcome.demoted.id == small.id
    assert (outcome.demoted.status, outcome.demoted.twin_of) == (Status.DUPLICATE, outcome.photo.id)
    assert outcome.photo.status is Status.FILED
    assert "4000×3000 against 400×300" in outcome.demoted.reason
    assert names(line) == ["Library/Duplicates/Lake.jpg", "Library/Photos/Lake.jpg"], "it takes over the name, too"
    assert line.world.problems() == []


def test_a_better_twin_that_cannot_be_filed_leaves_the_other_in_the_library(line: Line) -> None:
    small = line.file(line.world.put("IMG_1.jpg", "small"), caption="lake", phash=HASH, size=(400, 300))
    line.disk = FailingDisk(lambda step: step.name == "rename" and step.paths[0].name == "IMG_2.jpg", errno.ENOSPC)
    outcome = line.send(line.world.put("IMG_2.jpg", "large"), caption="lake", phash=NEAR, size=(4000, 3000))
    assert isinstance(outcome, Blocked)
    assert names(line) == ["Library/Photos/Lake.jpg", "Unsorted/IMG_2.jpg"]
    assert (line.store.get(small.id).status, line.store.get(small.id).twin_of) == (Status.FILED, None)
    assert line.world.problems() == []


def test_a_lesser_twin_that_cannot_be_put_aside_stays_and_the_better_says_so(line: Line) -> None:
    small = line.file(line.world.put("IMG_1.jpg", "small"), caption="lake", phash=HASH, size=(400, 300))
    small.path.write_text("edited by its owner")
    large = line.file(line.world.put("IMG_2.jpg", "large"), caption="lake", phash=NEAR, size=(4000, 3000))
    assert names(line) == ["Library/Photos/Lake 2.jpg", "Library/Photos/Lake.jpg"]
    assert f"better than #{small.id}, which could not be put aside" in large.reason


def test_the_lesser_of_two_near_duplicates_goes_to_duplicates(line: Line) -> None:
    large = line.file(line.world.put("IMG_2.jpg", "large"), caption="lake", phash=HASH, size=(4000, 3000))
    small = line.file(line.world.put("IMG_1.jpg", "small"), caption="sea", phash=NEAR, size=(400, 300))
    assert (small.status, small.twin_of, small.twin_kind, small.twin_distance) == (
        Status.DUPLICATE, large.id, "near", 2,
    )  # fmt: skip
    assert small.path == line.world.library / "Duplicates" / "Lake.jpg"


def test_a_picture_that_a_person_kept_never_makes_way(line: Line) -> None:
    small = line.file(line.world.put("IMG_1.jpg", "small"), phash=HASH, size=(400, 300))
    line.store.set_verdict(small.id, "keep", line.now)
    large = line.file(line.world.put("IMG_2.jpg", "large"), phash=NEAR, size=(4000, 3000))
    assert line.store.get(small.id).status is Status.FILED
    assert large.status is Status.DUPLICATE


def test_one_template_with_two_texts_is_no_duplicate(line: Line) -> None:
    for number, text in enumerate(("when the cake is ready and warm", "nobody reads the licence terms")):
        line.file(line.world.put(f"IMG_{number}.jpg", text), kind="meme", text=text, phash=HASH)
    assert {photo.status for photo in line.store.photos()} == {Status.FILED}


def test_a_likeness_that_is_not_sure_is_said_and_both_are_filed(line: Line) -> None:
    line.file(line.world.put("IMG_1.jpg", "a"), phash="f0f0f0f0a5a5a5a5")
    second = line.file(line.world.put("IMG_2.jpg", "b"), phash="f0f0f0f0a5a5a55a")
    assert second.status is Status.FILED
    assert "perhaps like #1" in second.reason


def test_the_duplicate_of_a_trashed_picture_is_told_so(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "same"), caption="lake")
    line.store.set_status(first.id, Status.TRASHED, "marked trash")
    second = line.file(line.world.put("IMG_2.jpg", "same"))
    assert second.status is Status.DUPLICATE
    assert f"#{first.id} is in the trash" in second.reason


def test_a_twin_that_is_gone_from_disk_counts_no_more(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "same"), caption="lake", phash=HASH)
    first.path.unlink()
    second = line.file(line.world.put("IMG_2.jpg", "same"), caption="lake", phash=HASH)
    assert second.status is Status.FILED


def test_an_unsure_kind_goes_to_review(line: Line) -> None:
    scores = {"photo": 0.4, "illustration": 0.35, "screenshot": 0.1, "document": 0.1, "meme": 0.05}
    photo = line.file(line.world.put("IMG_1.jpg", "a"), scores=scores)
    assert (photo.status, photo.category) == (Status.REVIEW, "Review")
    assert photo.path.parent == line.world.library / "Review"


def test_what_cannot_be_read_goes_to_failed_with_its_name_and_the_reason(line: Line) -> None:
    path = line.world.put("deep/IMG_1.jpg", "broken")
    outcome = line.send(path, answer=PictureUnreadable(path, "the JPEG data are damaged"))
    assert isinstance(outcome, Failed)
    assert names(line) == ["Library/Failed/IMG_1.jpg"]
    assert (outcome.photo.status, outcome.photo.reason) == (Status.FAILED, "the JPEG data are damaged")
    assert outcome.photo.original_path == path


def test_what_may_pass_is_tried_again_with_growing_waits_and_then_fails(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "half")
    waits = []
    for _ in range(3):
        outcome = line.send(path, answer=PictureTruncated(path, "the data end early"))
        assert isinstance(outcome, Retrying)
        assert isinstance(line.send(path), Retrying), "not before its time"
        waits.append((outcome.next_at - line.now).total_seconds())
        line.wait(waits[-1])
    assert waits == [30, 120, 480]
    assert isinstance(line.send(path, answer=PictureTruncated(path, "the data end early")), Failed)
    assert line.store.attempts() == []


def test_a_file_that_grew_between_tries_starts_anew(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "half")
    assert isinstance(line.send(path, answer=PictureTruncated(path, "the data end early")), Retrying)
    path.write_text("half and the other half")
    assert isinstance(line.send(path, caption="lake"), Filed)
    assert line.store.attempts() == []


def test_once_tries_a_second_time_and_waits_for_nothing(line: Line) -> None:
    line.once = True
    path = line.world.put("IMG_1.jpg", "half")
    first = line.send(path, answer=PictureTruncated(path, "the data end early"))
    assert isinstance(first, Retrying)
    assert first.next_at == line.now
    assert isinstance(line.send(path, answer=PictureTruncated(path, "the data end early")), Failed)


def test_what_killed_the_worker_is_quarantined_by_content(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "poison")
    _, place = line.stages()
    outcome = place(line.candidate(path), PictureKillsWorker(path, "the model process died"), quarantine=True)
    assert isinstance(outcome, Failed)
    again = line.send(line.world.put("IMG_2.jpg", "poison"), caption="never judged")
    assert isinstance(again, Failed)
    assert again.photo.reason == "the model process died"


def test_a_file_that_changed_goes_back_to_the_beginning(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "a")
    assert isinstance(line.send(path, answer=PictureChanged(path, "it was removed")), Returned)
    candidate = line.candidate(path)
    path.write_text("other content")
    assert isinstance(line.stages()[1](candidate, reading(candidate.sha256)), Returned)
    assert names(line) == ["Unsorted/IMG_1.jpg"]
    assert list(line.store.photos()) == []
    assert line.store.forget_arriving() == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_a_library_that_cannot_be_written_blocks_and_loses_nothing(line: Line, code: int) -> None:
    path = line.world.put("IMG_1.jpg", "a")
    line.disk = FailingDisk(lambda step: step.name == "make_folder", code)
    outcome = line.send(path, caption="lake")
    assert isinstance(outcome, Blocked)
    assert outcome.folder == line.world.library / "Photos"
    assert names(line) == ["Unsorted/IMG_1.jpg"]
    assert list(line.store.photos()) == []
    line.disk = line.world.filer().disk
    assert isinstance(line.send(path, caption="lake"), Filed)


def test_what_was_taken_back_and_filed_again_keeps_its_row_and_its_first_name(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "a"), caption="lake")
    line.store.set_verdict(first.id, "keep", line.now)
    undo(line.world.filer(), UndoSelection(photo_ids=(first.id,)))
    line.store.set_status(first.id, Status.ARRIVING, "")
    second = line.file(line.world.unsorted / "IMG_1.jpg", caption="sea")
    assert (second.id, second.verdict, second.name) == (first.id, "keep", "Sea")


def test_bytes_that_are_not_utf8_survive_in_the_name(line: Line) -> None:
    path = line.world.unsorted / "caf\udce9 1.jpg"
    path.write_bytes(b"a")
    photo = line.file(path)
    assert photo.original_path == path
    assert photo.path.exists()
    photo.path.name.encode()  # what we name is UTF-8


def test_a_picture_filed_again_when_the_power_went_keeps_its_verdict_and_first_name(line: Line) -> None:
    first = line.file(line.world.put("IMG_1.jpg", "a"), caption="lake")
    line.store.set_verdict(first.id, "keep", line.now)
    undo(line.world.filer(), UndoSelection(photo_ids=(first.id,)))
    line.store.set_status(first.id, Status.ARRIVING, "")  # as far as it had come
    assert line.store.forget_arriving() == 0
    again = line.file(line.world.unsorted / "IMG_1.jpg", caption="sea")
    assert (again.id, again.verdict, again.name) == (first.id, "keep", "Sea")
