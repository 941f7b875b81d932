"""Laying pictures over each other: what was done to a copy is seen through, other pictures and other pages are not."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from curated.domain import GREY_SIDE
from curated.duplicates.leaning import leaning
from curated.duplicates.likeness import (
    CODE_BITS,
    TURNS,
    Look,
    code_of,
    look,
    mirrorless,
    mirrorless_hashes,
    overlay,
    pack,
    turned,
    turned_hashes,
)
from curated.pictures import hashes
from tests.support.pictures import scene

WORDS = "boat lake hill cloud letter window garden river stone table chair bridge tower market summer winter".split()


def detailed(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """A scene with shapes in it, of every size and nowhere symmetrical."""
    image = scene(width, height, seed)
    chance, draw = random.Random(seed), ImageDraw.Draw(image)
    for _ in range(40):
        x, y, size = chance.randrange(width), chance.randrange(height), chance.randrange(10, 120)
        colour = tuple(chance.randrange(256) for _ in range(3))
        shape = chance.choice((draw.ellipse, draw.rectangle))
        shape((x, y, x + size, y + size * chance.choice((0.5, 1, 1.5))), fill=colour)
    return image


def page(seed: int) -> Image.Image:
    """A form filled in: heading, lines and labels are the same on each."""
    chance = random.Random(seed)
    image = Image.new("RGB", (600, 840), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    draw.text((60, 40), "Application", font=ImageFont.load_default(28), fill="black")
    for line in range(20):
        y = 110 + line * 34
        draw.text((60, y), f"Field {line}", font=font, fill="black")
        draw.line((180, y + 20, 540, y + 20), fill="grey")
        draw.text((190, y), " ".join(chance.sample(WORDS, 3)), font=font, fill="black")
    return image


def looked_at(image: Image.Image) -> Look:
    rgb = np.asarray(image.convert("RGB"))
    found = look(pack(hashes.grey_copy(rgb)), image.width, image.height)
    assert found is not None
    return found


def written_over(image: Image.Image) -> Image.Image:
    copy = image.copy()
    ImageDraw.Draw(copy).text((30, 400), "A DAY AT THE LAKE", "white", ImageFont.load_default(48))
    return copy


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda image: image.resize((200, 150)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "grey": lambda image: image.convert("L"),
    "cropped by a tenth": lambda image: image.crop((20, 10, 600, 445)),
    "cropped by a fifth": lambda image: image.crop((100, 90, 620, 470)),
    "with a border": lambda image: ImageOps.expand(image, 24, "white"),
    "with bars": lambda image: ImageOps.expand(image, (0, 60), "black"),
    "with a text": written_over,
}


@pytest.mark.parametrize("how", EDITS)
@pytest.mark.parametrize("seed", range(4))
def test_an_edited_copy_agrees_with_its_original(how: str, seed: int) -> None:
    image = detailed(seed)
    found = overlay(looked_at(EDITS[how](image)), looked_at(image))
    assert found.agreement >= 0.7, found
    assert found.turn == 0


def test_what_was_cropped_or_framed_is_said_in_words() -> None:
    image = detailed(1)
    cropped = overlay(looked_at(EDITS["cropped by a fifth"](image)), looked_at(image))
    assert cropped.words == "a part of it"
    assert cropped.part == pytest.approx(0.81 * 0.79, abs=0.06)
    framed = overlay(looked_at(EDITS["with bars"](image)), looked_at(image))
    assert framed.words == "it shows more"


@pytest.mark.parametrize("degrees", [-5, -2, 1.5, 3, 5])
@pytest.mark.parametrize("shape", [(640, 480), (480, 640), (640, 300)])
def test_what_was_turned_by_a_few_degrees_lies_on_its_original(shape: tuple[int, int], degrees: float) -> None:
    image = detailed(2, *shape)
    found = leaning(looked_at(image.rotate(degrees, Image.Resampling.BICUBIC)), looked_at(image))
    assert found is not None
    assert found.agreement >= 0.8
    assert "turned a little" in found.words
    assert abs(found.lean + degrees) <= 1 or abs(found.lean - degrees) <= 1


def test_other_scenes_do_not_agree_at_any_angle() -> None:
    looks = [looked_at(detailed(seed)) for seed in range(30)]
    pairs = [leaning(one, two) for at, one in enumerate(looks) for two in looks[:at]]
    assert max((found.agreement for found in pairs if found is not None), default=0) < 0.6


def test_other_scenes_do_not_agree() -> None:
    looks = [looked_at(detailed(seed)) for seed in range(30)]
    worst = max(overlay(one, two).agreement for at, one in enumerate(looks) for two in looks[:at])
    assert worst < 0.6


def test_another_filled_in_form_differs_in_some_field_where_a_copy_differs_in_none() -> None:
    pages = [page(seed) for seed in range(8)]
    looks = [looked_at(each) for each in pages]
    assert max(overlay(one, two).worst for at, one in enumerate(looks) for two in looks[:at]) < 0.85
    copies = [looked_at(each.resize((300, 420), Image.Resampling.LANCZOS)) for each in pages]
    assert min(overlay(copy, one).worst for copy, one in zip(copies, looks, strict=True)) > 0.85


TURNED = {
    1: ImageOps.mirror,
    2: ImageOps.flip,
    3: lambda image: image.rotate(180),
    4: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    5: lambda image: image.rotate(-90, expand=True),
    6: lambda image: image.rotate(90, expand=True),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
}


@pytest.mark.parametrize("turn", TURNED)
def test_what_was_turned_or_mirrored_is_turned_back(turn: int) -> None:
    image = detailed(3)
    copy, original = looked_at(TURNED[turn](image)), looked_at(image)
    known = int(hashes.perceptual(np.asarray(image))[0], 16)
    distances = [(value ^ known).bit_count() for value in turned_hashes(copy)]
    back = min(range(TURNS), key=distances.__getitem__)
    assert distances[back] <= 4
    assert min((value ^ mirrorless(known)).bit_count() for value in mirrorless_hashes(copy)) <= 8
    found = overlay(copy, original, (0, back))
    assert found.turn == back != 0
    assert found.agreement > 0.95
    assert found.words
    assert turned(copy, back).shape == pytest.approx(original.shape)


def test_a_hash_is_the_same_however_the_picture_is_mirrored() -> None:
    image = detailed(5)
    found = {
        mirrorless(int(hashes.perceptual(np.ascontiguousarray(np.asarray(edit(image))))[0], 16))
        for edit in (lambda each: each, ImageOps.mirror, ImageOps.flip, lambda each: each.rotate(180))
    }
    first, *others = found
    assert all((first ^ other).bit_count() <= 8 for other in others)


@pytest.mark.parametrize("packed", [b"", b"no grey copy", pack(bytes(100))])
def test_without_a_whole_grey_copy_there_is_nothing_to_lay_over(packed: bytes) -> None:
    assert look(packed, 100, 100) is None


def test_blank_pictures_do_no_harm() -> None:
    blank = look(pack(bytes(GREY_SIDE * GREY_SIDE)), 100, 100)
    assert blank is not None
    assert overlay(blank, blank).agreement == 1.0
    assert overlay(blank, looked_at(detailed(1))).agreement < 0.7


def test_codes_differ_by_the_angle_of_what_they_stand_for() -> None:
    chance = np.random.default_rng(0)
    one = chance.normal(size=1280)
    for angle in (0.2, 0.6, 1.2):
        other = chance.normal(size=1280)
        other -= other @ one / (one @ one) * one
        mixed = np.cos(angle) * one / np.linalg.norm(one) + np.sin(angle) * other / np.linalg.norm(other)
        codes = [int.from_bytes(code_of(each.astype(np.float16).tobytes()), "big") for each in (one, mixed)]
        assert (codes[0] ^ codes[1]).bit_count() == pytest.approx(CODE_BITS * angle / np.pi, abs=24)


@pytest.mark.parametrize("embedding", [b"", bytes(2560)])
def test_what_has_no_embedding_has_no_code(embedding: bytes) -> None:
    assert code_of(embedding) == b""


def test_the_code_of_an_embedding_never_changes() -> None:
    assert code_of(np.arange(64, dtype=np.float16).tobytes()).hex()[:16] == "ae093cbeef9704c7"


def test_what_a_border_encloses_has_the_hash_of_the_picture_without_it() -> None:
    image = detailed(2)
    own = int(hashes.perceptual(np.asarray(image))[0], 16)
    framed = np.asarray(ImageOps.expand(image, (30, 50), "white"))
    assert (int(hashes.inner(framed), 16) ^ own).bit_count() <= 4
    assert hashes.inner(np.asarray(image)) == ""
    assert hashes.inner(np.full((50, 50, 3), 255, np.uint8)) == ""
    assert hashes.inner(np.asarray(ImageOps.expand(image, 900, "white"))) == ""
