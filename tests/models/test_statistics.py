"""Cheap statistics hold on any picture at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curated.domain import Box
from curated.models.lite.evidence import native_crops
from curated.models.lite.statistics import NAMES, picture_statistics
from curated.pictures.decoded import Decoded
from tests.support.pictures import encoded, read, scene, write

ODD = {
    "one pixel": Image.new("RGB", (1, 1), "red"),
    "a thread": Image.new("RGB", (1, 5000), "white"),
    "a line": Image.new("RGB", (5000, 1), "black"),
    "grey": scene().convert("L"),
    "transparent": Image.new("RGBA", (300, 200), (0, 0, 0, 0)),
    "black": Image.new("RGB", (640, 480)),
    "white": Image.new("RGB", (2000, 3000), "white"),
    "noise": Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)),
    "seven pixels": scene(7, 7),
}


def decoded(image: Image.Image, folder: Path) -> Decoded:
    return read(write(folder / "odd.png", encoded(image, "PNG")))


@pytest.mark.parametrize("name", ODD)
def test_statistics_of_odd_pictures_are_finite(name: str, tmp_path: Path) -> None:
    boxes = (Box(0, 0, 1, 1, 0.9, "person"), Box(0.2, 0.2, 0.2, 0.2, 0.7, "face"))
    values = picture_statistics(decoded(ODD[name], tmp_path), boxes)
    assert values.shape == (len(NAMES),)
    assert np.isfinite(values).all()
    assert np.abs(values).max() < 20


@pytest.mark.parametrize("name", ODD)
def test_crops_of_odd_pictures_are_never_empty(name: str, tmp_path: Path) -> None:
    rgb = decoded(ODD[name], tmp_path).rgb
    for crop in native_crops(rgb):
        assert crop.shape == (min(224, rgb.shape[0]), min(224, rgb.shape[1]), 3)


def test_the_crop_is_where_the_detail_is() -> None:
    rgb = np.full((900, 1200, 3), 200, np.uint8)
    rgb[600:800, 900:1100] = np.random.default_rng(1).integers(0, 256, (200, 200, 3))
    middle, busiest = native_crops(rgb)
    assert middle.std() == 0
    assert busiest.std() > 20


def test_what_the_file_says_is_among_the_statistics(tmp_path: Path) -> None:
    plain = decoded(scene(), tmp_path)
    taken = replace(plain, picture=replace(plain.picture, camera="Leica M3"))
    names = [
        name
        for name, a, b in zip(NAMES, picture_statistics(plain, ()), picture_statistics(taken, ()), strict=True)
        if a != b
    ]
    assert names == ["camera"]
