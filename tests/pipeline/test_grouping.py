"""Groups of duplicates, whatever order their pictures arrive in."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curated.domain import Status
from curated.pipeline import Filed
from curated.state.pairs import Pairs
from tests.pipeline.conftest import Line
from tests.support.filing_world import NOON, World, sha256

SEED = 0xF0F0A5C33C5AA5C3
# Far from each other; within one, pictures are as near as their steps are.
SCENES = (SEED, SEED ^ 0xFFFF_0000_FFFF_0000, SEED ^ 0x00FF_FF00_0FF0_F00F)


@dataclass(frozen=True)
class Made:
    """A picture to arrive: near the others of its scene that are at most four bits away."""

    scene: int
    step: int
    width: int

    @property
    def phash(self) -> str:
        return f"{SCENES[self.scene] ^ ((1 << self.step) - 1):016x}"

    @property
    def content(self) -> str:
        return f"{self.scene} {self.step} {self.width}"


MADE = st.lists(
    st.builds(Made, st.integers(0, 2), st.integers(0, 9), st.sampled_from([400, 800, 1600])),
    min_size=2,
    max_size=6,
    unique=True,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World(tmp_path_factory.mktemp("empty"))
    world.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    world.close()
    return world.database_path


@contextmanager
def a_line(template: Path) -> Iterator[Line]:
    with tempfile.TemporaryDirectory(prefix="curated-test-") as name:
        world = World(Path(name), template=template)
        yield Line(world)
        assert world.problems() == []
        world.close()


def arrive(line: Line, number: int, made: Made) -> str:
    path = line.world.put(f"IMG_{number}.jpg", made.content)
    content = sha256(path)
    line.file(path, phash=made.phash, size=(made.width, made.width * 3 // 4))
    return content


def partition(line: Line) -> set[frozenset[str]]:
    """The contents of each group, and of each picture that stands alone; what must hold of them all is checked."""
    groups = Pairs(line.world.database).groups()
    photos = list(line.store.photos())
    inside: list[int] = []
    for group in groups:
        assert group.keeper.status in (Status.FILED, Status.REVIEW)
        assert all(each.status is Status.DUPLICATE for each in group.duplicates)
        assert all(each.path.parent == line.world.library / "Duplicates" for each in group.duplicates)
        inside += [group.keeper.id, *(each.id for each in group.duplicates)]
    assert len(inside) == len(set(inside)), "no picture in two groups"
    alone = [photo for photo in photos if photo.id not in inside]
    assert all(photo.status is not Status.DUPLICATE for photo in alone)
    together = {frozenset({group.keeper.sha256, *(each.sha256 for each in group.duplicates)}) for group in groups}
    return together | {frozenset({photo.sha256}) for photo in alone}


def keepers(line: Line) -> set[str]:
    return {group.keeper.sha256 for group in Pairs(line.world.database).groups()}


@settings(max_examples=10, deadline=None)
@given(MADE, st.randoms(use_true_random=False))
def test_groups_and_their_keepers_do_not_depend_on_the_order_of_arrival(empty: Path, made: list[Made], random) -> None:
    shuffled = random.sample(made, len(made))
    with a_line(empty) as one, a_line(empty) as other:
        for number, each in enumerate(made):
            arrive(one, number, each)
        for number, each in enumerate(shuffled):
            arrive(other, number, each)
        assert partition(one) == partition(other)
        widths = {_sha(each): each.width for each in made}
        assert sorted(widths[each] for each in keepers(one)) == sorted(widths[each] for each in keepers(other))


@settings(max_examples=10, deadline=None)
@given(MADE, st.data())
def test_what_a_person_said_is_no_duplicate_stays_apart_whatever_arrives(empty: Path, made: list[Made], data) -> None:
    contents = [_sha(each) for each in made]
    pair = data.draw(st.lists(st.sampled_from(contents), min_size=2, max_size=2, unique=True))
    with a_line(empty) as line:
        Pairs(line.world.database).set_distinct(pair[0], [pair[1]], NOON)
        again = data.draw(st.lists(st.sampled_from(made), max_size=3))
        for number, each in enumerate([*made, *again]):
            arrive(line, number, each)
        assert not any(set(pair) <= group for group in partition(line))


def test_a_picture_between_two_makes_one_group_of_them(empty: Path) -> None:
    with a_line(empty) as line:
        for number, made in enumerate([Made(0, 0, 800), Made(0, 7, 1600), Made(0, 4, 400)]):
            arrive(line, number, made)
        (group,) = Pairs(line.world.database).groups()
        assert group.keeper.width == 1600
        assert len(group.duplicates) == 2
        assert "1600×1200 against 800×600" in next(each.reason for each in group.duplicates if each.width == 800)


def test_what_a_person_judged_is_not_put_aside_for_a_better_one(empty: Path) -> None:
    with a_line(empty) as line:
        path = line.world.put("IMG_1.jpg", "small")
        small = line.file(path, phash=Made(0, 0, 400).phash, size=(400, 300))
        line.store.set_verdict(small.id, "keep", NOON)
        outcome = line.send(line.world.put("IMG_2.jpg", "large"), phash=Made(0, 1, 800).phash, size=(800, 600))
        assert isinstance(outcome, Filed)
        assert (outcome.photo.status, outcome.photo.twin_of) == (Status.DUPLICATE, small.id)


def _sha(made: Made) -> str:
    return hashlib.sha256(made.content.encode()).hexdigest()
