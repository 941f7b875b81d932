"""What comes between: a kill, another program, a failure; no decision is lost, made twice, or half made."""

from __future__ import annotations

import random

import pytest

from curated.domain import Photo, Status
from curated.filing.trash import trash_photo
from curated.review import Carrier, Desk
from tests.pipeline.conftest import Line
from tests.review.test_desk import Killed, carry, desk, marks
from tests.review.test_hand import config_of, filed
from tests.review.test_twins import three
from tests.support.filing_disks import Step, WrappedDisk
from tests.support.filing_world import World


def killed_before_the_note(world: World) -> None:
    """Carry out one decision as a program that is killed after its file was moved and before it was noted."""
    carrier = Carrier(config_of(world), world.filer())

    def die(*_, **__):
        raise Killed

    carrier._decisions.finish = die
    with pytest.raises(Killed):
        list(carrier.carry())


def test_what_could_not_be_carried_out_leaves_no_mark_when_an_earlier_decision_is_taken_back(world: World) -> None:
    photo, here = filed(world, "a.jpg"), desk(world)
    here.decide([photo.id], "file", "Memes")
    carry(world)
    here.decide([photo.id], "trash")
    here.decide([photo.id], "protect")
    assert carry(world) == ["is protected; take the protection away first"] or world.store.get(photo.id).verdict is None
    assert [here.undo().action, here.undo().action, here.undo()] == ["protect", "file", None]
    carry(world)
    assert world.store.get(photo.id) == photo


def test_a_step_that_comes_again_leaves_alone_what_of_it_could_not_be_carried_out(world: World) -> None:
    first, second = filed(world, "a.jpg"), filed(world, "b.jpg")
    here = desk(world)
    here.decide([first.id, second.id], "trash")
    here.decide([second.id], "protect")
    carry(world)
    assert [here.undo().action, here.undo().photo_ids] == ["protect", (first.id,)]
    carry(world)
    assert here.redo().photo_ids == (first.id,)
    carry(world)
    assert world.store.get(first.id).status is Status.TRASHED
    assert (world.store.get(second.id).status, world.store.get(second.id).verdict) == (Status.FILED, None)


def test_a_picture_renamed_to_a_taken_name_is_not_renamed_twice_by_the_next_program(world: World) -> None:
    filed(world, "Lake.jpg")
    photo, here = filed(world, "a.jpg"), desk(world)
    here.decide([photo.id], "rename", "Lake")
    killed_before_the_note(world)
    once = world.store.get(photo.id).path
    assert carry(world) == [""]
    assert world.store.get(photo.id).path == once
    here.undo()
    carry(world)
    assert world.store.get(photo.id) == photo


ARGUMENTS = {"file": "Memes", "rename": "Lake"}


@pytest.mark.parametrize("action", ["trash", "file", "rename"])
def test_what_is_undone_after_a_kill_and_before_the_next_carrying_comes_back(world: World, action: str) -> None:
    photo, here = filed(world, "a.jpg"), desk(world)
    here.decide([photo.id], action, ARGUMENTS.get(action))
    killed_before_the_note(world)
    here.undo()
    assert not any(carry(world))
    assert world.store.get(photo.id) == photo
    here.redo()
    assert not any(carry(world))
    assert world.store.get(photo.id).path != photo.path
    here.undo()
    carry(world)
    assert world.store.get(photo.id) == photo
    assert world.problems() == []


