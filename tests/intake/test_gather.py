"""Files that are one picture, arriving in any order and at any speed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.domain import Arrival
from curated.intake.assets import Kin, belongs_to, group
from tests.support.watching import HEIC, JPEG, MOV, RAW, SETTLE, Watching

Make = Callable[..., Watching]


@pytest.fixture
def watching(watch: Make) -> Watching:
    """Without events: what is there is told by a full scan at every poll, so that the order is the test's."""
    made = watch(polling="always")
    made.poll()
    return made


def test_a_raw_alone_waits_once_for_its_jpeg(watching: Watching) -> None:
    watching.put("a.nef", RAW)
    assert watching.poll() == []
    assert watching.poll(SETTLE) == []
    assert not watching.watcher.idle
    assert watching.state.waiting == 1
    assert watching.watcher.next_deadline() <= watching.clock() + SETTLE
    assert watching.poll(SETTLE) == ["a.nef"]
    assert watching.watcher.idle


RAW_THEN_JPEG = [("a.nef", RAW), ("a.jpg", JPEG)]


# A JPEG waits for no RAW of which nothing is seen yet.
@pytest.mark.parametrize(
    ("order", "apart"),
    [
        *((RAW_THEN_JPEG, apart) for apart in (0.1, 0.5, 1.0, 1.9, 2.5, 3.5)),
        *((RAW_THEN_JPEG[::-1], apart) for apart in (0.1, 0.5, 1.0, 1.9)),
    ],
)
def test_raw_and_jpeg_become_one_asset_however_they_come(
    watching: Watching, order: list[tuple[str, bytes]], apart: float
) -> None:
    came = []
    for name, content in order:
        watching.put(name, content)
        for _ in range(10):
            came += watching.poll(apart / 10)
    for _ in range(200):
        came += watching.poll(0.1)
    assert came == ["a.jpg+a.nef"]


def test_a_live_photos_video_that_is_slow_to_come_is_waited_for(watching: Watching) -> None:
    watching.put("a.heic", HEIC)
    with (watching.root / "a.mov").open("wb", buffering=0) as video:
        for _ in range(60):  # two minutes
            video.write(MOV)
            assert watching.poll(SETTLE) == []
    assert watching.settle(3) == ["a.heic+a.mov"]


@pytest.mark.parametrize("temporary", [".syncthing.a.mov.tmp", ".a.mov.Xk3bQ1", "a.mov.part", "a.MOV.crdownload"])
def test_a_live_photos_video_that_is_still_on_its_way_under_another_name_is_waited_for(
    watching: Watching, temporary: str
) -> None:
    watching.put("a.heic", HEIC)
    for size in range(1, 20):
        watching.put(temporary, MOV * size)
        assert watching.poll(SETTLE) == []
    (watching.root / temporary).rename(watching.root / "a.mov")
    assert watching.settle(3) == ["a.heic+a.mov"]


def test_a_download_that_was_given_up_holds_its_picture_only_for_a_while(watching: Watching) -> None:
    for name in ("a.heic", "b.nef"):
        watching.put(name, HEIC if name == "a.heic" else RAW)
    for name in (".a.mov.Xk3bQ1", ".b.nef.swp", "b.jpg.part"):
        watching.put(name, MOV)
    assert watching.settle(3) == []
    assert watching.settle(5) == ["a.heic", "b.nef"]


def test_what_macos_leaves_beside_every_file_holds_nothing_up(watching: Watching) -> None:
    for name in ("a.heic", "._a.mov", "._a.heic", ".DS_Store"):
        watching.put(name, HEIC)
    assert watching.settle() == ["a.heic"]


def test_a_video_that_came_before_its_picture_joins_it(watching: Watching) -> None:
    watching.put("a.mov", MOV)
    watching.put("a.heic.xmp", b"<x/>")
    assert watching.settle(2) == []
    assert watching.state.others == {"video": 1, "other file": 1}
    watching.put("a.heic", HEIC)
    assert watching.settle(2) == ["a.heic+a.heic.xmp+a.mov"]
    assert watching.state.others == {}


def test_a_companion_that_is_never_closed_holds_its_picture_only_for_a_while(watch: Make, root: Path) -> None:
    watching = watch(polling="always", is_open=lambda path: path.suffix == ".mov")
    watching.put("a.heic", HEIC)
    watching.put("a.mov", MOV)
    assert watching.settle(4) == []
    assert watching.settle(4) == ["a.heic"]


