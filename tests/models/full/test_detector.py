"""People are found as ultralytics finds them, in any batch, and a checkpoint's file runs no code."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from curated.domain import Box
from curated.errors import EXIT_CONFIG, ConfigError
from curated.models.full.detector import FLOOR, YoloDetector, frame, open_detector
from tests.support.checkpoints import tiny_yolo
from tests.support.varied import varied

IOU = 0.6


@pytest.fixture(scope="module")
def detector(yolo_file: Path) -> YoloDetector:
    return open_detector(yolo_file, "cpu", IOU)


def corners(boxes: Sequence[Box]) -> np.ndarray:
    return np.array([(box.left, box.top, box.right, box.bottom) for box in boxes]).reshape(-1, 4)


def overlaps(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Each box of ours with its best match."""
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (ours, theirs)]
    share = shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)
    # A box that lies on the picture's edge has no area to share.
    same = np.abs(ours[:, None] - theirs[None]).max(axis=2) < 1e-4
    return np.where(same, 1.0, share).max(axis=1)


def test_boxes_are_those_of_ultralytics(detector: YoloDetector, yolo_file: Path) -> None:
    from ultralytics import YOLO

    images = varied()
    reference = YOLO(yolo_file)
    same, found = 0, 0
    for image, ours in zip(images, detector.detect(images), strict=True):
        # Of all classes at once our people would compete with bicycles for the 300 places.
        answer = reference.predict(image[:, :, ::-1], conf=FLOOR, iou=IOU, classes=[0], verbose=False)[0].boxes
        height, width = image.shape[:2]
        theirs = answer.xyxy.numpy() / (width, height, width, height)
        if len(ours) != len(theirs):
            continue
        same += 1
        found += len(ours)
        if ours:
            assert overlaps(corners(ours), theirs).min() >= 0.95
            assert [box.score for box in ours] == pytest.approx(sorted(answer.conf.tolist(), reverse=True), abs=1e-3)
    assert same >= 0.98 * len(images)
    assert found > 2 * len(images)  # else equality would say nothing


def test_a_checkpoint_for_masks_finds_people_too(tmp_path: Path) -> None:
    from ultralytics import YOLO

    path = tiny_yolo(tmp_path / "masks.pt", masks=True)
    reference, images = YOLO(path), varied()[::8]
    for image, ours in zip(images, open_detector(path, "cpu", IOU).detect(images), strict=True):
        answer = reference.predict(image[:, :, ::-1], conf=FLOOR, iou=IOU, classes=[0], verbose=False)[0].boxes
        # Where hundreds overlap, the last digit decides about one or two of them.
        assert abs(len(ours) - len(answer)) <= 0.02 * len(answer)


def test_a_batch_of_one_is_a_batch_of_thirty_two(detector: YoloDetector) -> None:
    images = varied()[:32]
    together = detector.detect(images)
    for image, boxes in zip(images, together, strict=True):
        (alone,) = detector.detect([image])
        assert len(alone) == len(boxes)
        if boxes:
            assert overlaps(corners(alone), corners(boxes)).min() >= 0.99


def test_boxes_are_fractions_of_the_picture_best_first(detector: YoloDetector) -> None:
    boxes = [box for found in detector.detect(varied()) for box in found]
    assert all(0 <= box.left <= box.right <= 1 and 0 <= box.top <= box.bottom <= 1 for box in boxes)
    assert {box.label for box in boxes} == {"person"}
    for found in detector.detect(varied()[:5]):
        scores = [box.score for box in found]
        assert scores == sorted(scores, reverse=True)
        assert min(scores, default=1) >= FLOOR


def test_no_pictures_no_boxes(detector: YoloDetector) -> None:
    assert detector.detect([]) == []


@pytest.mark.parametrize(("height", "width"), [(1, 1280), (1280, 1), (640, 640), (480, 640), (961, 1280), (7, 5)])
def test_the_frame_is_that_of_ultralytics(height: int, width: int) -> None:
    from ultralytics.data.augment import LetterBox

    theirs = LetterBox((640, 640), auto=True, stride=32)(image=np.zeros((height, width, 3), np.uint8))
    inner = np.argwhere(theirs[:, :, 0] == 0)
    ours = frame(height, width, 640, 32)
    assert ours.outer == theirs.shape[:2]
    assert (ours.top, ours.left) == tuple(inner.min(axis=0))
    assert ours.inner == tuple(inner.max(axis=0) - inner.min(axis=0) + 1)


def test_the_id_tells_one_checkpoint_from_another(detector: YoloDetector, tmp_path: Path) -> None:
    other = open_detector(tiny_yolo(tmp_path / "tiny.pt", seed=1), "cpu", IOU)
    assert detector.model_id.startswith("tiny-")
    assert other.model_id.startswith("tiny-")
    assert other.model_id != detector.model_id


def test_the_person_is_found_by_name_not_by_number(tmp_path: Path) -> None:
    first = open_detector(tiny_yolo(tmp_path / "a.pt", names=("Person", "cat")), "cpu", IOU)
    last = open_detector(tiny_yolo(tmp_path / "b.pt", names=("cat", "Person")), "cpu", IOU)
    assert first.detect(varied()[:3]) != last.detect(varied()[:3])


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        open_detector(path, "cpu", IOU)
    line = str(caught.value)
    assert caught.value.exit_code == EXIT_CONFIG
    assert line.startswith(f"models.full.detector: {path} ")
    assert "\n" not in line
    return line


def test_a_checkpoint_without_people_is_refused(tmp_path: Path) -> None:
    assert 'has no class named "person" (it knows cat, dog)' in refused(tiny_yolo(tmp_path / "x.pt", ("cat", "dog")))


def test_a_damaged_or_foreign_file_is_refused(yolo_file: Path, tmp_path: Path) -> None:
    import torch

    whole = yolo_file.read_bytes()
    for name, data, says in (
        ("cut.pt", whole[: len(whole) // 2], "ends too early"),
        ("empty.pt", b"", "is empty"),
        ("text.pt", b"not a checkpoint", "is no PyTorch checkpoint"),
        ("patched.pt", whole.replace(b"data.pkl", b"data.pkx"), "is no ultralytics checkpoint that can be read"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert f"{path} {says}; fetch it again with `curated models pull`" in refused(path)
    other = tmp_path / "o'ther yolov5n.pt"
    torch.save({"weights": torch.zeros(3)}, other)
    assert "is no ultralytics checkpoint" in refused(other)


def test_a_checkpoint_for_another_task_is_refused(tmp_path: Path) -> None:
    from ultralytics import YOLO

    path = tmp_path / "classify.pt"
    YOLO("yolov8n-cls.yaml", task="classify", verbose=False).save(path)
    assert "another task (classify)" in refused(path)


class Payload:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_file_that_carries_code_is_refused_and_nothing_runs(yolo_file: Path, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(yolo_file) as good, zipfile.ZipFile(path, "w") as evil:
        for entry in good.infolist():
            data = good.read(entry)
            evil.writestr(entry, pickle.dumps({"model": Payload(trace)}) if entry.filename.endswith(".pkl") else data)
    assert "holds more than the weights" in refused(path)
    assert not trace.exists()


def test_odd_names_of_files_are_no_trouble(yolo_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "it's yolov5n.pt"
    path.write_bytes(yolo_file.read_bytes())
    assert open_detector(path, "cpu", IOU).model_id.startswith("it's yolov5n-")
