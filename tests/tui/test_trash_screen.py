"""The trash screen: what is there and since when; it brings back, and deletes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Static

from curated.domain import Status
from curated.files import RealDisk
from curated.filing import Filer
from curated.review import Review
from curated.state.overview import InTrash
from curated.tui.app import ReviewApp
from curated.tui.picture import PictureView
from curated.tui.trash_list import GOING_BACK, TrashList
from curated.tui.trash_screen import TrashScreen
from tests.support.dashboard_moments import NASTY
from tests.support.filed_pictures import filed_picture, played, review_app, review_config, until
from tests.support.filing_world import NOON, World


def trash(world: World, number: int, days: float = 0, name: str = "") -> int:
    """A picture that was trashed so many days before the review's present."""
    photo = filed_picture(world, number, name, category=("Photos", "Memes")[number % 2])
    filer = Filer(world.database, RealDisk(), clock=lambda: NOON - timedelta(days=days, minutes=-4))
    Review(review_config(world), filer).mark(photo, "trash")
    return photo.id


@pytest.fixture
def full(world: World) -> World:
    """Six pictures in the trash, the one of number 0 last."""
    for number in range(6):
        trash(world, number, days=number * 3)
    return world


class Bin:
    """A trash screen that is open and has been read."""

    def __init__(self, pilot: Pilot[None], screen: TrashScreen) -> None:
        self.pilot = pilot
        self.screen = screen

    @property
    def app(self) -> ReviewApp:
        assert isinstance(self.pilot.app, ReviewApp)
        return self.pilot.app

    @property
    def list(self) -> TrashList:
        return self.screen.query_one(TrashList)

    def text(self, name: str) -> str:
        return str(self.screen.query_one(f"#{name}", Static).render())

    def lines(self) -> list[str]:
        return [self.list.render_line(y).text.rstrip() for y in range(len(self.list.rows))]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def trash_screen(world: World, size: tuple[int, int] = (80, 24), **more) -> AsyncIterator[Bin]:
    app = review_app(world, **more)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        screen = TrashScreen()
        await app.push_screen(screen)
        await until(pilot, lambda: "reading" not in str(screen.query_one("#title", Static).render()), "the trash")
        await pilot.pause()
        yield Bin(pilot, screen)
        app.end_carrying(5)


@played
async def test_the_newest_stands_first_with_its_age_and_size_and_the_sum_above(full: World) -> None:
    async with trash_screen(full, (100, 24)) as here:
        sizes = [row.size for row in here.list.rows]
        assert here.text("title") == f"Trash · 6 pictures, {sum(sizes) / 1000:.1f} kB in all · 1 of 6"
        lines = here.lines()
        assert lines[0].startswith("▶  Picture 000.png")
        assert lines[0].endswith(f"1 min  {sizes[0]} bytes")
        assert "9 days" in lines[3]


@played
async def test_it_is_said_that_nothing_goes_by_itself_and_nothing_is_deleted_here(full: World) -> None:
    async with trash_screen(full) as here:
        note = here.text("note")
        assert note.startswith("Nothing here is deleted, and nothing empties the trash by itself")
        assert note.endswith("all stays until you run `curated trash empty`.")
        await here.press("j")
        about = here.text("about")
        assert "from Memes" in about
        assert "since 2025-12-30 (3 days)" in about
        assert "until `curated trash empty` (--older-than 3d at most)" in about
        before = full.files()
        await here.press("x", "delete")
        assert "in the trash already. Nothing is deleted here" in here.text("word")
    assert full.files() == before


@played
async def test_keys_move_in_the_list(full: World) -> None:
    moves = {
        "down": 1, "j": 1, "right": 1, "l": 1, "space": 1, "j up": 0, "j k": 0, "j left": 0, "j h": 0, "j backspace": 0,
        "up": 0, "G": 5, "end": 5, "G j": 5, "G home": 0, "pagedown": 5, "G pageup": 0,
    }  # fmt: skip
    async with trash_screen(full) as here:
        for keys, place in moves.items():
            await here.press("g", *keys.split())
            assert here.list.place == place, keys
        assert here.screen.query_one(PictureView).photo is not None


@pytest.mark.parametrize(("key", "verdict"), [("enter", None), ("n", None), ("p", "keep"), ("f7", "keep")])
def test_the_marked_are_brought_back_as_one_step(full: World, key: str, verdict: str | None) -> None:
    @played
    async def bring_back() -> None:
        async with trash_screen(full) as here:
            ids = [row.photo_id for row in here.list.rows]
            await here.press("m", "j", "j", "m", key)
            assert not here.list.marked
            assert "2 pictures" in here.text("word")
            assert "u takes it back" in here.text("word")
            await until(here.pilot, lambda: len(here.list.rows) == 4, "the files to be back")
            for photo_id in (ids[0], ids[2]):
                photo = full.store.get(photo_id)
                assert (photo.status, photo.verdict) == (Status.FILED, verdict)
                assert photo.path.exists()
            assert here.text("title").startswith("Trash · 4 pictures")
            await here.press("u")
            await until(here.pilot, lambda: len(here.list.rows) == 6, "the files to be in the trash again")
        assert full.problems() == []

    bring_back()