@pytest.mark.parametrize("action", ["trash", "file", "rename"])
def test_what_is_redone_after_a_kill_and_before_the_next_carrying_is_made_again(world: World, action: str) -> None:
    photo, here = filed(world, "a.jpg"), desk(world)
    here.decide([photo.id], action, ARGUMENTS.get(action))
    carry(world)
    decided = world.store.get(photo.id)
    here.undo()
    killed_before_the_note(world)
    here.redo()
    assert not any(carry(world))
    now = world.store.get(photo.id)
    assert (now.path, *marks(now)) == (decided.path, *marks(decided))
    here.undo()
    carry(world)
    assert world.store.get(photo.id) == photo
    assert world.problems() == []


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_killed_between_undoing_all_brings_all_back(world: World, seed: int) -> None:
    chance = random.Random(seed)
    photos = [filed(world, f"{number}.jpg") for number in range(3)]
    before, bytes_before = world.files(), world.contents()
    for _ in range(40):
        photo = chance.choice(photos)
        match chance.choice(["keep", "trash", "undecided", "file", "rename", "undo", "redo", "carry", "kill"]):
            case "undo":
                desk(world).undo()
            case "redo":
                desk(world).redo()
            case "carry":
                assert not any(carry(world))
            case "kill" if desk(world).decisions.owed_count():
                killed_before_the_note(world)
            case "kill":
                pass
            case "file":
                desk(world).decide([photo.id], "file", chance.choice(["Memes", "Documents"]))
            case "rename":
                desk(world).decide([photo.id], "rename", chance.choice(["Lake", "Sea"]))
            case action:
                desk(world).decide([each.id for each in chance.sample(photos, 2)], action)
        assert world.contents() == bytes_before
    while carry(world) or desk(world).undo():
        pass
    assert desk(world).decisions.problems(9) == []
    assert world.files() == before
    assert [marks(world.store.get(photo.id)) for photo in photos] == [marks(photo) for photo in photos]
    assert world.problems() == []


class KillingDisk(WrappedDisk):
    """The program is killed right after its file was moved."""

    def after(self, step: Step) -> None:
        if step.name == "rename":
            raise Killed


@pytest.mark.parametrize("turned_back", [False, True])
@pytest.mark.parametrize("action", ["trash", "file", "rename"])
def test_a_program_killed_amid_a_move_is_finished_by_the_next_review_without_a_start_of_the_daemon(
    world: World, action: str, turned_back: bool
) -> None:
    photo, here = filed(world, "a.jpg"), desk(world)
    here.decide([photo.id], action, ARGUMENTS.get(action))
    with pytest.raises(Killed):
        carry(world, KillingDisk())
    if turned_back:
        here.undo()
    assert carry(world) == [""]
    assert (world.store.get(photo.id).path == photo.path) is turned_back
    assert world.problems() == []


def test_a_picture_is_looked_at_and_decided_on_in_one_transaction(world: World) -> None:
    photo = filed(world, "a.jpg")
    held: list[bool] = []

    def clock():
        held.append(world.database.connection.in_transaction)
        return world.filer().clock()

    Desk(config_of(world), world.database, clock).decide([photo.id], "confirm")
    assert held
    assert all(held), "else a file could follow an earlier decision between the look and the row"


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


def carry_twins(line: Line) -> list[str]:
    filer = line.world.filer(roots=[line.world.library])
    return [each.problem for each in Carrier(line.config, filer).carry()]


def chosen_and_trashed(line: Line) -> tuple[Photo, Photo]:
    """A keeper, and a duplicate that was chosen in its place and trashed by another program before it got there."""
    large, small, _ = three(line)
    Desk(line.config, line.world.database).decide([small.id], "keeper")
    trash_photo(line.world.filer(), line.store.get(small.id), line.config.folders)
    return large, small


def test_a_keeper_makes_no_way_for_one_that_was_trashed_meanwhile(line: Line) -> None:
    large, small = chosen_and_trashed(line)
    assert all(carry_twins(line))
    now = line.store.get(large.id)
    assert (now.status, now.path, now.chosen, now.twin_of) == (large.status, large.path, False, None)
    assert line.store.get(small.id).status is Status.TRASHED
    assert line.world.problems() == []


def test_a_keeper_that_was_trashed_meanwhile_is_not_brought_to_the_duplicates(line: Line) -> None:
    large, small, _ = three(line)
    Desk(line.config, line.world.database).decide([small.id], "keeper")
    trash_photo(line.world.filer(), line.store.get(large.id), line.config.folders)
    carry_twins(line)
    assert line.store.get(large.id).status is Status.TRASHED
    assert line.store.get(small.id).status in (Status.FILED, Status.REVIEW)
    assert line.world.problems() == []
