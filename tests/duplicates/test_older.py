"""Pictures that were filed before there were grey copies get one without being judged anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from curated import config
from curated.domain import Reading, Status
from curated.duplicates import TwinIndex, fingerprint_of, likeness_of
from curated.duplicates.older import complete
from curated.state.pairs import Pairs
from curated.state.rows import photo_from_arrival, with_reading
from tests.duplicates.test_likeness import detailed
from tests.support.filing_world import NOON, World, sha256
from tests.support.pictures import read
from tests.support.readings import reading

SETTINGS = config.from_dict({}, "test")


def read_of(path: Path) -> Reading:
    return Reading(read(path).picture, reading(sha256(path)).findings)


def filed(world: World, image: Image.Image, name: str, **columns: object) -> int:
    """The id of a picture that an older version filed."""
    path = world.library / "Photos" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    photo = with_reading(photo_from_arrival(world.arrival(path), sha256(path), NOON), read_of(path))
    return world.store.add(replace(photo, status=Status.FILED, **columns))


SEEN = ["the thumbnail", "the picture", "the picture, as the thumbnail is gone", "the picture, as the thumbnail is bad"]


@pytest.mark.parametrize("seen", SEEN)
def test_a_turned_copy_of_what_an_older_version_filed_is_found_once_it_was_made_ready(world: World, seen: str) -> None:
    image = detailed(3)
    thumbnail = world.base / "thumbnail.jpg"
    if seen == "the thumbnail":
        image.resize((384, 288)).save(thumbnail)
    elif seen.endswith("bad"):
        thumbnail.write_bytes(b"no picture")
    photo_id = filed(world, image, "a.png", thumbnail=None if seen == "the picture" else thumbnail)
    pairs = Pairs(world.database)
    assert pairs.older_without_grey()
    turned = world.base / "turned.png"
    image.transpose(Image.Transpose.ROTATE_90).save(turned)
    new = with_reading(photo_from_arrival(world.arrival(turned), sha256(turned), NOON), read_of(turned))
    wanted = fingerprint_of(new, likeness_of(read_of(turned)))
    index = TwinIndex(SETTINGS.duplicates, world.store)
    assert index.find(wanted).twin is None
    assert [(photo.id, problem) for photo, problem in complete(world.database, SETTINGS.reading)] == [(photo_id, "")]
    twin = index.find(wanted).twin
    assert twin is not None
    assert twin.photo_id == photo_id
    assert not pairs.older_without_grey()
    assert list(complete(world.database, SETTINGS.reading)) == []


def test_one_that_cannot_be_read_is_named_and_the_others_go_on(world: World) -> None:
    broken, good = filed(world, detailed(3), "a.png"), filed(world, detailed(4), "b.png")
    world.store.get(broken).path.write_bytes(b"no picture")
    found = {photo.id: problem for photo, problem in complete(world.database, SETTINGS.reading)}
    assert found[good] == ""
    assert found[broken] != ""
    gone = filed(world, detailed(5), "c.png")
    world.store.get(gone).path.unlink()
    assert [photo.id for photo, problem in complete(world.database, SETTINGS.reading) if problem] == [broken, gone]


def test_one_that_is_gone_meanwhile_does_not_keep_the_others_waiting(world: World) -> None:
    first, second, third = (filed(world, detailed(3 + number), f"{number}.png") for number in range(3))
    each = complete(world.database, SETTINGS.reading)
    assert next(each)[0].id == first
    world.database.execute("DELETE FROM photo WHERE id = ?", (second,))
    assert [photo.id for photo, _ in each] == [third]