@played
async def test_without_marks_the_one_under_the_cursor_is_brought_back(full: World) -> None:
    async with trash_screen(full) as here:
        await here.press("j")
        chosen = here.list.current
        assert chosen is not None
        await here.press("enter")
        await until(here.pilot, lambda: len(here.list.rows) == 5, "the file to be back")
        assert full.store.get(chosen.photo_id).status is Status.FILED
        assert here.list.place == 1, "the cursor stays where it was"


@played
async def test_marks_by_range_for_the_page_and_cleared(full: World) -> None:
    async with trash_screen(full) as here:
        await here.press("m", "j", "j", "M")
        assert len(here.list.marked) == 3
        assert "3 marked" in here.text("title")
        assert here.lines()[0].startswith(" * Picture")
        await here.press("m")
        assert len(here.list.marked) == 2
        await here.press("a")
        assert len(here.list.marked) == 6
        await here.press("escape")
        assert not here.list.marked
        assert here.app.screen is here.screen
        await here.press("escape")
        assert here.app.screen is not here.screen


@played
async def test_its_key_goes_back_to_the_review(full: World) -> None:
    async with trash_screen(full) as here:
        await here.press("T")
        assert here.app.screen is not here.screen


@played
async def test_what_is_trashed_meanwhile_appears_and_the_cursor_stays_on_its_picture(full: World) -> None:
    async with trash_screen(full) as here:
        await here.press("j", "j", "m")
        chosen = here.list.current
        trash(full, 99, days=-1)
        await until(here.pilot, lambda: len(here.list.rows) == 7, "the new one")
        assert here.list.current == chosen
        assert here.list.place == 3
        assert here.list.marked == {chosen.photo_id}


@played
async def test_a_picture_whose_file_has_still_to_follow_is_said_to_be_going_back(full: World) -> None:
    app = review_app(full)
    async with app.run_test() as pilot:
        app.end_carrying(5)  # nobody moves the files for now
        screen = TrashScreen()
        await app.push_screen(screen)
        await until(pilot, lambda: len(screen.query_one(TrashList).rows) == 6, "the trash")
        await pilot.press("enter")
        here = Bin(pilot, screen)
        await until(pilot, lambda: GOING_BACK in here.lines()[0], "the decision to be seen")
        assert "on its way back" in here.text("about")
        steps = app.desk.decisions.owed_count()
        await pilot.press("enter")
        assert app.desk.decisions.owed_count() == steps, "it is not decided twice"


@played
async def test_an_empty_trash_says_what_comes_here(world: World) -> None:
    async with trash_screen(world) as here:
        assert here.screen.has_class("-empty")
        assert "The trash is empty." in here.text("empty")
        assert "What you trash with x in the review comes here" in here.text("empty")
        await here.press("enter", "p", "n", "x", "m", "M", "a", "j", "G", "g", "pagedown", "pageup", "escape")
        assert here.app.screen is not here.screen


@played
async def test_what_a_person_put_there_is_said_to_be_left_alone(world: World) -> None:
    photo = filed_picture(world, 1)
    world.store.set_status(photo.id, Status.TRASHED, "found there")
    async with trash_screen(world) as here:
        assert "by hand" in here.lines()[0]
        assert "leaves it alone" in here.text("about")


@played
async def test_keys_are_those_of_the_configuration(full: World) -> None:
    async with trash_screen(full, review={"keys": {"next": ["e"], "mark": ["w"]}}) as here:
        await here.press("e", "w")
        assert here.list.place == 1
        assert len(here.list.marked) == 1
        assert "w M mark" in here.text("foot")


@played
async def test_names_of_any_kind_fill_their_line_and_nothing_else(full: World) -> None:
    async with trash_screen(full) as here:
        row = replace(here.list.rows[0], file=Path("/l") / NASTY, category=NASTY, size=10**13)
        for width in (30, 48, 100):
            here.list.styles.width = width
            await here.pilot.pause()
            here.list.load([row, InTrash(2, Path("/l/b.jpg"), "", None, 1, 0)], {}, NOON)
            line = here.list.render_line(0).text
            assert cell_len(line) == here.list.size.width
            assert all(char.isprintable() or char == "\u200d" for char in line)
            line.encode()


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["small", "large"])
@pytest.mark.parametrize("content", ["full", "empty"])
def test_snapshot(snap_compare, world: World, size: tuple[int, int], content: str) -> None:
    names = {2: "日本語の写真 とても長い名前です", 4: "[bold]no markup[b]"}
    if content == "full":
        for number in range(12):
            trash(world, number, number * number * 0.7, names.get(number, ""))
    app = review_app(world)

    async def before(pilot: Pilot[None]) -> None:
        screen = TrashScreen()
        await app.push_screen(screen)
        here = Bin(pilot, screen)
        await until(pilot, lambda: "reading" not in here.text("title"), "the trash")
        if content == "full":
            await here.press("j", "m", "j", "m", "j")
            view = screen.query_one(PictureView)
            await until(pilot, lambda: view.photo and app.pictures.ready(view.photo, 1), "the picture")
            await pilot.pause(0.1)
        app.end_carrying(5)

    assert snap_compare(app, terminal_size=size, run_before=before)
