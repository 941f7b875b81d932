from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.config import Duplicates
from curated.duplicates import Contender, TwinIndex, better_of
from curated.state.pairs import Fingerprint
from curated.state.store import Store
from tests.pipeline.conftest import Line

HASH = 0xF0F0F0F0A5A5A5A5
WIDE = HASH << 192 | HASH << 128 | HASH << 64 | HASH

CONTENDER = Contender(
    pixels=12_000_000,
    width=4000,
    height=3000,
    size=3_000_000,
    format="JPEG",
    taken_at=None,
    camera=None,
    sharpness=100.0,
    original_name="IMG_1",
    arrived_at=datetime(2026, 1, 1, tzinfo=UTC),
    sha256="0" * 64,
)


def fingerprint(bits: int = 0, wide_bits: int = 0, text: str = "", kind: str = "photo") -> Fingerprint:
    """A new picture whose hashes differ from the known one's in so many bits."""
    return Fingerprint(
        photo_id=0,
        sha256="new",
        pixel_hash="new pixels",
        phash=f"{HASH ^ ((1 << bits) - 1):016x}",
        phash_wide=f"{WIDE ^ ((1 << wide_bits) - 1):064x}",
        text=text,
        kind=kind,
    )


def index_with(line: Line, *, text: str = "", kind: str = "photo") -> TwinIndex:
    line.file(line.world.put("IMG_1.jpg", "known"), phash=f"{HASH:016x}", text=text, kind=kind)
    return TwinIndex(Duplicates(), Store(line.world.database))


@pytest.mark.parametrize(
    ("bits", "wide", "found"),
    [
        (0, 0, "twin"),
        (4, 16, "twin"),
        (4, 33, "suspicion"),
        (5, 10, "suspicion"),
        (8, 60, "suspicion"),
        (9, 10, "neither"),
    ],
)
def test_both_hashes_must_be_near_for_a_twin(line: Line, bits: int, wide: int, found: str) -> None:
    match = index_with(line).find(fingerprint(bits, wide))
    assert ("twin" if match.twin else "suspicion" if match.suspicion else "neither") == found
    if match.twin:
        assert (match.twin.kind, match.twin.distance) == ("near", bits)


def test_the_same_pixels_in_another_container_are_exact(line: Line) -> None:
    photo = line.file(line.world.put("IMG_1.png", "known"), pixel_hash="the pixels")
    match = TwinIndex(Duplicates(), line.store).find(replace(fingerprint(64), pixel_hash="the pixels"))
    assert match.twin is not None
    assert (match.twin.kind, match.twin.photo_id) == ("exact", photo.id)


@pytest.mark.parametrize("kind", ["meme", "screenshot", "document"])
def test_other_words_make_another_picture(line: Line, kind: str) -> None:
    index = index_with(line, text="when you forget your keys again", kind=kind)
    assert index.find(fingerprint(text="when you forget your keys agaln", kind=kind)).twin
    assert not index.find(fingerprint(text="nobody reads the terms of service", kind=kind)).twin
    assert not index.find(fingerprint(text="", kind=kind)).twin


def test_other_numbers_make_another_document(line: Line) -> None:
    form = "Invoice {} Acme Company, Mill Lane 12, payable within thirty days. Total {}"
    index = index_with(line, text=form.format("2024-000117", "1,250.90"), kind="document")
    assert index.find(fingerprint(text=form.format("2024-000117", "1,250.90"), kind="document")).twin
    assert not index.find(fingerprint(text=form.format("2024-000936", "8,431.77"), kind="document")).twin


def test_numbers_may_be_read_apart_but_not_differ(line: Line) -> None:
    said = "Tone sequence audacity amplitude {} duration {} generate"
    index = index_with(line, text=said.format("0.80", "00h 00m 30s+00000 2185 ms"), kind="screenshot")
    apart = said.format("0.80", "00 h 0 0 m 30 s+0 0 0 0 0 2185 ms")
    assert index.find(fingerprint(text=apart, kind="screenshot")).twin
    assert not index.find(fingerprint(text=apart.replace("3", "4"), kind="screenshot")).twin


