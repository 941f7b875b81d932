"""The contact sheet: dense, quick on any list, and sure that nothing is decided on that was not seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Input, Static

from curated.domain import Status
from curated.review import Seen
from curated.state.queue import Filter, Reviewed
from curated.tui.app import ReviewApp
from curated.tui.picture import PictureView
from curated.tui.sheet import LOOK_SECONDS, SheetScreen
from curated.tui.sheet_grid import SheetGrid, Tile, TileView, shape, words
from curated.tui.sheet_sweep import planned, threshold
from tests.support.clock import ManualClock
from tests.support.filed_pictures import filed_picture, played, review_app, until
from tests.support.filing_world import World

SMALL, LARGE = (80, 24), (160, 48)


class Sheet:
    """A contact sheet that is open, with a clock that the test moves."""

    def __init__(self, pilot: Pilot[None], screen: SheetScreen, clock: ManualClock) -> None:
        self.pilot = pilot
        self.screen = screen
        self.clock = clock

    @property
    def app(self) -> ReviewApp:
        assert isinstance(self.pilot.app, ReviewApp)
        return self.pilot.app

    @property
    def position(self) -> int:
        return self.app.sitting.position

    def text(self, name: str) -> str:
        return str(self.screen.query_one(f"#{name}", Static).render())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def look(self) -> None:
        """Look at this page for long enough."""
        ready = self.app.pictures.ready

        def there() -> bool:
            photos = [view.photo for view in self.screen.query(PictureView) if view.photo is not None]
            return len(photos) == len(self.screen.page) and all(ready(photo, 1) for photo in photos)

        await until(self.pilot, there, "the thumbnails to come")
        self.clock.advance(LOOK_SECONDS)
        page = set(self.screen.page)
        await until(self.pilot, lambda: page <= self.screen.looked_at.keys(), "the page to count as seen")


@asynccontextmanager
async def sheet(
    world: World, size: tuple[int, int] = SMALL, ids: list[int] | None = None, **more
) -> AsyncIterator[Sheet]:
    app = review_app(world, **more)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.sitting.load(app.queue.ids(Filter(), "new") if ids is None else ids, whole=True)
        clock = ManualClock()
        screen = SheetScreen(app.sitting, clock)
        await app.push_screen(screen)
        await until(pilot, lambda: len(screen.query(TileView)) == screen.query_one(SheetGrid).places > 1, "the grid")
        await pilot.pause()
        yield Sheet(pilot, screen, clock)
        app.end_carrying(5)


@pytest.fixture
def dozen(world: World) -> World:
    for number in range(12):
        filed_picture(world, number)
    return world


def marks(world: World) -> dict[int, tuple[str | None, bool]]:
    return {photo.id: (photo.verdict, photo.confirmed is not None) for photo in world.store.photos()}


def test_a_grid_is_as_dense_as_the_room_allows_and_never_so_dense_that_it_is_slow() -> None:
    assert shape(80, 21) == (4, 2)
    columns, rows = shape(160, 45)
    assert columns >= 8
    assert rows >= 4
    assert shape(10, 3) == (1, 1)
    columns, rows = shape(500, 200)
    assert 60 < columns * rows <= 120


@played
async def test_keys_move_in_the_grid(dozen: World) -> None:
    moves = {
        "right": 1, "l": 1, "space": 1, "left": 0, "l h": 0, "l backspace": 0, "down": 4, "j": 4, "j k": 0, "j up": 0,
        "up": 0, "j j j": 8, "pagedown": 8, "pagedown pageup": 0, "G": 11, "end": 11, "G home": 0, "G right": 11,
        "l l pagedown": 10, "G pagedown": 11,
    }  # fmt: skip
    async with sheet(dozen) as here:
        for keys, place in moves.items():
            await here.press("g", *keys.split())
            assert here.position == place, keys


@played
async def test_down_into_a_shorter_last_row_goes_to_its_end(dozen: World) -> None:
    filed_picture(dozen, 99)
    async with sheet(dozen) as here:
        await here.press("l", "l", "j", "j")
        assert here.position == 10
        await here.press("j")
        assert here.position == 12


@played
async def test_a_list_of_300_000_has_no_more_widgets_than_places(dozen: World) -> None:
    async with sheet(dozen, LARGE, ids=[*range(1, 13), *range(1_000, 301_000)]) as here:
        places = here.screen.query_one(SheetGrid).places
        assert len(here.screen.query(TileView)) == places == 40
        await here.press("G")
        assert here.position == 300_011
        assert "seen 0 of 300,012" in here.text("title")
        await here.press("pageup", "g")
        assert here.position == 0
        assert len(here.screen.query(TileView)) == places


@played
async def test_the_grid_follows_the_size_of_the_terminal(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.press("G")
        await here.pilot.resize_terminal(*LARGE)
        await until(here.pilot, lambda: len(here.screen.query(TileView)) == 40, "more places")
        await here.pilot.resize_terminal(*SMALL)
        await until(here.pilot, lambda: len(here.screen.query(TileView)) == 8, "fewer places")
        assert here.position == 11
        await here.look()


@played
async def test_enter_confirms_what_was_shown_and_is_not_marked_as_one_step(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.look()
        first, second = here.screen.page[:2]
        assert "seen 8 of 12" in here.text("title")
        await here.press("l", "m", "enter")
        confirmed = {photo_id for photo_id, (_, confirmed) in marks(dozen).items() if confirmed}
        assert len(confirmed) == 7
        assert first in confirmed
        assert second not in confirmed
        assert here.text("word").startswith(
            "7 pictures category confirmed; left as they are: 4 not shown yet, 1 marked"
        )
        await here.press("u")
        assert not any(confirmed for _, confirmed in marks(dozen).values())
        await here.press("ctrl+y")
        assert sum(confirmed for _, confirmed in marks(dozen).values()) == 7


@played
async def test_enter_again_confirms_only_what_came_on_screen_since(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.look()
        await here.press("enter", "pagedown")
        await here.look()
        await here.press("enter")
        assert here.text("word").startswith("4 pictures category confirmed.")
        await here.press("enter")
        assert here.text("word").startswith("Nothing that was shown is left to confirm")


@played
async def test_a_page_that_was_flipped_past_was_not_seen(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.press("pagedown")
        await here.look()
        await here.press("enter")
        assert sum(confirmed for _, confirmed in marks(dozen).values()) == 4
        assert "8 not shown yet" in here.text("word")


@played
async def test_a_picture_that_could_not_be_shown_was_not_seen(dozen: World) -> None:
    gone = next(dozen.store.photos(sort="new"))
    gone.path.unlink()
    async with sheet(dozen) as here:
        here.clock.advance(10)
        await until(here.pilot, lambda: len(here.screen.looked_at) == 7, "the others to be seen")
        await here.press("enter")
        assert gone.id not in here.screen.looked_at
        assert marks(dozen)[gone.id] == (None, False)


@played
async def test_what_has_no_room_to_be_seen_in_was_not_seen(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.pilot.resize_terminal(20, 6)
        await until(here.pilot, lambda: len(here.screen.query(TileView)) == 1, "one place")
        here.clock.advance(10)
        await here.pilot.pause(0.3)
        assert not here.screen.looked_at
        await here.pilot.resize_terminal(1, 1)
        await here.pilot.resize_terminal(*SMALL)
        await here.look()


@played
async def test_a_category_that_became_another_behind_the_screen_is_not_confirmed(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.look()
        behind = here.screen.page[2]
        dozen.store.update(replace(dozen.store.get(behind), category="Memes"))
        await here.press("enter")
        assert not marks(dozen)[behind][1]
        assert here.text("word").startswith("7 pictures category confirmed; left as they are: 5 not shown yet")
        await here.look()
        await here.press("enter")
        assert marks(dozen)[behind][1]


@played
async def test_what_is_below_another_screen_is_not_looked_at(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.press("question_mark")
        assert here.app.screen is not here.screen
        here.clock.advance(10)
        await here.pilot.pause(0.3)
        assert not here.screen.looked_at
        await here.press("escape")
        await here.look()


@played
async def test_what_lies_in_the_review_folder_has_no_category_to_confirm(world: World) -> None:
    filed_picture(world, 1, category="Review", status=Status.REVIEW)
    filed_picture(world, 2)
    async with sheet(world) as here:
        await here.look()
        await here.press("enter")
        assert "1 picture category confirmed; left as they are: 1 without a category in Review" in here.text("word")


@played
async def test_marks_are_set_one_by_one_by_range_and_for_the_page_and_cleared(dozen: World) -> None:
    async with sheet(dozen) as here:
        sitting = here.app.sitting
        await here.press("m", "l", "l", "M")
        assert list(sitting.marked) == list(sitting.ids[:3])
        assert "3 marked" in here.text("title")
        await here.press("m")
        assert len(sitting.marked) == 2
        await here.press("a")
        assert len(sitting.marked) == 8
        await here.press("escape")
        assert not sitting.marked
        assert here.app.screen is here.screen


@pytest.mark.parametrize("key", ["escape", "v"])
@played
async def test_back_in_the_review_the_cursor_is_on_the_same_picture(dozen: World, key: str) -> None:
    async with sheet(dozen) as here:
        await here.press("l", "j", key)
        assert here.app.screen is not here.screen
        assert here.app.sitting.position == 5


@pytest.mark.parametrize(
    ("key", "verdict"), [("x", "trash"), ("delete", "trash"), ("p", "keep"), ("f7", "keep"), ("n", None)]
)
@played
async def test_a_verdict_is_for_all_that_are_marked(dozen: World, key: str, verdict: str | None) -> None:
    async with sheet(dozen) as here:
        ids = here.screen.page
        await here.press("m", "l", "m", key)
        assert [marks(dozen)[each][0] for each in ids[:3]] == [verdict, verdict, None]
        assert not here.app.sitting.marked
        await here.press("u")
        assert {each for each, _ in marks(dozen).values()} == {None}


@played
async def test_without_marks_a_key_is_for_the_picture_under_the_cursor(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.press("l", "p")
        assert [place for place, each in enumerate(here.screen.page) if marks(dozen)[each][0]] == [1]


@played
async def test_a_digit_files_the_marked_as_that_category(dozen: World) -> None:
    async with sheet(dozen) as here:
        ids = here.screen.page[:2]
        await here.press("m", "l", "m", "8")
        assert [here.app.desk.see(each).photo.category for each in ids] == ["Memes", "Memes"]
        assert "2 pictures filed as Memes" in here.text("word")


@played
async def test_a_category_is_chosen_from_a_list(dozen: World) -> None:
    async with sheet(dozen) as here:
        first = here.screen.page[0]
        await here.press("c")
        assert here.app.screen is not here.screen
        await here.press(*"memes", "enter")
        await until(here.pilot, lambda: here.app.screen is here.screen, "the sheet again")
        await until(here.pilot, lambda: here.app.desk.see(first).photo.category == "Memes", "the decision")
        await here.press("c", "escape")
        assert here.app.screen is here.screen


@played
async def test_protection_is_given_and_taken_away(dozen: World) -> None:
    async with sheet(dozen) as here:
        first = here.screen.page[0]
        await here.press("exclamation_mark")
        assert dozen.store.get(first).protected
        await here.press("x")
        assert marks(dozen)[first][0] is None
        await here.press("exclamation_mark")
        assert not dozen.store.get(first).protected


@played
async def test_a_sweep_takes_only_what_was_on_screen_and_says_what_it_leaves(world: World) -> None:
    for number in range(12):
        filed_picture(world, number, keep_score=0.01 if number % 2 else 0.9)
    async with sheet(world) as here:
        await here.look()
        await here.press("m", "S", *"5")
        assert (
            here.text("promise")
            == "3 pictures go into the trash; 2 more below that were not shown yet and stay; 1 marked stays"
        )
        await here.press("enter")
        trashed = {photo_id for photo_id, (verdict, _) in marks(world).items() if verdict == "trash"}
        assert trashed < here.screen.looked_at.keys()
        assert len(trashed) == 3
        assert "3 pictures put into the trash; 2 more below that were not shown yet and stay" in here.text("word")
        await here.press("u")
        assert {verdict for verdict, _ in marks(world).values()} == {None}


@played
async def test_a_sweep_can_be_left_and_does_nothing_by_what_is_no_number(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.look()
        await here.press("S", "x", "enter")
        assert here.screen.has_class("-sweeping")
        assert "no number" in here.text("promise")
        await here.press("escape")
        assert not here.screen.has_class("-sweeping")
        assert here.screen.focused is None
        await here.press("S", "5", "enter")
        assert here.text("word") == "no undecided picture of this list is below that"
        await here.press("l")
        assert here.position == 1
        assert {verdict for verdict, _ in marks(dozen).values()} == {None}


def test_a_sweep_is_planned_from_what_was_seen() -> None:
    sweep = planned([5, 4, 3, 2, 1, 9], here={1, 2, 3, 4}, looked_at={1, 2, 3}, marked={3})
    assert (sweep.ids, sweep.unseen, sweep.marked) == ((2, 1), 1, 1)


@pytest.mark.parametrize(
    ("text", "percent"),
    [("5", 5), ("2.5", 2.5), ("2,5 %", 2.5), ("0", 0), ("100", 100), ("", None), ("-1", None), ("101", None),
     ("nan", None)],
)  # fmt: skip
def test_a_threshold_is_a_number_of_percent(text: str, percent: float | None) -> None:
    assert threshold(text) == percent


@played
async def test_the_next_page_is_in_memory_before_it_is_asked_for(dozen: World) -> None:
    async with sheet(dozen) as here:
        following = [dozen.store.get(each) for each in here.app.sitting.ids[8:]]
        ready = here.app.pictures.ready
        await until(here.pilot, lambda: all(ready(photo, 1) for photo in following), "the next page")


@played
async def test_a_click_puts_the_cursor_there(dozen: World) -> None:
    async with sheet(dozen) as here:
        await here.pilot.click(list(here.screen.query(TileView))[5])
        await until(here.pilot, lambda: here.position == 5, "the cursor")


@played
async def test_the_rest_of_a_long_list_is_taken_up_when_it_has_come(dozen: World) -> None:
    async with sheet(dozen) as here:
        sitting = here.app.sitting
        ids = list(sitting.ids)
        sitting.load(ids[:3], whole=False)
        await until(here.pilot, lambda: "of 3" in here.text("title"), "the first part")
        sitting.complete(ids)
        await until(here.pilot, lambda: "of 12" in here.text("title"), "the rest")
        assert len([view for view in here.screen.query(PictureView) if view.photo is not None]) == 8


@played
async def test_decisions_of_the_sheet_count_for_the_progress_of_the_sitting(dozen: World) -> None:
    async with sheet(dozen) as here:
        here.app.sitting.reviewed = Reviewed(0, 12)
        await here.look()
        await here.press("p", "enter")
        assert here.app.sitting.reviewed == Reviewed(8, 12), "the kept one is counted once"


@played
async def test_back_in_the_review_what_the_sheet_decided_is_shown(dozen: World) -> None:
    app = review_app(dozen)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: len(app.sitting.ids) == 12, "the list")
        review = app.screen
        panel = lambda: str(review.query_one("#panel", Static).render())  # noqa: E731
        await until(pilot, lambda: "Picture 011" in panel(), "the review")
        await pilot.press("v", "p", "escape")
        await until(pilot, lambda: app.screen is review and "KEEP" in panel(), "the review with the decision")
        app.end_carrying(5)


@played
async def test_keys_are_those_of_the_configuration(dozen: World) -> None:
    async with sheet(dozen, review={"keys": {"mark": ["w"], "next": ["e"], "sheet": ["y"]}}) as here:
        await here.press("e", "w", "l", "m")
        assert list(here.app.sitting.marked) == [here.app.sitting.ids[1]]
        assert here.text("foot").startswith("w mark")
        await here.press("right")
        assert here.position == 2
        await here.press("y")
        assert here.app.screen is not here.screen


@played
async def test_an_empty_list_invites_to_another(world: World) -> None:
    async with sheet(world, ids=[1]) as here:
        assert "no longer known" in str(here.screen.query(".words").first(Static).render())
    app = review_app(world)
    async with app.run_test(size=SMALL) as pilot:
        await app.push_screen(SheetScreen(app.sitting))
        await pilot.pause()
        assert "No picture is in this list" in str(app.screen.query_one("#empty", Static).render())
        for key in ("l", "m", "M", "a", "x", "p", "1", "enter", "S", "G", "pagedown", "u", "c", "exclamation_mark"):
            await pilot.press(key)
        assert not app.screen.query_one("#threshold", Input).has_focus
        await pilot.press("escape")
        app.end_carrying(5)


@pytest.mark.parametrize(
    "name",
    [
        "日本語の写真 とても長い名前です",
        "family 👨‍👩‍👧 at the lake",
        "[bold red]x[/] $text",
        "a\x1b[2Jb\nc",
        "bad \udcff name",
        "",
    ],
)
def test_names_of_any_kind_fill_their_lines_and_nothing_else(dozen: World, name: str) -> None:
    photo = replace(dozen.store.get(1), name=name, category=name, keep_score=0.5)
    for current, marked in ((False, False), (True, True)):
        lines = words(Tile(1, Seen(photo, Path("x"), False), current, marked, True), 18).plain.split("\n")
        assert len(lines) == 2
        assert all(cell_len(line) == 18 for line in lines), lines
        assert all(char.isprintable() or char == "\u200d" for line in lines for char in line)
        "".join(lines).encode()
    assert "▶" in lines[0], "the cursor is seen without colour"
    assert lines[0] != words(Tile(1, Seen(photo, Path("x"), False), True, False, True), 18).plain.split("\n")[0]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_snapshot(snap_compare, world: World, size: tuple[int, int]) -> None:
    names = {3: "日本語の写真 とても長い名前です", 55: "family 👨‍👩‍👧 at the lake", 57: "[bold]no markup[/]"}
    for number in range(20, 60):
        category = ("Photos", "People/Solo", "Memes")[number % 3]
        filed_picture(world, number, names.get(number, ""), category, keep_score=number * 37 % 100 / 100)
    app = review_app(world)

    async def before(pilot: Pilot[None]) -> None:
        app.sitting.load(app.queue.ids(Filter(), "new"), whole=True)
        app.desk.decide([app.sitting.ids[3]], "keep")
        app.desk.decide([app.sitting.ids[4]], "confirm")
        clock = ManualClock()
        screen = SheetScreen(app.sitting, clock)
        await app.push_screen(screen)
        await until(pilot, lambda: len(screen.query(TileView)) == screen.query_one(SheetGrid).places > 1, "the grid")
        here = Sheet(pilot, screen, clock)
        await here.look()
        await here.press("l", "m", "l", "m", "j")
        app.end_carrying(5)

    assert snap_compare(app, terminal_size=size, run_before=before)
