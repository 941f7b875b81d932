"""Counting people: the rule, and the networks on photos whose count is known."""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from curated.domain import Box
from curated.models.lite.people import PeopleDetector, count_people
from curated.models.offline import import_ultralytics
from curated.pictures.decoded import RGB


def person(score: float, left: float = 0.1, right: float = 0.3) -> Box:
    return Box(left, 0.1, right, 0.9, score, "person")


def face(score: float, left: float = 0.1, top: float = 0.1, side: float = 0.2) -> Box:
    return Box(left, top, left + side, top + side, score, "face")


@pytest.mark.parametrize(
    ("boxes", "animal", "people"),
    [
        ((), 0.0, 0),
        ((person(0.7),), 0.0, 1),
        ((person(0.59), face(0.64)), 0.0, 0),
        ((person(0.7), face(0.9)), 0.0, 1),
        ((face(0.9, 0.1), face(0.8, 0.4), person(0.7)), 0.0, 2),
        ((person(0.7, 0.1, 0.3), person(0.9, 0.4, 0.6), face(0.9)), 0.0, 2),
        # an eye and a button within a face are no faces
        ((face(0.95, 0.1, 0.1, 0.6), face(0.8, 0.2, 0.2, 0.1)), 0.0, 1),
        # a child before its mother overlaps, but does not lie within her face
        ((face(0.95, 0.1, 0.1, 0.3), face(0.8, 0.35, 0.3, 0.2)), 0.0, 2),
        # a body box within another is the same body
        ((person(0.8, 0.1, 0.9), person(0.7, 0.2, 0.6)), 0.0, 1),
        # beside two who are sure, a third need not be quite as sure
        ((person(0.7, 0.1, 0.3), person(0.9, 0.4, 0.6), person(0.55, 0.7, 0.9)), 0.0, 3),
        ((person(0.7, 0.1, 0.3), person(0.55, 0.7, 0.9)), 0.0, 1),
        # a cat is taken for a body, a person beside it is seen more firmly or by the face
        ((person(0.7),), 0.9, 0),
        ((person(0.85),), 0.9, 1),
        ((person(0.7), face(0.8)), 0.9, 1),
    ],
)
def test_people_are_counted(boxes: tuple[Box, ...], animal: float, people: int) -> None:
    assert count_people(boxes, 0.6, 0.65, animal)[0] == people


def test_a_box_near_its_threshold_makes_the_count_doubtful() -> None:
    firm, doubtful = (count_people((person(score),), 0.6, 0.65)[1] for score in (0.98, 0.61))
    assert 0.5 <= doubtful < 0.6 < 0.9 < firm <= 1


def asset(name: str) -> RGB:
    spec = find_spec("ultralytics")
    assert spec
    assert spec.submodule_search_locations
    bgr = cv2.imread(str(Path(spec.submodule_search_locations[0]) / "assets" / name))
    return np.ascontiguousarray(bgr[:, :, ::-1])


@pytest.mark.models
def test_people_on_known_photos_are_found(weights: Path) -> None:
    detector = PeopleDetector(weights, threads=2)
    bus, zidane = detector.detect([asset("bus.jpg"), asset("zidane.jpg")])
    assert 3 <= count_people(bus, 0.6, 0.65)[0] <= 5
    assert count_people(zidane, 0.6, 0.65)[0] == 2
    assert all(0 <= side <= 1 for box in bus for side in (box.left, box.top, box.right, box.bottom))


@pytest.mark.models
def test_a_batch_finds_what_each_picture_alone_does(weights: Path) -> None:
    detector = PeopleDetector(weights, threads=2)
    photos = [asset("zidane.jpg"), np.zeros((1, 1, 3), np.uint8), asset("bus.jpg")[:333, :]]
    assert detector.detect(photos) == [detector.detect([photo])[0] for photo in photos]


@pytest.mark.models
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(96, 640), (640, 64), (352, 608)])
def test_the_converted_body_network_equals_torch(weights: Path, shape: tuple[int, int]) -> None:
    import torch

    import_ultralytics()
    from ultralytics import YOLO

    from curated.models.lite.people import body_weights_path, prepare_people
    from curated.models.lite.runtime import session

    pixels = np.random.default_rng(0).random((1, 3, *shape), dtype=np.float32)
    network = YOLO(str(body_weights_path())).model.float().eval()
    with torch.inference_mode():
        expected = network(torch.from_numpy(pixels))[0].numpy()
    (found,) = session(prepare_people(weights)[0], 2).run(["boxes"], {"pixels": pixels})
    assert found.shape == expected.shape
    np.testing.assert_allclose(found[:, 4:], expected[:, 4:], atol=1e-3)
    np.testing.assert_allclose(found[:, :4], expected[:, :4], atol=0.5)