def test_what_was_read_in_a_photo_tells_nothing(line: Line) -> None:
    index = index_with(line, text="cero emisiones numero 27 plaza")
    assert index.find(fingerprint(2, 8, text="c3r0 emlslon")).twin


@pytest.mark.parametrize("value", [0, 0b11111, 2**64 - 1])
def test_a_blank_picture_has_no_near_twin(line: Line, value: int) -> None:
    line.file(line.world.put("IMG_1.jpg", "known"), phash=f"{value:016x}")
    index = TwinIndex(Duplicates(), line.store)
    match = index.find(replace(fingerprint(), phash=f"{value:016x}", phash_wide=f"{value:016x}" * 4))
    assert match.twin is None


def test_the_index_grows_and_passes_over_what_has_gone(line: Line) -> None:
    index = index_with(line)
    for number in range(3000):
        index.add(10_000 + number, f"{HASH:016x}")  # ids that the database does not know
    assert len(index) == 3001
    match = index.find(fingerprint())
    assert match.twin is not None
    assert match.twin.photo_id == 1


@pytest.mark.parametrize(
    ("known", "new", "new_is_better", "why"),
    [
        ({}, {"pixels": 13_000_000, "width": 4100}, True, "4100×3000 against 4000×3000"),
        ({}, {"pixels": 900, "width": 30, "height": 30}, False, "4000×3000 against 30×30"),
        ({}, {"format": "PNG"}, True, "PNG against JPEG"),
        ({"camera": "Canon"}, {}, False, "it has the camera's date or name"),
        ({"size": 2_000_000}, {}, True, "3,000,000 bytes against 2,000,000"),
        ({}, {"sharpness": 200.0}, True, "it is sharper"),
        ({"bordered": True, "pixels": 13_000_000}, {}, True, "it has no border"),
        ({}, {"sharpness": 110.0}, False, "it was there first"),
        ({"taken_at": datetime(2020, 1, 2)}, {"taken_at": datetime(2020, 1, 1)}, True, "its date is earlier"),
        ({"mtime_ns": 10**18}, {"mtime_ns": 2 * 10**18}, False, "its file is older"),
        ({"mtime_ns": 10**18 + 9}, {"mtime_ns": 10**18}, False, "it was there first"),
        ({}, {"pixels": 900, "width": 30, "height": 30, "chosen": True}, True, "a person chose it"),
        ({}, {"original_name": "Grandmother at the lake"}, True, "its name is a person's"),
        ({}, {}, False, "it was there first"),
    ],
)
def test_the_better_one_is_told_with_the_reason(known: dict, new: dict, new_is_better: bool, why: str) -> None:
    assert better_of(replace(CONTENDER, **known), replace(CONTENDER, **new)) == (new_is_better, why)


CONTENDERS = st.builds(
    replace,
    st.just(CONTENDER),
    pixels=st.sampled_from([100, 200]),
    size=st.sampled_from([10, 20]),
    format=st.sampled_from(["JPEG", "PNG", "WEBP", "NEF"]),
    camera=st.sampled_from([None, "Canon"]),
    sharpness=st.sampled_from([1.0, 2.0]),
    original_name=st.sampled_from(["IMG_1", "Lake in May"]),
    taken_at=st.sampled_from([None, datetime(2020, 1, 1), datetime(2021, 1, 1)]),
    mtime_ns=st.sampled_from([10**18, 2 * 10**18]),
    chosen=st.booleans(),
    bordered=st.booleans(),
)


@given(CONTENDERS, CONTENDERS)
def test_which_is_better_does_not_depend_on_which_came_first(one: Contender, other: Contender) -> None:
    forth, back = better_of(one, other), better_of(other, one)
    assert forth[1] == back[1]
    assert forth[0] != back[0] or forth[1] == "it was there first"
