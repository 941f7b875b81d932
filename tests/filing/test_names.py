from __future__ import annotations

import os
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from curated.filing.names import first_free, numbered, renamed, shorten

LIBRARY = Path("/library")
stems = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=300).filter(
    lambda stem: not stem.startswith(".") and not stem.endswith(".") and Path(stem).name == stem
)


@given(stems, st.integers(1, 10**6))
@example("é" * 200, 2)
@example("🧑‍🚀" * 80, 12)
@example("x" * 300, 999999)
def test_a_numbered_name_fits_and_is_whole_characters(stem: str, number: int) -> None:
    names = numbered([LIBRARY / f"{stem}.jpg", LIBRARY / f"{stem}.jpg.xmp"], number)
    for name, suffix in zip(names, (".jpg", ".jpg.xmp"), strict=True):
        assert len(os.fsencode(name.name)) <= 255
        os.fsencode(name.name).decode("utf-8")
        mark = f" {number}" if number > 1 else ""
        assert name.name.endswith(mark + suffix)
        assert stem.startswith(name.name.removesuffix(mark + suffix))


def test_a_name_that_is_not_utf_8_keeps_its_bytes() -> None:
    stem = os.fsdecode(b"caf\xe9")
    (name,) = numbered([LIBRARY / f"{stem}.jpg"], 2)
    assert os.fsencode(name.name) == b"caf\xe9 2.jpg"
    assert len(os.fsencode(shorten(os.fsdecode(b"\xe9" * 300), 255))) == 255


def test_companions_follow_their_picture_whatever_their_suffix() -> None:
    asset = [LIBRARY / name for name in ("cat.jpg", "cat.MOV", "cat.jpg.xmp", "cat(1).json", "category.txt")]
    assert [path.name for path in numbered(asset, 3)] == [
        "cat 3.jpg",
        "cat 3.MOV",
        "cat 3.jpg.xmp",
        "cat 3(1).json",
        "category 3.txt",
    ]
    assert renamed(LIBRARY / "IMG_1.jpg.xmp", "IMG_1", "cat").name == "cat.jpg.xmp"
    assert renamed(LIBRARY / "IMG_10.xmp", "IMG_1", "cat").name == "IMG_10.xmp"


def test_the_least_free_number_is_taken_and_thousands_cost_little() -> None:
    def search(taken: int) -> tuple[str, int]:
        tries = 0

        def is_free(targets: tuple[Path, ...]) -> bool:
            nonlocal tries
            tries += 1
            return targets[0] == numbered([LIBRARY / "cat.jpg"], taken + 1)[0] or int("0" + targets[0].stem[4:]) > taken

        return first_free([LIBRARY / "cat.jpg"], is_free)[0].name, tries

    assert search(1)[0] == "cat 2.jpg"
    assert search(5)[0] == "cat 6.jpg"
    name, tries = search(30_000)
    assert name == "cat 30001.jpg"
    assert tries < 50