def test_a_companion_that_vanishes_holds_nothing_up(watching: Watching) -> None:
    watching.put("a.heic", HEIC)
    watching.poll()
    watching.put("a.mov", MOV)
    assert watching.poll(1.0) == []
    assert watching.poll(1.0) == []
    (watching.root / "a.mov").unlink()
    assert watching.settle(2) == ["a.heic"]


def test_a_picture_that_changes_while_it_waits_settles_again(watching: Watching) -> None:
    raw = watching.put("a.nef", RAW)
    assert watching.settle() == []
    raw.write_bytes(RAW * 2)
    assert watching.poll(1.9) == []
    assert watching.settle(3) == ["a.nef"]
    assert watching.given[0].primary.size == 2 * len(RAW)


def test_a_picture_that_goes_and_comes_back_while_it_waits_is_not_lost(watching: Watching, tmp_path: Path) -> None:
    raw = watching.put("a.nef", RAW)
    assert watching.settle() == []
    raw.rename(tmp_path / "a.nef")
    assert watching.settle(2) == []
    assert watching.watcher.idle
    (tmp_path / "a.nef").rename(raw)
    assert watching.settle(3) == ["a.nef"]


def test_a_loose_video_that_goes_and_comes_back_still_joins_its_picture(watching: Watching, tmp_path: Path) -> None:
    video = watching.put("a.mov", MOV)
    assert watching.settle() == []
    video.rename(tmp_path / "a.mov")
    watching.poll(0.1)
    (tmp_path / "a.mov").rename(video)
    assert watching.settle() == []
    watching.put("a.heic", HEIC)
    assert watching.settle(2) == ["a.heic+a.mov"]


def test_an_asset_in_which_one_file_changes_is_given_as_it_is_then(watching: Watching) -> None:
    watching.put("a.jpg")
    sidecar = watching.put("a.jpg.xmp", b"<x/>")
    assert watching.settle() == ["a.jpg+a.jpg.xmp"]
    sidecar.write_bytes(b"<xx/>")
    assert watching.settle(2) == []  # the picture is given out; the sidecar waits for it to be released
    assert watching.state.others == {"other file": 1}
    watching.release_all()
    assert watching.settle(2) == ["a.jpg+a.jpg.xmp"]


def test_nothing_waits_for_a_stranger(watching: Watching) -> None:
    watching.put("a.heic", HEIC)
    with (watching.root / "b.mov").open("wb", buffering=0) as video:
        video.write(MOV)
        (watching.root / "sub").mkdir()
        with (watching.root / "sub" / "a.mov").open("wb"):
            assert watching.settle(2) == ["a.heic"]


STEMS = st.sampled_from(["a", "A", "b", "a(1)", "a (1)", "img", "x" * 44, "x" * 45])
ENDS = st.sampled_from([
    ".jpg", ".JPG", ".nef", ".heic", ".mov", ".mp4", ".xmp", ".jpg.xmp", ".jpg.json", ".jpg(1).json", ".json", ".aae",
    ".jpg.supplemental-metadata.json", ".jpg.supplemental-meta(1).json", ".jpg.suppl.json", ".j.json", ".png", ".txt",
])  # fmt: skip
NAMES = st.builds(lambda stem, end: Path("/unsorted") / f"{stem}{end}", STEMS, ENDS)


@given(st.sets(NAMES), NAMES)
def test_every_file_that_belongs_to_another_is_found_near_it(paths: set[Path], one: Path) -> None:
    kin = Kin(paths)
    related = {path for path in paths - {one} if belongs_to(path, one)}
    assert related <= set(kin.near(one))
    for path in sorted(paths):
        kin.discard(path)
    assert kin.near(one) == []


@given(st.sets(NAMES))
def test_every_file_is_in_one_asset_or_left_over_and_every_picture_is_in_one(paths: set[Path]) -> None:
    arrivals = [Arrival(path, 1, 1, 1, number) for number, path in enumerate(sorted(paths))]
    pictures = {path: path.suffix.lower() in (".jpg", ".png", ".heic", ".nef") for path in paths}
    grouped = group(arrivals, pictures)
    placed = [each.path for asset in grouped.assets for each in asset.arrivals]
    assert sorted([*placed, *(each.path for each in grouped.others)]) == sorted(paths)
    assert {path for path in paths if pictures[path]} <= set(placed)
    for asset in grouped.assets:
        assert all(belongs_to(each.path, asset.primary.path) for each in asset.companions)
