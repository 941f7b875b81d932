from __future__ import annotations

import os

from curated.domain import Status
from curated.filing import UndoSelection, undo
from curated.pipeline import LeftAlone, Retrying, Returned, ToJudge, ToPlace
from tests.pipeline.conftest import Line
from tests.support.filing_world import sha256


def test_a_new_file_is_hashed_and_goes_to_the_models(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "a")
    sidecar = line.world.put("IMG_1.jpg.xmp", "b")
    step = line.admit(path, sidecar)
    assert isinstance(step, ToJudge)
    assert (step.candidate.sha256, step.candidate.companions) == (sha256(path), (sha256(sidecar),))


def test_a_file_that_changed_since_it_settled_is_a_new_arrival(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "a")
    asset = line.asset(path)
    path.write_text("longer than before")
    assert isinstance(line.stages()[0](asset), Returned)
    path.unlink()
    assert isinstance(line.stages()[0](asset), Returned)


def test_what_undo_took_back_is_left_alone_until_it_changes(line: Line) -> None:
    line.file(line.world.put("IMG_1.jpg", "a"), caption="lake")
    undo(line.world.filer(), UndoSelection(last=1))
    path = line.world.unsorted / "IMG_1.jpg"
    assert isinstance(line.admit(path), LeftAlone)
    path.write_text("edited since")
    assert isinstance(line.admit(path), ToJudge)


def test_known_content_takes_over_the_findings_of_its_twin(line: Line) -> None:
    photo = line.file(line.world.put("IMG_1.jpg", "same"), caption="lake", people=2)
    step = line.admit(line.world.put("IMG_2.jpg", "same"))
    assert isinstance(step, ToPlace)
    assert step.twin.id == photo.id
    assert (step.reading.findings.caption, step.reading.findings.people) == ("lake", 2)


def test_known_content_whose_file_is_gone_is_judged_anew(line: Line) -> None:
    photo = line.file(line.world.put("IMG_1.jpg", "same"))
    photo.path.unlink()
    assert isinstance(line.admit(line.world.put("IMG_2.jpg", "same")), ToJudge)


def test_failed_content_is_tried_again_when_it_comes_again(line: Line) -> None:
    photo = line.file(line.world.put("IMG_1.jpg", "same"))
    line.store.set_status(photo.id, Status.FAILED, "broken")
    assert isinstance(line.admit(line.world.put("IMG_2.jpg", "same")), ToJudge)


def test_a_file_that_cannot_be_read_waits_with_its_reason(line: Line) -> None:
    path = line.world.put("IMG_1.jpg", "a")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything
        path.chmod(0o644)
        from tests.support.filing_disks import FailingDisk

        line.disk = FailingDisk(lambda step: step.name == "digest", 13)
    step = line.admit(path)
    assert isinstance(step, Retrying)
    assert "IMG_1.jpg cannot be read" in step.reason
    assert path.exists()
