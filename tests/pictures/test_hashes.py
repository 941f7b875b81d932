"""The same pixels have one fingerprint, other pixels another, and likenesses are near."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curated.pictures import hashes
from curated.pictures.decoded import Decoded
from tests.support.pictures import encoded, exif, read, scene, write

SCENE = scene(640, 480, seed=7)


def of(tmp_path: Path, data: bytes) -> Decoded:
    return read(write(tmp_path / "picture", data))


def apart(one: Decoded, other: Decoded) -> int:
    return (int(one.picture.phash, 16) ^ int(other.picture.phash, 16)).bit_count()


def test_the_same_pixels_in_any_lossless_container_have_one_pixel_hash(tmp_path: Path) -> None:
    containers = (
        encoded(SCENE, "PNG"),
        encoded(SCENE, "PNG", compress_level=1, exif=exif(1, taken="2020:01:01 10:00:00")),
        encoded(SCENE, "TIFF"),
        encoded(SCENE, "TIFF", compression="tiff_lzw"),
        encoded(SCENE, "BMP"),
        encoded(SCENE, "WEBP", lossless=True),
        encoded(SCENE.convert("RGBA"), "PNG"),
    )
    assert len({of(tmp_path, data).picture.pixel_hash for data in containers}) == 1


def test_grey_and_sixteen_bit_pixels_have_one_pixel_hash_in_png_and_tiff(tmp_path: Path) -> None:
    grey = SCENE.convert("L")
    deep = np.asarray(grey).astype(np.uint16) * 200 + 3
    little, big = Image.fromarray(deep), encoded(Image.fromarray(deep), "PNG")
    swapped = tmp_path / "big-endian.tif"
    Image.frombytes("I;16B", grey.size, deep.astype(">u2").tobytes()).save(swapped)
    hashes_of_deep = {
        of(tmp_path, data).picture.pixel_hash for data in (encoded(little, "TIFF"), big, swapped.read_bytes())
    }
    assert len(hashes_of_deep) == 1
    assert len({of(tmp_path, encoded(grey, form)).picture.pixel_hash for form in ("PNG", "TIFF", "BMP")}) == 1
    assert of(tmp_path, encoded(grey, "PNG")).picture.pixel_hash not in hashes_of_deep


def test_one_other_pixel_or_size_is_another_pixel_hash(tmp_path: Path) -> None:
    touched = SCENE.copy()
    touched.putpixel((0, 0), (1, 2, 3))
    clear = SCENE.convert("RGBA")
    clear.putpixel((0, 0), (*SCENE.getpixel((0, 0)), 254))
    tall = Image.frombytes("RGB", (480, 640), SCENE.tobytes())
    found = {of(tmp_path, encoded(each, "PNG")).picture.pixel_hash for each in (SCENE, touched, clear, tall)}
    assert len(found) == 4


def test_jpegs_that_differ_in_metadata_alone_have_one_pixel_hash(tmp_path: Path) -> None:
    plain = encoded(SCENE, "JPEG", quality=88)
    notes = exif(1, taken="2020:01:01 10:00:00", make="Canon", model="Canon EOS 80D")
    variants = (
        plain,
        encoded(SCENE, "JPEG", quality=88, exif=notes.tobytes()),
        encoded(SCENE, "JPEG", quality=88, comment="a comment", dpi=(300, 300)),
        plain[:2] + b"\xff\xfe\0\x07hello" + plain[2:],
    )
    assert len({of(tmp_path, data).picture.pixel_hash for data in variants}) == 1
    others = (encoded(SCENE, "JPEG", quality=87), encoded(SCENE, "JPEG", quality=88, exif=exif(6).tobytes()))
    assert len({of(tmp_path, data).picture.pixel_hash for data in (plain, *others)}) == 3


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_a_moving_picture_is_not_its_first_frame_nor_another_that_begins_alike(form: str, tmp_path: Path) -> None:
    first, second, third = (scene(64, 48, seed).quantize(64).convert("RGB") for seed in (1, 2, 3))
    options = {"lossless": True} if form == "WEBP" else {}
    still = encoded(first, form, **options)
    moving = [encoded(first, form, save_all=True, append_images=[other], **options) for other in (second, third)]
    assert len({of(tmp_path, data).picture.pixel_hash for data in (still, *moving)}) == 3


def test_sixteen_bits_a_channel_are_not_the_same_as_their_eight_bit_copy(tmp_path: Path) -> None:
    import cv2

    deep = np.asarray(scene(40, 30)).astype(np.uint16) * 257 + 1
    cv2.imwrite(str(tmp_path / "deep.png"), deep[:, :, ::-1])
    one = read(tmp_path / "deep.png")
    other = of(tmp_path, encoded(Image.fromarray((deep >> 8).astype(np.uint8)), "PNG"))
    assert (one.rgb == other.rgb).all()
    assert one.picture.pixel_hash != other.picture.pixel_hash


@pytest.mark.parametrize("seed", range(6))
def test_reencodes_and_resizes_stay_within_four_bits(seed: int, tmp_path: Path) -> None:
    original = scene(1600, 1200, seed)
    known = of(tmp_path, encoded(original, "JPEG", quality=95))
    likenesses = [
        encoded(original, "JPEG", quality=40),
        encoded(original, "WEBP", quality=60),
        encoded(original, "PNG", compress_level=1),
        encoded(original, "AVIF", quality=50, speed=10),
        encoded(original.resize((800, 600), Image.Resampling.LANCZOS), "JPEG", quality=80),
        encoded(original.resize((320, 240), Image.Resampling.BILINEAR), "JPEG", quality=70),
        encoded(original.resize((2400, 1800), Image.Resampling.BICUBIC), "JPEG", quality=85),
    ]
    assert max(apart(known, of(tmp_path, data)) for data in likenesses) <= 4
    assert apart(known, of(tmp_path, encoded(scene(1600, 1200, seed + 100), "JPEG"))) > 12


def test_sharpness_tells_a_sharp_picture_from_its_blurred_copy_at_any_size() -> None:
    from PIL import ImageFilter

    sharp = Image.effect_noise((1200, 900), 60).convert("RGB").filter(ImageFilter.GaussianBlur(2))
    values = [hashes.sharpness(np.asarray(sharp.filter(ImageFilter.GaussianBlur(radius)))) for radius in (0, 3, 8)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 10 * values[2]
    assert hashes.sharpness(np.full((1, 1, 3), 7, np.uint8)) == 0
