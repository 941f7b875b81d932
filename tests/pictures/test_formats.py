"""Every format that is promised is read, whatever the file is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curated.errors import PictureUnreadable
from curated.pictures.decode import decode
from tests.support.pictures import LIMITS, dng, encoded, exif, read, scene, write

SCENE = scene()
SIXTEEN_BITS = Image.fromarray(np.asarray(SCENE.convert("L")).astype(np.uint16) * 257)
SEE_THROUGH = SCENE.copy()
SEE_THROUGH.putalpha(Image.linear_gradient("L").resize(SCENE.size))
FRAMES = [scene(seed=seed) for seed in (1, 2, 3)]

LOSSLESS = {
    "png": (SCENE, "PNG", {}, "PNG", ".png"),
    "png in 16-bit grey": (SIXTEEN_BITS, "PNG", {}, "PNG", ".png"),
    "png with a palette": (SCENE.quantize(256), "PNG", {}, "PNG", ".png"),
    "png in grey": (SCENE.convert("L"), "PNG", {}, "PNG", ".png"),
    "png in black and white": (SCENE.convert("1"), "PNG", {}, "PNG", ".png"),
    "apng": (FRAMES[0], "PNG", {"save_all": True, "append_images": FRAMES[1:]}, "PNG", ".png"),
    "lossless webp": (SCENE, "WEBP", {"lossless": True}, "WEBP", ".webp"),
    "tiff": (SCENE, "TIFF", {}, "TIFF", ".tif"),
    "tiff with LZW": (SCENE, "TIFF", {"compression": "tiff_lzw"}, "TIFF", ".tif"),
    "tiff with deflate": (SCENE, "TIFF", {"compression": "tiff_adobe_deflate"}, "TIFF", ".tif"),
    "tiff in 16-bit grey": (SIXTEEN_BITS, "TIFF", {}, "TIFF", ".tif"),
    "tiff in floating point": (SCENE.convert("L").convert("F"), "TIFF", {}, "TIFF", ".tif"),
    "tiff with pages": (FRAMES[0], "TIFF", {"save_all": True, "append_images": FRAMES[1:]}, "TIFF", ".tif"),
    "big tiff": (SCENE, "TIFF", {"big_tiff": True}, "TIFF", ".tif"),
    "bmp": (SCENE, "BMP", {}, "BMP", ".bmp"),
    "gif": (SCENE.quantize(256), "GIF", {}, "GIF", ".gif"),
    "moving gif": (FRAMES[0], "GIF", {"save_all": True, "append_images": FRAMES[1:]}, "GIF", ".gif"),
}
LOSSY = {
    "jpeg": (SCENE, "JPEG", {"quality": 92}, "JPEG", ".jpg"),
    "progressive jpeg": (SCENE, "JPEG", {"progressive": True}, "JPEG", ".jpg"),
    "grey jpeg": (SCENE.convert("L"), "JPEG", {}, "JPEG", ".jpg"),
    "cmyk jpeg": (SCENE.convert("CMYK"), "JPEG", {}, "JPEG", ".jpg"),
    "cmyk tiff": (SCENE.convert("CMYK"), "TIFF", {}, "TIFF", ".tif"),
    "webp": (SCENE, "WEBP", {"quality": 90}, "WEBP", ".webp"),
    "moving webp": (FRAMES[0], "WEBP", {"save_all": True, "append_images": FRAMES[1:]}, "WEBP", ".webp"),
    "heic": (SCENE, "HEIF", {"quality": 90}, "HEIF", ".heic"),
    "avif": (SCENE, "AVIF", {"quality": 90}, "AVIF", ".avif"),
}
COLOURLESS = ("grey", "black and white", "floating")
# Floating-point pixels have no black and white of their own: they are stretched.
COARSE = {
    "tiff in floating point": 8,
    "png with a palette": 24,
    "gif": 24,
    "moving gif": 24,
    "png in black and white": 255,
}


@pytest.mark.parametrize("name", LOSSLESS | LOSSY)
def test_every_format_is_read_by_its_content_and_not_by_its_extension(name: str, tmp_path: Path) -> None:
    image, form, options, content, extension = (LOSSLESS | LOSSY)[name]
    decoded = read(write(tmp_path / "picture.wrong", encoded(image, form, **options)))
    picture = decoded.picture
    assert (picture.format, picture.extension) == (content, extension)
    assert (picture.width, picture.height) == (320, 240)
    assert decoded.rgb.shape == (240, 320, 3)
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.flags.c_contiguous
    assert decoded.original_scale == 1
    expected = np.asarray(SCENE.convert("L").convert("RGB") if any(word in name for word in COLOURLESS) else SCENE)
    apart = np.abs(decoded.rgb.astype(int) - expected).mean()
    allowed = COARSE.get(name, 1 if name in LOSSLESS else 6)
    assert apart <= allowed
    if name != "png in black and white":
        assert distance(picture.phash, read(write(tmp_path / "s.png", encoded(SCENE, "PNG"))).picture.phash) <= 4


def test_transparency_is_laid_on_white_and_measured(tmp_path: Path) -> None:
    for form, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        decoded = read(write(tmp_path / f"a.{form}", encoded(SEE_THROUGH, form, **options)))
        assert 0.9 < decoded.alpha_share <= 1
        # The gradient is clear above and opaque below.
        assert decoded.rgb[0].min() >= 254
        assert np.abs(decoded.rgb[-1].astype(int) - np.asarray(SCENE)[-1]).mean() < 3
    assert read(write(tmp_path / "opaque.png", encoded(SCENE, "PNG"))).alpha_share == 0


def test_a_palette_with_one_clear_colour_is_transparent(tmp_path: Path) -> None:
    image = SCENE.quantize(16)
    decoded = read(write(tmp_path / "p.gif", encoded(image, "GIF", transparency=image.getpixel((0, 0)))))
    assert 0 < decoded.alpha_share < 1
    assert tuple(decoded.rgb[0, 0]) == (255, 255, 255)


def test_twelve_bits_in_sixteen_are_not_shown_as_black(tmp_path: Path) -> None:
    dim = Image.fromarray(np.asarray(SCENE.convert("L")).astype(np.uint16) * 16)
    assert read(write(tmp_path / "dim.png", encoded(dim, "PNG"))).rgb.mean() > 60


def test_a_large_picture_is_worked_on_at_1280_pixels_and_keeps_its_size(tmp_path: Path) -> None:
    for image, form in ((scene(4000, 3000), "JPEG"), (scene(4032, 2268), "JPEG"), (scene(6000, 1500), "PNG")):
        decoded = read(write(tmp_path / f"large.{form}", encoded(image, form)))
        assert (decoded.picture.width, decoded.picture.height) == image.size
        assert max(decoded.rgb.shape) == 1280
        assert decoded.original_scale == pytest.approx(1280 / image.width)
        small = np.asarray(image.resize((decoded.rgb.shape[1], decoded.rgb.shape[0]), Image.Resampling.BOX))
        assert np.abs(decoded.rgb.astype(int) - small).mean() < 4


def test_a_huge_picture_read_in_bands_has_no_seams(tmp_path: Path) -> None:
    image = scene(6000, 4100)
    image.putalpha(255)
    image.putpixel((5, 5), (0, 0, 0, 0))
    decoded = read(write(tmp_path / "huge.png", encoded(image, "PNG", compress_level=1)))
    flat = np.asarray(scene(6000, 4100).resize((1280, 875), Image.Resampling.BOX)).astype(int)
    assert decoded.rgb.shape == flat.shape
    assert np.abs(decoded.rgb[4:] - flat[4:]).max() < 6
    assert decoded.alpha_share == pytest.approx(1 / (6000 * 4100))


def test_a_line_of_pixels_is_a_picture(tmp_path: Path) -> None:
    for size in ((1, 1), (1, 40_000), (40_000, 1)):
        decoded = read(write(tmp_path / "line.png", encoded(Image.new("RGB", size, (9, 99, 199)), "PNG")))
        assert min(decoded.rgb.shape[:2]) == 1
        assert (decoded.rgb == (9, 99, 199)).all()


@pytest.mark.parametrize("extension", [".dng", ".nef"])
def test_a_raw_file_is_read_through_its_preview_with_the_cameras_notes(extension: str, tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    for orientation, size in ((1, (64, 48)), (6, (48, 64))):
        path = write(tmp_path / f"raw{extension}", dng(encoded(SCENE, "JPEG", quality=92), orientation))
        decoded = read(path)
        picture = decoded.picture
        assert picture.extension == extension
        assert picture.format == extension[1:].upper()
        assert (picture.width, picture.height) == size
        assert str(picture.taken_at) == "2021-05-06 07:08:09"
        assert picture.camera == "Curated Testcam 1"
        turned = np.asarray(SCENE if orientation == 1 else SCENE.transpose(Image.Transpose.ROTATE_270)).astype(int)
        assert np.abs(decoded.rgb - turned).mean() < 4


def test_a_raw_file_and_its_preview_are_not_one_picture(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    preview = encoded(SCENE, "JPEG")
    raw, plain = read(write(tmp_path / "a.dng", dng(preview))), read(write(tmp_path / "a.jpg", preview))
    assert raw.picture.pixel_hash != plain.picture.pixel_hash
    assert distance(raw.picture.phash, plain.picture.phash) <= 4


def test_a_raw_file_without_a_preview_or_with_broken_data_says_so(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    whole = dng(encoded(SCENE, "JPEG"))
    for data in (whole[:40], whole[:200] + bytes(300), b"II*\0" + b"\x08\0\0\0" + bytes(200), b"\x80" + bytes(999)):
        with pytest.raises(PictureUnreadable, match="RAW") as caught:
            read(write(tmp_path / "broken.nef", data))
        assert "b'" not in caught.value.reason


def test_heic_that_lies_on_its_side_is_turned_once(tmp_path: Path) -> None:
    for orientation in range(1, 9):
        data = encoded(SCENE, "HEIF", quality=95, exif=exif(orientation, taken="2020:02:03 04:05:06").tobytes())
        decoded = read(write(tmp_path / "h.heic", data))
        turned = orientation >= 5
        assert (decoded.picture.width, decoded.picture.height) == ((240, 320) if turned else (320, 240))
        assert decoded.rgb.shape[:2] == ((320, 240) if turned else (240, 320))
        assert str(decoded.picture.taken_at) == "2020-02-03 04:05:06"


def test_the_limit_of_pixels_is_the_configurations(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", encoded(SCENE, "PNG"))
    import msgspec

    from curated.errors import PictureTooLarge

    with pytest.raises(PictureTooLarge, match="320 × 240"):
        decode(path, "0" * 64, None, msgspec.structs.replace(LIMITS, pixel_limit=320 * 240 - 1))
    assert decode(path, "0" * 64, None, msgspec.structs.replace(LIMITS, pixel_limit=320 * 240)).picture.width == 320


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_without_rawpy_a_raw_file_says_what_to_install(tmp_path: Path) -> None:
    import subprocess
    import sys

    path = write(tmp_path / "a.nef", dng(encoded(SCENE, "JPEG")))
    # In a process of its own, where the extra is not installed.
    program = (
        "import sys; sys.modules['rawpy'] = None\n"
        "from pathlib import Path\n"
        "from curated.errors import PictureUnreadable\n"
        "from tests.support.pictures import read\n"
        "try: read(Path(sys.argv[1]))\n"
        "except PictureUnreadable as error: print(error.reason)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert ended.stdout.strip() == "reading RAW needs the extra: pip install 'curated[raw]'"
