"""What is one picture moves as one, and nothing is taken along that belongs elsewhere."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.domain import Arrival
from curated.filing.names import numbered, renamed
from curated.intake.assets import Grouped, belongs_to, companion_target, group
from curated.pictures.sniff import PICTURE_EXTENSIONS, RAW_EXTENSIONS

ROOT = Path("/unsorted")
LONG = "a very long title that somebody gave to a photograph"  # 52 letters


def arrivals(*names: str) -> list[Arrival]:
    return [Arrival(ROOT / name, 1, 1, 1, number) for number, name in enumerate(names)]


def grouped(*names: str) -> Grouped:
    found = arrivals(*names)
    pictures = PICTURE_EXTENSIONS | RAW_EXTENSIONS | {".thm"}  # a video's thumbnail is a JPEG
    return group(found, {each.path: each.path.suffix.lower() in pictures for each in found})


def said(found: Grouped) -> list[str]:
    """Assets as "primary + companion + companion", what is left as "- name"."""
    together = [" + ".join(str(each.path.relative_to(ROOT)) for each in asset.arrivals) for asset in found.assets]
    return together + [f"- {each.path.relative_to(ROOT)}" for each in found.others]


@pytest.mark.parametrize(
    ("names", "together"),
    [
        # RAW and developed picture
        (["IMG_1.CR2", "IMG_1.JPG"], ["IMG_1.JPG + IMG_1.CR2"]),
        (["img_1.nef", "IMG_1.jpg"], ["IMG_1.jpg + img_1.nef"]),
        (["a.dng", "a.heic"], ["a.heic + a.dng"]),
        (["a.CR2", "a.png", "a.xmp"], ["a.png + a.CR2 + a.xmp"]),
        (["a.CR2"], ["a.CR2"]),
        (["a.CR2", "a.DNG"], ["a.CR2", "a.DNG"]),
        (["a.CR2", "a.CR2.xmp", "a.xmp"], ["a.CR2 + a.CR2.xmp + a.xmp"]),
        (["a.CR2", "a.jpg", "a.CR2.xmp", "a.cr2.pp3"], ["a.jpg + a.CR2 + a.CR2.xmp + a.cr2.pp3"]),
        (["a.NEF", "a.nef.dop"], ["a.NEF + a.nef.dop"]),
        # Live Photos and their edits
        (["IMG_1.HEIC", "IMG_1.MOV"], ["IMG_1.HEIC + IMG_1.MOV"]),
        (["IMG_1.HEIC", "img_1.mov"], ["IMG_1.HEIC + img_1.mov"]),
        (["IMG_1.JPG", "IMG_1.mp4"], ["IMG_1.JPG + IMG_1.mp4"]),
        (["PXL_1.MP", "PXL_1.MP.jpg"], ["PXL_1.MP.jpg + PXL_1.MP"]),
        (["IMG_1.AAE", "IMG_1.HEIC", "IMG_1.MOV", "IMG_O1.AAE"], ["IMG_1.HEIC + IMG_1.AAE + IMG_1.MOV + IMG_O1.AAE"]),
        (["IMG_1.HEIC", "IMG_E1.HEIC"], ["IMG_1.HEIC", "IMG_E1.HEIC"]),
        (["a.mov", "a.png"], ["a.png", "- a.mov"]),
        # sidecars
        (["a.jpg", "a.jpg.xmp", "a.xmp"], ["a.jpg + a.jpg.xmp + a.xmp"]),
        (["a.jpg", "a.png", "a.png.xmp"], ["a.jpg", "a.png + a.png.xmp"]),
        (["a.gif", "a.jpg", "a.xmp"], ["a.gif", "a.jpg + a.xmp"]),
        (["a.heic", "a.jpg", "a.mov"], ["a.heic + a.mov", "a.jpg"]),
        (["a.jpg", "a.JPEG", "a.xmp"], ["a.JPEG + a.xmp", "a.jpg"]),
        # Google Takeout
        (["a.jpg", "a.jpg.json"], ["a.jpg + a.jpg.json"]),
        (["a.jpg", "a.json"], ["a.jpg + a.json"]),
        (["a.jpg", "a.jpg.supplemental-metadata.json"], ["a.jpg + a.jpg.supplemental-metadata.json"]),
        (["a.jpg", "a.jpg.supplemental-meta.json"], ["a.jpg + a.jpg.supplemental-meta.json"]),
        (["a.jpg", "a.jpg.suppl.json"], ["a.jpg + a.jpg.suppl.json"]),
        (["a.jpg", "a.jpg.s.json"], ["a.jpg + a.jpg.s.json"]),
        (["a.jpg", "a.jpg..json"], ["a.jpg + a.jpg..json"]),
        (["a.jpg", "a.jpg.superb.json"], ["a.jpg", "- a.jpg.superb.json"]),
        (["a(1).jpg", "a.jpg", "a.jpg(1).json", "a.jpg.json"], ["a(1).jpg + a.jpg(1).json", "a.jpg + a.jpg.json"]),
        (["a(1).jpg", "a.jpg.supplemental-metadata(1).json"], ["a(1).jpg + a.jpg.supplemental-metadata(1).json"]),
        (["a(12).jpg", "a(1).jpg", "a.jpg(12).json"], ["a(1).jpg", "a(12).jpg + a.jpg(12).json"]),
        (["a.jpg", "a.jpg(1).json"], ["a.jpg", "- a.jpg(1).json"]),
        (["a(1).jpg", "a.jpg.json"], ["a(1).jpg", "- a.jpg.json"]),
        (["a(1).jpg", "a(1).jpg.json"], ["a(1).jpg + a(1).jpg.json"]),
        ([f"{LONG}.jpg", f"{LONG[:46]}.json"], [f"{LONG}.jpg + {LONG[:46]}.json"]),
        ([f"{LONG[:40]}.jpg", f"{LONG[:40]}.jpg.s.json"], [f"{LONG[:40]}.jpg + {LONG[:40]}.jpg.s.json"]),
        ([f"{LONG[:43]}.jpg", f"{LONG[:43]}.jp.json"], [f"{LONG[:43]}.jpg + {LONG[:43]}.jp.json"]),
        ([f"{LONG[:43]}(1).jpg", f"{LONG[:43]}.jp(1).json"], [f"{LONG[:43]}(1).jpg + {LONG[:43]}.jp(1).json"]),
        (["photo.jpg", "pho.json"], ["photo.jpg", "- pho.json"]),
        (["a.jpg", "metadata.json", "user-comments.json"], ["a.jpg", "- metadata.json", "- user-comments.json"]),
        # what belongs to nobody
        (["a.jpg", "b.xmp", "b.mov", "notes.txt", "a.txt"], ["a.jpg", "- a.txt", "- b.mov", "- b.xmp", "- notes.txt"]),
        (["MVI_1.AVI", "MVI_1.THM"], ["- MVI_1.AVI", "- MVI_1.THM"]),
        (["IMG_1.JPG", "IMG_1.THM"], ["IMG_1.JPG + IMG_1.THM"]),
        (["IMG_1.jpg", "IMG_10.xmp", "IMG_1.jpgx.xmp"], ["IMG_1.jpg", "- IMG_1.jpgx.xmp", "- IMG_10.xmp"]),
        (["one/a.jpg", "two/a.mov", "two/a.jpg.xmp"], ["one/a.jpg", "- two/a.jpg.xmp", "- two/a.mov"]),
        ([], []),
    ],
)  # fmt: skip
def test_what_is_one_picture_is_one_asset(names: list[str], together: list[str]) -> None:
    assert said(grouped(*names)) == together
    assert said(grouped(*reversed(names))) == together


@pytest.mark.parametrize("cut", range(len(".supplemental-metadata") + 1))
def test_takeout_may_cut_its_own_addition_anywhere(cut: int) -> None:
    for counter in ("", "(3)"):
        name = f"IMG_1.jpg{'.supplemental-metadata'[:cut]}{counter}.json"
        assert belongs_to(ROOT / name, ROOT / f"IMG_1{counter}.jpg")
        assert not belongs_to(ROOT / name, ROOT / "IMG_2.jpg")
        assert not belongs_to(ROOT / name, ROOT / f"IMG_1{counter}9.jpg")


def test_a_title_that_takeout_cut_goes_with_the_picture_that_has_it_whole_first() -> None:
    stem = LONG[:46]
    names = [f"{stem}.jpg", f"{stem} again.jpg", f"{stem}.json"]
    assert f"{stem}.jpg + {stem}.json" in said(grouped(*names))


STEMS = st.sampled_from(["a", "A", "b", "a(1)", "a.b", "IMG_1", "IMG_O1", "x" * 43, "x" * 47])
ENDS = st.sampled_from(
    ".jpg .JPG .png .nef .dng .heic .mov .MP4 .mp .mp.jpg .xmp .jpg.xmp .nef.xmp .jpg.json .jpg(1).json .json .aae "
    ".thm .jpg.supplemental-metadata.json .jpg.supplemental-meta(1).json .j.json .jpg..json .txt".split()
)
NAMES = st.lists(st.builds("{}{}".format, STEMS, ENDS), unique=True, max_size=14)


@given(NAMES, st.randoms(use_true_random=False))
def test_every_file_is_in_one_place_whatever_order_they_come_in(names: list[str], random: object) -> None:
    found = grouped(*names)
    everything = [each.path.name for asset in found.assets for each in asset.arrivals]
    everything += [each.path.name for each in found.others]
    assert sorted(everything) == sorted(names)
    for asset in found.assets:
        assert all(belongs_to(each.path, asset.primary.path) for each in asset.companions)
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert said(grouped(*shuffled)) == said(found)


@pytest.mark.parametrize(
    ("primary", "target", "companion", "name"),
    [
        ("IMG_1.jpg", "Cat.jpg", "IMG_1.jpg.xmp", "Cat.jpg.xmp"),
        ("IMG_1.JPG", "Cat.jpg", "img_1.jpg.XMP", "Cat.jpg.XMP"),
        ("IMG_1.jpg", "Cat.jpg", "IMG_1.xmp", "Cat.xmp"),
        ("IMG_1.JPG", "Cat.jpg", "IMG_1.CR2", "Cat.cr2"),
        ("IMG_1.JPG", "Cat.jpg", "IMG_1.CR2.xmp", "Cat.cr2.xmp"),
        ("IMG_1.HEIC", "Cat.heic", "IMG_1.MOV", "Cat.mov"),
        ("IMG_1.HEIC", "Cat.heic", "IMG_O1.AAE", "Cat.aae"),
        ("PXL_1.MP.jpg", "Cat.jpg", "PXL_1.MP", "Cat.mp"),
        ("IMG_1.jpg", "Cat.jpg", "IMG_1.jpg.json", "Cat.jpg.json"),
        ("IMG_1.jpg", "Cat.jpg", "IMG_1.json", "Cat.json"),
        ("IMG_1.jpg", "Cat.jpg", "IMG_1.jpg.supplemental-meta.json", "Cat.jpg.supplemental-meta.json"),
        ("IMG_1(1).jpg", "Cat.jpg", "IMG_1.jpg(1).json", "Cat.jpg.json"),
        (f"{LONG}.jpg", "Cat.jpg", f"{LONG[:46]}.json", "Cat.jpg.json"),
        ("page.png", "Cat.jpg", "page.png.xmp", "Cat.jpg.xmp"),  # the content was a JPEG
        ("noext", "Cat.jpg", "noext.xmp", "Cat.jpg.xmp"),
    ],
)
def test_a_companion_keeps_to_its_pictures_new_name(primary: str, target: str, companion: str, name: str) -> None:
    new = companion_target(ROOT / primary, Path("/library") / target, ROOT / companion)
    assert new == Path("/library") / name
    # … also where the name is taken, and when the picture is renamed later.
    picture, beside = numbered([Path("/library") / target, new], 2)
    assert picture.name == "Cat 2.jpg" if target.endswith(".jpg") else picture.name == "Cat 2.heic"
    assert beside.name == name.replace("Cat", "Cat 2")
    assert renamed(new, "Cat", "Dog").name == name.replace("Cat", "Dog")


@given(NAMES, st.sampled_from(["Cat", "Cat. on mat", "(1)", "日本"]))
def test_whatever_belongs_to_a_picture_still_does_under_the_new_name(names: list[str], stem: str) -> None:
    for asset in grouped(*names).assets:
        source = asset.primary.path
        target = Path("/library") / f"{stem}{source.suffix.lower()}"
        for each in asset.companions:
            new = companion_target(source, target, each.path)
            assert new.parent == target.parent
            assert new != target
            assert new.name.startswith(stem)
            assert belongs_to(new, target)
            assert [path.name[: len(stem) + 2] for path in numbered([target, new], 3)] == [f"{stem} 3"] * 2


def test_a_folder_of_ten_thousand_files_is_grouped_at_once() -> None:
    names = [f"IMG_{number}.{end}" for number in range(2500) for end in ("jpg", "cr2", "jpg.json", "cr2.xmp")]
    started = time.monotonic()
    found = grouped(*names)
    assert time.monotonic() - started < 10
    assert [len(asset.arrivals) for asset in found.assets] == [4] * 2500
    assert not found.others
