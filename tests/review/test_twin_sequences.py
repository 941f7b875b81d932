"""Whatever arrives and is said of duplicates in whatever order: groups stay groups, and what is said holds."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from curated.domain import Photo, Status
from curated.review import Carrier, Desk
from curated.review.twins import suggestion
from curated.state.decisions import Action, Step
from curated.state.pairs import Group, Pairs
from tests.pipeline.conftest import Line
from tests.support.filing_world import World

SEED = 0xF0F0A5C33C5AA5C3
Pair = frozenset[str]

# A picture of one of two scenes; pictures of one scene are alike where their steps are at most four apart.
ARRIVALS = st.tuples(
    st.just("arrival"), st.sampled_from([0, 0, 0, 1]), st.sampled_from([0, 3, 6]), st.sampled_from([400, 800, 1600])
)
WORDS = st.tuples(st.sampled_from(["keeper", "distinct", "all distinct", "undo", "undo", "redo"]), st.integers(0, 9))
STEPS = st.tuples(st.lists(ARRIVALS, min_size=2, max_size=4), st.lists(ARRIVALS | WORDS, max_size=14)).map(
    lambda both: both[0] + both[1]
)


@dataclass
class Said:
    """What was said, in force or taken back, by step and picture: the model that the library is compared with."""

    made: dict[int, dict[int, set[Pair]]] = field(default_factory=dict)
    undone: dict[int, dict[int, set[Pair]]] = field(default_factory=dict)
    for_ever: set[Pair] = field(default_factory=set)

    def say(self, step: Step, pairs: dict[int, set[Pair]]) -> None:
        self.made[step.number] = pairs
        self.undone.clear()

    def undo(self, step: Step) -> None:
        self.undone[step.number] = self.made.pop(step.number)

    def redo(self, step: Step) -> None:
        self.made[step.number] = self.undone.pop(step.number)

    def stays(self, step: int, photo_id: int) -> None:
        """It could not be taken back."""
        self.for_ever |= self.undone[step].pop(photo_id)

    @property
    def pairs(self) -> set[Pair]:
        return self.for_ever | {pair for of_step in self.made.values() for pairs in of_step.values() for pair in pairs}


class Library:
    """A line that pictures arrive at and a desk at which somebody sits."""

    def __init__(self, world: World) -> None:
        self.line = Line(world)
        self.desk = Desk(self.line.config, world.database)
        self.pairs = Pairs(world.database)
        self.said = Said()
        self.arrived = 0

    def arrive(self, scene: int, step: int, width: int) -> None:
        self.arrived += 1
        phash = SEED ^ (0xFFFF_0000_FFFF_0000 * scene) ^ ((1 << step) - 1)
        path = self.line.world.put(f"IMG_{self.arrived}.jpg", f"{scene} {step} {width}")
        self.line.file(path, phash=f"{phash:016x}", size=(width, width * 3 // 4), caption="lake")

    def say(self, word: str, number: int) -> None:
        groups = [group for group in self.pairs.groups() if group.duplicates]
        if word == "undo":
            if (step := self.desk.undo()) is not None:
                self.said.undo(step)
        elif word == "redo":
            if (step := self.desk.redo()) is not None:
                self.said.redo(step)
        elif groups:
            group = groups[number % len(groups)]
            one = group.duplicates[number % len(group.duplicates)]
            action: Action = "keeper" if word == "keeper" else "distinct"
            of = group.duplicates if word == "all distinct" else (one,)
            decided = self.desk.decide([photo.id for photo in of], action)
            assert decided.step is not None, decided.refused
            pairs = {photo.id: _pairs(photo, _members(group)) for photo in of if action == "distinct"}
            self.said.say(decided.step, pairs)
        self.carry(word)

    def carry(self, word: str) -> None:
        """Have the files follow; what was undone or done again may not fit what has arrived since, and then stays."""
        filer = self.line.world.filer(roots=[self.line.world.library])
        for carried in Carrier(self.line.config, filer).carry():
            made = carried.decision
            if carried.problem:
                assert "stays" in carried.problem, carried
                assert word in ("undo", "redo"), carried
                if made.action == "distinct":
                    self.said.stays(made.step, made.photo_id)

    def check(self) -> None:
        groups = self.pairs.groups()
        inside: list[int] = []
        for group in groups:
            assert group.keeper.status in (Status.FILED, Status.REVIEW), "a keeper is in the library"
            assert {photo.status for photo in group.duplicates} == {Status.DUPLICATE}
            assert {photo.twin_of for photo in group.duplicates} == {group.keeper.id}
            assert suggestion(group)[0].id in {photo.id for photo in _members(group)}, "a keeper is a member"
            inside += [photo.id for photo in _members(group)]
            said = {frozenset((one.sha256, other.sha256)) for one, other in itertools.combinations(_members(group), 2)}
            assert not {pair for pair in said & self.said.pairs if len(pair) == 2}, "what is said holds"
        assert len(inside) == len(set(inside)), "no picture is in two groups"
        photos = list(self.line.store.photos())
        assert not [photo for photo in photos if photo.status is Status.DUPLICATE and photo.id not in inside]
        assert len(photos) == self.arrived
        remembered = {frozenset((photo.sha256, o)) for photo in photos for o in self.pairs.distinct_from(photo.sha256)}
        assert remembered == self.said.pairs, "what is in force is remembered, and nothing else"
        assert self.line.world.problems() == []


def _members(group: Group) -> tuple[Photo, ...]:
    return (group.keeper, *group.duplicates)


def _pairs(photo: Photo, others: Sequence[Photo]) -> set[Pair]:
    keeper, *_ = others
    contents = {other.sha256 for other in others} - {photo.sha256}
    if photo.sha256 == keeper.sha256 or not contents:
        contents = {photo.sha256}
    return {frozenset((photo.sha256, content)) for content in contents}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
# Others came to it since, of which one is said to be no duplicate of its former keeper: it cannot go back to that.
@example(
    steps=[
        ("arrival", 0, 0, 1600),
        ("arrival", 0, 0, 400),
        ("distinct", 0),
        ("arrival", 0, 3, 800),
        ("distinct", 0),
        ("arrival", 0, 3, 400),
        ("undo", 0),
    ]
)
# A better one came since and has the place that the chosen one would take again.
@example(
    steps=[
        ("arrival", 0, 0, 800),
        ("arrival", 0, 0, 400),
        ("keeper", 0),
        ("undo", 0),
        ("arrival", 0, 0, 1600),
        ("redo", 0),
    ]
)
# A copy of the same bytes goes along, and comes back along.
@example(steps=[("arrival", 0, 0, 400), ("arrival", 0, 0, 400), ("arrival", 0, 0, 800), ("distinct", 0), ("undo", 0)])
def test_no_order_of_arrivals_and_words_puts_a_picture_into_two_groups_or_forgets_a_word(
    empty_database: Path, steps: list[tuple]
) -> None:
    with tempfile.TemporaryDirectory(prefix="curated-test-") as folder:
        world = World(Path(folder), template=empty_database)
        library = Library(world)
        for what, *rest in steps:
            if what == "arrival":
                library.arrive(*rest)
            else:
                library.say(what, *rest)
            library.check()
        world.close()
