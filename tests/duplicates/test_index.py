"""What the index answers for real pictures: near, of one burst, only like it, or nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from curated.config import Duplicates
from curated.domain import Arrival, Status
from curated.duplicates import TwinIndex, TwinMatch, fingerprint_of
from curated.duplicates.bits import Bits
from curated.duplicates.compare import Comparison
from curated.duplicates.likeness import Overlay, code_of, pack
from curated.pictures import hashes
from curated.state.database import Database
from curated.state.pairs import Likeness, Pairs
from curated.state.rows import photo_from_arrival
from curated.state.schema import open_database
from curated.state.store import Store
from tests.duplicates.test_likeness import detailed, page, written_over
from tests.support.filing_world import NOON

MOMENT = datetime(2024, 5, 1, 12, 0, 0)


@dataclass
class Shelf:
    """An index over pictures made on the spot; `put` files one, `ask` asks about one."""

    database: Database
    count: int = 0

    def __post_init__(self) -> None:
        self.store, self.pairs = Store(self.database), Pairs(self.database)
        self.index = TwinIndex(Duplicates(), self.store)

    def _photo(self, image: Image.Image, columns: dict):
        self.count += 1
        rgb = np.asarray(image.convert("RGB"))
        phash, wide = hashes.perceptual(rgb)
        arrival = Arrival(Path(f"/{self.count}.jpg"), 1, self.count, 1, self.count)
        photo = photo_from_arrival(arrival, f"{self.count:064x}", NOON)
        facts = {"kind": "photo", "status": Status.FILED, "camera": "Testcam", **columns}
        photo = replace(
            photo, phash=phash, phash_wide=wide, pixel_hash=f"p{self.count}", width=image.width, height=image.height,
            **facts,
        )  # fmt: skip
        # Stands in for a network: what is shown where, in rough colours.
        rough = np.asarray(image.convert("RGB").resize((12, 12), Image.Resampling.BOX), dtype=np.float16)
        code = code_of((rough - rough.mean()).astype(np.float16).tobytes())
        return photo, Likeness(pack(hashes.grey_copy(rgb)), hashes.inner(rgb), "rough", code)

    def put(self, image: Image.Image, **columns: object) -> int:
        photo, likeness = self._photo(image, columns)
        photo_id = self.store.add(photo)
        self.pairs.set_likeness(photo_id, likeness)
        self.index.add(photo_id, photo.phash or "", likeness)
        return photo_id

    def ask(self, image: Image.Image, **columns: object) -> TwinMatch:
        photo, likeness = self._photo(image, columns)
        return self.index.find(fingerprint_of(photo, likeness))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with open_database(tmp_path / "curated.db") as database:
        made = Shelf(database)
        for seed in range(100, 120):
            made.put(detailed(seed, 320, 240))
        yield made


def jpeg(image: Image.Image, quality: int = 60) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream)


EDITS = {
    "re-encoded": jpeg,
    "resized": lambda image: image.resize((160, 120)),
    "cropped": lambda image: image.crop((20, 15, 310, 235)),
    "framed": lambda image: ImageOps.expand(image, 16, "white"),
    "mirrored": ImageOps.mirror,
    "turned": lambda image: image.rotate(90, expand=True),
    "upside down": lambda image: image.rotate(180),
}


@pytest.mark.parametrize(
    ("kind", "overlaid", "alike"),
    [
        # As two unlike screens of two programs were measured to fit: a corner of one, mirrored, somewhere in the other.
        ("screenshot", Overlay(turn=1, part=0.29, agreement=0.969, worst=0.18), False),
        ("document", Overlay(turn=4, part=0.35, agreement=0.907, worst=0.0), False),
        ("screenshot", Overlay(turn=1, part=1.0, agreement=0.97, worst=0.9), True),
        ("photo", Overlay(turn=1, part=0.8, agreement=0.95, worst=0.6), True),
        # Two wallpapers of one series, and one that was brightened.
        ("illustration", Overlay(turn=0, part=1.0, agreement=0.88, worst=0.697), False),
        ("illustration", Overlay(turn=0, part=1.0, agreement=0.88, worst=0.86), True),
    ],
)
def test_what_only_fits_somewhere_is_no_duplicate(shelf: Shelf, kind: str, overlaid: Overlay, alike: bool) -> None:
    photo, likeness = shelf._photo(detailed(7), {"kind": kind})
    one = fingerprint_of(photo, likeness)
    assert Comparison(one, Duplicates())._alike(one, 24, overlaid.turn, overlaid) is alike


def test_a_whole_screen_that_is_turned_is_found(shelf: Shelf) -> None:
    scene = detailed(9)
    known = shelf.put(scene, kind="screenshot")
    assert [twin.photo_id for twin in shelf.ask(ImageOps.mirror(scene), kind="screenshot").twins] == [known]


@pytest.mark.parametrize("how", EDITS)
def test_edited_copies_are_near_and_others_are_not(shelf: Shelf, how: str) -> None:
    image = detailed(1, 320, 240)
    known = shelf.put(image)
    match = shelf.ask(EDITS[how](image))
    assert [(twin.photo_id, twin.kind) for twin in match.twins] == [(known, "near")]
    assert shelf.ask(detailed(2, 320, 240)).twins == ()


@pytest.mark.parametrize("degrees", [-6, -5, 5, 6])
def test_what_was_turned_by_a_few_degrees_is_found_and_its_reason_says_so(shelf: Shelf, degrees: float) -> None:
    image = detailed(1, 640, 480)
    known = shelf.put(image)
    turned = image.rotate(degrees, Image.Resampling.BICUBIC)
    twin = shelf.ask(turned).twin
    assert twin is not None
    assert twin.photo_id == known
    assert "turned a little" in twin.reason
    for seed in range(200, 206):
        assert shelf.ask(detailed(seed, 320, 240).rotate(degrees, Image.Resampling.BICUBIC)).twins == ()


def test_a_photo_that_was_written_over_is_found_although_it_looks_like_a_meme(shelf: Shelf) -> None:
    image = detailed(1)
    known = shelf.put(image, kind="photo")
    dated = {"kind": "meme", "text": "12.07.2019"}
    assert [twin.photo_id for twin in shelf.ask(written_over(image), **dated).twins] == [known]
    assert shelf.ask(written_over(detailed(2)), **dated).twins == ()
    # Words make it another picture, or all memes on this photo would be one.
    over = {"kind": "meme", "text": "A DAY AT THE LAKE"}
    assert shelf.ask(written_over(image), **over).twins == ()
    # Two of one template are told apart by their words, whatever each looks like.
    shelf.put(written_over(detailed(4)), kind="photo", text="A NIGHT IN THE TOWN HALL")
    assert shelf.ask(written_over(detailed(4)), **over).twins == ()


def test_an_index_read_from_the_database_answers_the_same(shelf: Shelf) -> None:
    image = detailed(1, 320, 240)
    known = shelf.put(ImageOps.expand(image, 16, "white"))
    again = Shelf(shelf.database, count=500)
    assert len(again.index) == len(shelf.index)
    for each in (shelf, again):
        twin = each.ask(image).twin
        assert twin is not None
        assert twin.photo_id == known


def test_pages_of_one_form_are_told_apart_by_their_words_or_by_every_field(shelf: Shelf) -> None:
    shelf.put(page(1), kind="document", text="")
    assert shelf.ask(page(2), kind="document", text="").twins == ()
    assert shelf.ask(jpeg(page(1)), kind="document", text="").twins != ()
    words = "the boats of the lake are for hire from may to september"
    other = "the windows of the tower are closed all winter for repair"
    shelf.put(page(3), kind="document", text=words)
    assert shelf.ask(jpeg(page(3)), kind="document", text=words).twins != ()
    assert shelf.ask(jpeg(page(3)), kind="document", text=other).twins == ()


def test_a_part_of_a_page_need_not_say_all_of_it(shelf: Shelf) -> None:
    words = "the boats of the lake are for hire 2024 from may to september 1150"
    part = page(3).crop((30, 30, 580, 700))
    shelf.put(page(3), kind="document", text=words)
    assert shelf.ask(part, kind="document", text="of the lake are for hire 2024 from may").twins != ()
    assert shelf.ask(part, kind="document", text="of the lake are for hire 1987 from may").twins == ()


@pytest.mark.parametrize(
    ("apart", "camera", "found"),
    [
        (2, "Testcam", "burst"),
        (29, "Testcam", "burst"),
        (2, "Other", "nothing"),
        (400, "Testcam", "nothing"),
        (3600, "Testcam", "nothing"),
    ],
)
def test_photos_taken_within_seconds_are_a_burst_and_no_duplicates(
    shelf: Shelf, apart: int, camera: str, found: str
) -> None:
    image = detailed(1, 320, 240)
    moved = Image.blend(image, detailed(9, 320, 240), 0.12)
    known = shelf.put(image, taken_at=MOMENT)
    match = shelf.ask(moved, taken_at=MOMENT + timedelta(seconds=apart), camera=camera)
    assert match.twins == ()
    assert [twin.photo_id for twin in match.bursts] == ([known] if found == "burst" else [])


def test_a_copy_keeps_its_time_and_is_near_even_where_the_zone_was_changed(shelf: Shelf) -> None:
    image = detailed(1, 320, 240)
    known = shelf.put(image, taken_at=MOMENT)
    for moved in (timedelta(0), timedelta(hours=2)):
        twin = shelf.ask(jpeg(image, 90), taken_at=MOMENT + moved).twin
        assert twin is not None
        assert (twin.photo_id, twin.kind) == (known, "near")
    assert shelf.ask(jpeg(image, 90)).twin is not None, "a copy that lost its time"


def test_what_a_person_said_is_no_duplicate_is_not_found(shelf: Shelf) -> None:
    image = detailed(1, 320, 240)
    known = shelf.store.get(shelf.put(image))
    shelf.pairs.set_distinct(known.sha256, [f"{shelf.count + 1:064x}"], NOON)
    assert shelf.ask(jpeg(image)).twins == ()
    assert shelf.ask(jpeg(image)).twins != ()


def test_bits_are_found_by_how_many_differ_the_nearest_and_oldest_first() -> None:
    bits = Bits(4)
    chance = np.random.default_rng(1)
    for number in range(5000):
        bits.add(number, *(int(each) for each in chance.integers(0, 2**63, 4)))
    wanted = [1, 2, 3, 4]
    bits.add(9000, 1, 2, 3, 4)
    bits.add(9001, 1, 2, 3, 4 ^ 0b111)
    bits.add(8999, 1, 2 ^ 1, 3 ^ 1, 4 ^ 1)
    assert bits.near(wanted, 60, 10) == [(0, 9000), (3, 8999), (3, 9001)]
    assert bits.near(wanted, 60, 1) == [(0, 9000)]


def test_bits_that_were_read_at_once_are_as_those_that_came_one_by_one() -> None:
    one, other = Bits(2), Bits(2)
    values = [(number * 2654435761 % 2**64, number * 40503 % 2**64) for number in range(3000)]
    for number, pair in enumerate(values):
        one.add(number, *pair)
    other.extend(range(2900), b"".join(word.to_bytes(8, "big") for pair in values[:2900] for word in pair))
    for number, pair in enumerate(values[2900:], start=2900):
        other.add(number, *pair)
    assert len(one) == len(other) == 3000
    for wanted in values[::500]:
        assert one.near(wanted, 40, 50) == other.near(wanted, 40, 50) != []
