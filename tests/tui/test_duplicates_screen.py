"""The duplicates screen: groups side by side, and a key each for what a person says of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from curated.domain import Photo, Status
from curated.state.pairs import Pairs
from curated.tui.app import ReviewApp
from curated.tui.duplicates_look import differences, facts
from curated.tui.duplicates_screen import DuplicatesScreen
from curated.tui.picture import PictureView
from tests.support.filed_pictures import filed_picture, played, review_app, until
from tests.support.filing_world import World

HASHES = {"pixel_hash": "1" * 64, "phash": "f0f0a5c33c5aa5c3", "phash_wide": "3" * 64}
SIZES = {"small": (80, 24), "large": (160, 48)}
TAKEN = datetime(2019, 7, 4, 10, 15)


def group(world: World, number: int, widths: Sequence[int], kind: str = "near") -> list[Photo]:
    """A keeper of the first width and duplicates of the others."""
    keeper = filed_picture(
        world, number, f"Lake {number}", width=widths[0], height=widths[0] * 3 // 4, taken_at=TAKEN, format="JPEG",
        sharpness=120.0, **HASHES,
    )  # fmt: skip
    others = []
    for place, width in enumerate(widths[1:], start=1):
        photo = filed_picture(
            world, number + place, f"Lake {number} {place + 1}", "Duplicates", width=width, height=width * 3 // 4,
            status=Status.DUPLICATE, twin_of=keeper.id, twin_kind=kind, twin_distance=2, format="WEBP", sharpness=80.0,
            reason="like it", **HASHES,
        )  # fmt: skip
        photo = world.store.get(photo.id)
        world.journal.apply_columns(photo.id, {"category": None})
        others.append(world.store.get(photo.id))
    return [keeper, *others]


class Side:
    """A duplicates screen that is open and has been read."""

    def __init__(self, pilot: Pilot[None], screen: DuplicatesScreen) -> None:
        self.pilot = pilot
        self.screen = screen

    @property
    def app(self) -> ReviewApp:
        assert isinstance(self.pilot.app, ReviewApp)
        return self.pilot.app

    def text(self, name: str) -> str:
        return str(self.screen.query_one(f"#{name}", Static).render())

    def roles(self) -> list[str]:
        return [
            str(slot.query_one(".role", Static).render())
            for slot in self.screen.query(".slot")
            if not slot.has_class("-unused")
        ]

    def facts(self, slot: int) -> str:
        return str(list(self.screen.query(".facts"))[slot].render())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def carried(self) -> None:
        await until(self.pilot, lambda: not self.app.desk.decisions.owed_count(), "the files")
        await self.pilot.pause()


@asynccontextmanager
async def side(world: World, size: tuple[int, int] = (80, 24), **more) -> AsyncIterator[Side]:
    app = review_app(world, **more)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, DuplicatesScreen), "the screen")
        screen = app.screen
        assert isinstance(screen, DuplicatesScreen)
        await until(pilot, lambda: "reading" not in str(screen.query_one("#title", Static).render()), "the groups")
        yield Side(pilot, screen)
        app.end_carrying(10)


@pytest.fixture
def two(world: World) -> list[list[Photo]]:
    """A group of three, and a newer one of two whose keeper is the smaller."""
    return [group(world, 10, (4000, 400, 200)), group(world, 20, (1280, 4032))]


@played
async def test_groups_stand_side_by_side_with_differences_and_the_suggestion(world: World, two) -> None:
    async with side(world) as shown:
        assert "group 1 of 2" in shown.text("title")
        assert shown.roles() == ["1  keeper", "2  near duplicate"]
        assert shown.text("suggestion") == "Suggested keeper: 2, 4032×3024 against 1280×960."
        assert "resolution, format" in shown.text("differ")
        assert "* 4032×3024" in shown.facts(1)
        assert "  1280×960" in shown.facts(0)
        views = list(shown.screen.query(PictureView))
        assert [view.photo.id for view in views[:2] if view.photo] == [photo.id for photo in two[1]]


@played
async def test_as_suggested_makes_the_better_one_the_keeper_and_goes_on(world: World, two) -> None:
    small, large = two[1]
    async with side(world) as shown:
        await shown.press("p")
        assert "group 2 of 2" in shown.text("title")
        await shown.carried()
        assert world.store.get(large.id).status is Status.FILED
        assert world.store.get(large.id).path.name == small.path.name
        assert world.store.get(small.id).twin_of == large.id
        await shown.press("u")
        await shown.carried()
        await until(shown.pilot, lambda: "group 1 of 2" in shown.text("title"), "the group again")
        assert world.store.get(small.id).status is Status.FILED
        assert world.store.get(large.id).twin_of == small.id
    assert world.problems() == []


@played
async def test_a_digit_chooses_the_keeper_and_shows_it_at_once(world: World, two) -> None:
    async with side(world, size=(160, 48)) as shown:
        await shown.press("right")
        assert shown.roles() == ["1  keeper", "2  near duplicate", "3  near duplicate"]
        await shown.press("2")
        assert "made the keeper" in shown.text("word")
        await shown.carried()
        await until(shown.pilot, lambda: shown.roles()[0] == "1  keeper, chosen", "the new keeper")
        found = Pairs(world.database).group(two[0][0].id)
        assert found is not None
        assert found.keeper.id == two[0][1].id
        assert len(found.duplicates) == 2
        await shown.press("9")
        assert "no picture 9" in shown.text("word")


@played
async def test_no_duplicates_are_filed_and_never_shown_again(world: World, two) -> None:
    small, large = two[1]
    async with side(world) as shown:
        await shown.press("N")
        await shown.carried()
        await until(shown.pilot, lambda: "group 1 of 1" in shown.text("title"), "the list")
        assert world.store.get(large.id).twin_of is None
        assert Pairs(world.database).distinct_from(small.sha256) == {large.sha256}
        await shown.press("left")
        assert "group 1 of 1" in shown.text("title")


@played
@pytest.mark.parametrize("key", ["N", "x"])
async def test_what_is_undone_is_shown_again_at_once_and_stays(world: World, two, key: str) -> None:
    keeper, *others = two[0]
    for photo in two[1]:
        world.database.execute("UPDATE photo SET twin_of = NULL, status = 'filed' WHERE id = ?", (photo.id,))
    async with side(world, size=(160, 48)) as shown:
        before = shown.roles()
        await shown.press(key)
        await shown.carried()
        await until(shown.pilot, lambda: shown.screen.has_class("-empty"), "the end of the list")
        with world.filer().alone():  # no file follows meanwhile
            await shown.press("u")
            assert "group 1 of 1" in shown.text("title")
            assert shown.roles() == before
        await shown.carried()
        await until(shown.pilot, lambda: not shown.app.desk.see(others[0].id).owed, "the files")
        await shown.pilot.pause()
        assert "group 1 of 1" in shown.text("title")
        assert shown.roles() == before
        assert [world.store.get(each.id).twin_of for each in others] == [keeper.id, keeper.id]
        await shown.press("ctrl+y")
        await shown.carried()
        await until(shown.pilot, lambda: shown.screen.has_class("-empty"), "the end of the list")


@played
async def test_what_was_decided_before_the_screen_was_opened_is_shown_when_it_is_back(world: World, two) -> None:
    small, large = two[1]
    async with side(world) as shown:
        await shown.press("N")
        await shown.carried()
        await shown.press("d", "d")
        screen = shown.app.screen
        assert isinstance(screen, DuplicatesScreen)
        again = Side(shown.pilot, screen)
        await until(again.pilot, lambda: "of 1" in again.text("title"), "the groups")
        await again.press("u")
        await until(again.pilot, lambda: "group 1 of 2" in again.text("title"), "the group")
        assert again.roles() == ["1  keeper", "2  near duplicate"]
        assert world.store.get(large.id).twin_of == small.id


@played
async def test_a_file_that_cannot_come_back_is_counted_no_longer(world: World, two) -> None:
    _, large = two[1]
    async with side(world) as shown:
        await shown.press("N")
        await shown.carried()
        await until(shown.pilot, lambda: "group 1 of 1" in shown.text("title"), "the list")
        world.store.get(large.id).path.write_text("another picture by now")
        with world.filer().alone():
            await shown.press("u")
            assert "group 1 of 2" in shown.text("title")
        await until(shown.pilot, lambda: "group 1 of 1" in shown.text("title"), "the list")
        assert len(shown.roles()) == 3
        assert large.id in shown.app.troubles


@played
async def test_trash_takes_the_duplicates_and_leaves_the_keeper(world: World, two) -> None:
    keeper, *others = two[0]
    async with side(world) as shown:
        await shown.press("G", "x")
        await shown.carried()
        assert [world.store.get(each.id).status for each in others] == [Status.TRASHED, Status.TRASHED]
        assert world.store.get(keeper.id).status is Status.FILED


@played
async def test_a_group_larger_than_the_screen_has_pages(world: World) -> None:
    group(world, 10, (4000, 400, 300, 200, 100))
    async with side(world) as shown:
        assert "page 1 of 2" in shown.text("title")
        await shown.press("pagedown")
        assert shown.roles() == ["4  near duplicate", "5  near duplicate"]
        await shown.press("pagedown", "pageup")
        assert shown.roles()[0] == "1  keeper"


@played
async def test_a_burst_is_shown_as_kept_and_nothing_of_it_is_trashed(world: World) -> None:
    first, second = filed_picture(world, 1, **HASHES), filed_picture(world, 2, **HASHES)
    Pairs(world.database).set_burst(second.id, first.id, 9)
    async with side(world) as shown:
        assert shown.roles() == ["of one burst, stays", "of one burst, stays"]
        assert "all of them are kept" in shown.text("suggestion")
        await shown.press("x")
        assert "trashed in the review" in shown.text("word")
        await shown.press("p", "1")
        assert "no picture 1" in shown.text("word")
    assert {photo.status for photo in world.store.photos()} == {Status.FILED}


@played
async def test_without_duplicates_it_says_so_and_every_key_is_harmless(world: World) -> None:
    filed_picture(world, 1)
    async with side(world) as shown:
        assert shown.screen.has_class("-empty")
        await shown.press("p", "N", "x", "3", "right", "left", "G", "g", "pagedown")
        assert "No duplicates" in shown.text("empty")
        await shown.press("escape")
        assert not isinstance(shown.app.screen, DuplicatesScreen)


def test_what_is_the_same_in_all_is_no_difference(world: World) -> None:
    one, other = filed_picture(world, 1), filed_picture(world, 1001)
    assert differences([one, one]) == "nothing but their names"
    assert "date" not in differences([one, other])
    assert not any(best for _, best in facts(one, [one, one]).lines)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shown", ["suggested", "three", "empty"])
def test_snapshot(world: World, snap_compare, shown: str, size: str) -> None:
    if shown != "empty":
        group(world, 10, (4000, 400, 200))
        group(world, 20, (1280, 4032))

    async def ready(pilot: Pilot[None]) -> None:
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, DuplicatesScreen), "the screen")
        screen = pilot.app.screen
        await until(pilot, lambda: "reading" not in str(screen.query_one("#title", Static).render()), "the groups")
        if shown == "three":
            await pilot.press("right")
        views = [view for view in screen.query(PictureView) if view.photo is not None]
        await until(pilot, lambda: all(view.image or view.words for view in views), "the pictures")
        await pilot.pause()

    assert snap_compare(review_app(world), terminal_size=SIZES[size], run_before=ready)
