"""What the camera noted, and what it noted wrongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from curated.pictures.exif import camera, orientation, taken_at
from tests.support.pictures import encoded, exif, read, scene, write

SCENE = scene(320, 200, seed=3)
# How a picture must be stored so that the orientation makes it upright again.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored(orientation: int) -> Image.Image:
    turn = STORED[orientation]
    return SCENE if turn is None else SCENE.transpose(turn)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", STORED)
def test_all_orientations_give_the_same_upright_pixels_and_hashes(form: str, turn: int, tmp_path: Path) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = read(write(tmp_path / "turned", encoded(stored(turn), form, exif=exif(turn), **options)))
    upright = read(write(tmp_path / "upright", encoded(SCENE, form, **options)))
    assert (decoded.picture.width, decoded.picture.height) == SCENE.size
    assert (decoded.rgb == upright.rgb).all()
    assert decoded.picture.phash == upright.picture.phash
    assert decoded.picture.phash_wide == upright.picture.phash_wide
    assert decoded.picture.pixel_hash == upright.picture.pixel_hash


@pytest.mark.parametrize("form", ["JPEG", "AVIF"])
@pytest.mark.parametrize("turn", STORED)
def test_all_orientations_of_a_lossy_picture_are_upright(form: str, turn: int, tmp_path: Path) -> None:
    decoded = read(write(tmp_path / "turned", encoded(stored(turn), form, quality=95, exif=exif(turn).tobytes())))
    assert (decoded.picture.width, decoded.picture.height) == SCENE.size
    assert np.abs(decoded.rgb.astype(int) - np.asarray(SCENE)).mean() < 5
    plain = read(write(tmp_path / "upright", encoded(SCENE, form, quality=95)))
    assert (int(decoded.picture.phash, 16) ^ int(plain.picture.phash, 16)).bit_count() <= 2


@pytest.mark.parametrize("value", [0, 9, 99, 65535])
def test_an_orientation_that_does_not_exist_is_upright(value: int, tmp_path: Path) -> None:
    decoded = read(write(tmp_path / "odd.jpg", encoded(SCENE, "JPEG", exif=exif(value).tobytes())))
    assert (decoded.picture.width, decoded.picture.height) == SCENE.size
    assert orientation(exif(value)) == 1


@pytest.mark.parametrize(
    ("noted", "read_as"),
    [
        ("2019:07:21 14:03:59", "2019-07-21 14:03:59"),
        ("2019:07:21 14:03:59.123", "2019-07-21 14:03:59"),
        ("2019:07:21 14:03:59+02:00", "2019-07-21 14:03:59"),
        ("2019-07-21 14:03:59", "2019-07-21 14:03:59"),
        ("2019-07-21T14:03:59Z", "2019-07-21 14:03:59"),
        ("2019/07/21 14:03:59", "2019-07-21 14:03:59"),
        ("2019:07:21 14:03", "2019-07-21 14:03:00"),
        ("1893:06:01 12:00:00", "1893-06-01 12:00:00"),
        ("1970:06:12 00:00:00", "1970-06-12 00:00:00"),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("1970:01:01 00:00:00", None),
        ("1904:01:01 00:00:00", None),
        ("1980:01:01 00:14:00", None),
        ("1066:10:14 09:00:00", None),
        ("9999:12:31 23:59:59", None),
        ("2019:13:45 99:99:99", None),
        ("2019:02:30 10:00:00", None),
        ("yesterday", None),
        ("", None),
        ("\0" * 20, None),
    ],
)
def test_a_date_is_read_in_every_form_and_nonsense_is_none(noted: str, read_as: str | None, tmp_path: Path) -> None:
    found = read(write(tmp_path / "d.jpg", encoded(SCENE, "JPEG", exif=exif(taken=noted).tobytes()))).picture.taken_at
    assert (str(found) if found else None) == read_as


def test_the_digitised_date_stands_in_and_the_date_of_the_file_never_does() -> None:
    tags = exif()
    tags[0x0132] = "2020:01:01 10:00:00"  # DateTime: when a program last wrote it
    assert taken_at(tags, {"date:create": "2020-01-01T10:00:00"}) is None
    tags.get_ifd(0x8769)[0x9004] = "2001:02:03 04:05:06"
    assert str(taken_at(tags, {})) == "2001-02-03 04:05:06"


@pytest.mark.parametrize("noted", ["2012-12-21 13:42:51", "Fri, 21 Dec 2012 13:42:51 GMT"])
def test_a_png_tells_its_creation_time(noted: str, tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Creation Time", noted)
    found = read(write(tmp_path / "a.png", encoded(SCENE, "PNG", pnginfo=text))).picture.taken_at
    assert str(found) == "2012-12-21 13:42:51"


def test_xmp_tells_the_date_where_exif_does_not(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta><rdf:Description photoshop:DateCreated="2011-10-09T08:07:06.55+02:00"/></x:xmpmeta>'
    found = read(write(tmp_path / "a.webp", encoded(SCENE, "WEBP", xmp=xmp))).picture.taken_at
    assert str(found) == "2011-10-09 08:07:06"


@pytest.mark.parametrize(
    ("make", "model", "said"),
    [
        ("Canon", "Canon EOS 80D", "Canon EOS 80D"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("OLYMPUS IMAGING CORP.", "E-M5", "OLYMPUS E-M5"),
        ("OLYMPUS OPTICAL CO.,LTD", "C2500L", "OLYMPUS C2500L"),
        ("Apple", "iPhone 14 Pro", "Apple iPhone 14 Pro"),
        ("samsung", "SM-G991B", "samsung SM-G991B"),
        ("EASTMAN KODAK COMPANY", "KODAK DX4330", "EASTMAN KODAK KODAK DX4330"),
        ("SONY   ", "DSC-RX100M2\0\0", "SONY DSC-RX100M2"),
        ("Leica", "", "Leica"),
        ("", "X100V", "X100V"),
        ("\0\0\0", "  ", None),
    ],
)
def test_a_camera_is_named_once(make: str, model: str, said: str | None) -> None:
    assert camera(exif(make=make, model=model)) == said


def test_broken_metadata_never_makes_a_picture_unreadable(tmp_path: Path) -> None:
    good = bytes(exif(6, taken="2020:01:01 10:00:00", make="Canon", model="x" * 40).tobytes())
    random = np.random.default_rng(11)
    for _ in range(150):
        broken = bytearray(good)
        for _ in range(random.integers(1, 8)):
            broken[random.integers(6, len(broken))] = random.integers(256)
        for form in ("JPEG", "PNG", "WEBP"):
            data = encoded(scene(16, 16), form, exif=bytes(broken[: random.integers(20, len(broken))]))
            assert read(write(tmp_path / "b", data)).rgb.shape == (16, 16, 3)
