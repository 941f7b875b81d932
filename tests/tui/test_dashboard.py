"""The dashboard: what it sees is what is there, and it is drawn anew only where something is another."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import Static

from curated.domain import Purpose, Status
from curated.state.daemon import DaemonState, InstanceLock, publish
from curated.state.store import Attempt
from curated.taste import CategoryFigures
from curated.taste.probation import Probation
from curated.tui import dashboard_panels as panels
from curated.tui.app import ReviewApp
from curated.tui.dashboard import DashboardScreen, Panel
from curated.tui.dashboard_look import Looker, Snapshot, age
from tests.support.clock import ManualClock
from tests.support.dashboard_moments import EMPTY, FIGURES, NASTY, StillLooker, busy
from tests.support.filed_pictures import filed_picture, picture, played, review_app, review_config, until
from tests.support.filing_world import NOON, World

DRAWINGS = [
    panels.daemon, panels.rate, panels.last_filed, panels.library, panels.failed, panels.decisions, panels.taste,
    panels.health,
]  # fmt: skip


def looker(world: World, monotonic: ManualClock | None = None, *, later: timedelta = timedelta()) -> Looker:
    return Looker(review_config(world), world.database, lambda: NOON + later, monotonic or ManualClock())


def failed_picture(world: World, number: int = 1) -> int:
    """A picture that was put into the folder of those that failed."""
    source = picture(world.unsorted / f"bad {number}.png", number)
    photo = world.photo(source)
    world.filer().move(
        world.plan([source], [world.library / "Failed" / source.name]),
        purpose=Purpose.FAIL,
        photo_id=photo.id,
        after={"status": "failed", "reason": "cut short"},
        reason="cut short",
    )
    return photo.id


def state_of(**changes: object) -> DaemonState:
    state = DaemonState(os.getpid(), NOON.isoformat(), NOON.isoformat(), "watching")
    return replace(state, **changes)


@pytest.fixture
def running(world: World) -> Iterator[World]:
    """A world with a daemon: this very process, as far as its lock says."""
    with InstanceLock(world.database_path.parent):
        publish(world.store, state_of())
        yield world


# -- looking ---------------------------------------------------------------------------------------------


def test_a_look_sees_what_is_there(world: World) -> None:
    filed_picture(world, 1, category="Memes", verdict="keep")
    failed = failed_picture(world)
    world.store.set_attempt(Attempt(world.unsorted / "half.jpg", 1, 1, 2, NOON, "being written"), NOON)
    seen = looker(world, later=timedelta(minutes=1)).look()
    assert (seen.running, seen.state) == (False, None)
    assert seen.per_minute[-2:] == (1, 0)
    assert [entry.file.name for entry in seen.last] == ["Picture 001.png"]
    assert [(entry.photo_id, entry.reason) for entry in seen.failed] == [(failed, "cut short")]
    assert [attempt.reason for attempt in seen.waiting] == ["being written"]
    assert seen.counts.categories == {"Memes": {Status.FILED: 1}, "": {Status.FAILED: 1}}
    assert (seen.counts.judged.kept, seen.counts.taste) == (1, None)
    assert seen.counts.notice.startswith(("lite", "full"))
    assert [each.level for each in seen.health] == ["ok"] * 3
    assert seen.space is not None


def test_a_daemon_runs_as_long_as_it_holds_its_lock(running: World) -> None:
    seen = looker(running).look()
    assert seen.running
    assert seen.state == state_of()


def test_the_whole_library_is_counted_rarely_and_when_it_is_wanted(world: World) -> None:
    clock = ManualClock()
    here = looker(world, clock)
    assert here.look().counts.categories == {}
    filed_picture(world, 1)
    clock.now -= 1  # however quick the counting was
    assert here.look().counts.categories == {}
    clock.advance(3600)
    assert here.look().counts.categories == {"Photos": {Status.FILED: 1}}
    filed_picture(world, 2)
    clock.now -= 1
    here.forget()
    assert here.look().counts.categories == {"Photos": {Status.FILED: 2}}


def levels(snapshot: Snapshot) -> dict[str, str]:
    return {each.what: each.level for each in snapshot.health}


def test_a_library_that_is_gone_or_not_mounted_is_the_first_thing_said(world: World) -> None:
    filed_picture(world, 1)
    shutil.move(world.library, world.base / "elsewhere")
    seen = looker(world).look()
    assert (seen.health[0].level, seen.health[0].what) == ("fail", "library")
    assert "is not there" in seen.health[0].detail
    assert seen.space is None
    world.library.mkdir()
    assert "mounted" in looker(world).look().health[0].detail


def test_a_database_that_a_newer_program_changed_meanwhile_is_said(world: World) -> None:
    here = looker(world)
    world.database.execute("PRAGMA user_version = 99")
    assert levels(here.look())["database"] == "fail"


def test_a_daemon_with_work_that_says_nothing_is_stuck_and_one_without_is_not(running: World) -> None:
    hours = looker(running, later=timedelta(hours=3))
    assert "daemon" not in levels(hours.look())
    publish(running.store, state_of(activity="working", waiting=3))
    assert levels(hours.look())["daemon"] == "warn"
    assert "daemon" not in levels(looker(running, later=timedelta(minutes=1)).look())


def test_moves_left_half_done_by_something_that_was_killed_are_said(world: World) -> None:
    photo = filed_picture(world, 1)
    world.database.execute("UPDATE move SET open = 1, created_at = ?", (NOON.isoformat(),))
    world.database.execute("UPDATE move_file SET state = 'planned'")
    assert photo.id
    assert levels(looker(world, later=timedelta(hours=1)).look())["moves"] == "warn"
    assert "moves" not in levels(looker(world, later=timedelta(seconds=1)).look())


# -- drawing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", DRAWINGS)
def test_a_panel_keeps_within_its_room_whatever_it_shows(draw) -> None:
    nasty = busy()
    entry = replace(nasty.last[0], file=Path("/l") / NASTY, category=NASTY, reason=NASTY)
    made, _ = nasty.problems[0]
    nasty = replace(
        nasty,
        last=(entry,) * 50,
        failed=(entry,) * 50,
        waiting=(replace(nasty.waiting[0], path=Path("/u") / NASTY, reason=NASTY),) * 9,
        problems=((replace(made, argument=NASTY, problem=NASTY), Path(NASTY)), (made, None)),
        state=replace(nasty.state, detail=NASTY.replace("\udcff", ""), activity="paused", profile="", device=""),
        counts=replace(nasty.counts, categories={NASTY: {Status.FILED: 10**6}, "b": {Status.FILED: 1}}),
        space=None,
    )
    for snapshot in (EMPTY, busy(), nasty, replace(EMPTY, running=True)):
        for width, height in ((1, 1), (10, 2), (36, 3), (38, 5), (70, 20)):
            lines = draw(snapshot, width, height).plain.split("\n")
            assert len(lines) <= height
            assert all(cell_len(line) <= width for line in lines), (width, lines)
            assert all(char.isprintable() or char == "\u200d" for line in lines for char in line)
            "".join(lines).encode()


def test_bars_show_everything_above_nothing() -> None:
    assert panels.bars([0, 1, 800, 400], 4, 1) == ["·▁█▄"]
    assert panels.bars([0, 1, 800, 400], 8, 1) == ["··▁▁██▄▄"]
    assert panels.bars([4, 4, 0, 4], 2, 2) == ["█ ", "██"]
    assert panels.bars([0, 0], 2, 2) == ["  ", "··"]


def test_the_daemon_is_told_by_words_and_not_only_by_colour() -> None:
    def words(snapshot: Snapshot) -> str:
        return panels.daemon(snapshot, 60, 8).plain

    assert "○ stopped" in words(EMPTY)
    assert "`curated run` starts it" in words(EMPTY)
    assert "▶ working" in words(busy())
    assert "profile full · device cuda:0" in words(busy())
    assert "1,204 waiting · 16 in work · 2 to retry · 9 min left" in words(busy())
    paused = replace(busy(), state=replace(busy().state, activity="paused", detail="the library is not mounted"))
    assert "‖ paused" in words(paused)
    assert "the library is not mounted" in words(paused)
    assert "… starting" in words(replace(busy(), state=None))


def test_what_failed_is_told_with_the_reason_and_the_next_try() -> None:
    text = panels.failed(busy(), 90, 5).plain
    assert "✗ IMG_0042.jpg  the picture is cut short" in text
    assert "… half.jpg  still being written (try 2, next try in 40 s)" in text
    assert panels.failed(busy(), 90, 2).plain.endswith("and 2 more")
    assert panels.failed(EMPTY, 90, 2).plain == "Nothing failed."


def test_decisions_that_are_owed_or_failed_are_told() -> None:
    text = panels.decisions(busy(), 90, 5).plain
    assert "3 files still to follow a decision." in text
    assert "✗ a lake.jpg  the disk is full (rename as Lake at dawn)" in text
    assert "Every file has followed its decision." in panels.decisions(EMPTY, 90, 5).plain


def test_the_taste_says_whether_it_is_to_be_trusted_and_how_it_is_got() -> None:
    assert "then `curated predict` learns from it" in panels.taste(EMPTY, 90, 5).plain
    trusted = panels.taste(busy(), 90, 8).plain
    assert "AUC 0.87 (0.83 to 0.90; guessing 0.50)" in trusted
    assert "✓ trusted: 7,610 pictures have a score" in trusted
    assert "20: 0.61" in trusted
    weak = replace(busy().counts, taste=FIGURES.__class__(**{**as_dict(FIGURES), "auc_low": 0.4}))
    assert "! not trusted: about" in panels.taste(replace(busy(), counts=weak), 90, 8).plain
    new = FIGURES.__class__(**{**as_dict(FIGURES), "probation": Probation(660, 60, 31)})
    assert (
        "! on probation: 31 more labels"
        in panels.taste(replace(busy(), counts=replace(busy().counts, taste=new)), 90, 8).plain
    )


def test_the_taste_says_how_right_each_learnt_category_is() -> None:
    known = (
        CategoryFigures("Photos", 40, 38, 0.97, 0.9, 0.6, 0.8, 44, Probation(1, 25, 0)),
        CategoryFigures("Plans", 20, 18, 0.95, 0.9, 0.6, 0.8, 24, Probation(1, 25, 9)),
        CategoryFigures("a\x1b[2Jb", 9, 0, 0.0, 0.0, 2.0, 0.5, 12),
    )
    text = panels.taste(replace(busy(), counts=replace(busy().counts, learnt=known)), 90, 9).plain
    assert "Photos 97%  Plans 95% on probation" in text
    assert "b unsure" in text
    assert "\x1b" not in text


def as_dict(figures: object) -> dict[str, object]:
    return {name: getattr(figures, name) for name in figures.__struct_fields__}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (1, "just now"), (40, "40 s"), (60, "1 min"), (7_199, "119 min"), (7_200, "2 h"),
     (200_000, "2 days")],
)  # fmt: skip
def test_an_age_is_said_in_the_unit_that_fits(seconds: float, words: str) -> None:
    assert age(NOON - timedelta(seconds=seconds), NOON) == words


# -- the screen ------------------------------------------------------------------------------------------


@asynccontextmanager
async def dashboard(
    world: World, still: StillLooker | None = None
) -> AsyncIterator[tuple[Pilot[None], DashboardScreen]]:
    app = review_app(world)
    async with app.run_test(size=(160, 48), notifications=True) as pilot:
        await pilot.pause()
        screen = DashboardScreen(still)
        await app.push_screen(screen)
        yield pilot, screen
        app.end_carrying(5)


def text(screen: DashboardScreen, name: str) -> str:
    return str(screen.query_one(f"#{name}", Panel).render())


def notices(pilot: Pilot[None]) -> list[str]:
    app = pilot.app
    assert isinstance(app, ReviewApp)
    return [notification.message for notification in app._notifications]


@played
async def test_what_changes_is_seen_without_a_key(world: World) -> None:
    async with dashboard(world) as (pilot, screen):
        await until(pilot, lambda: "Nothing is filed yet" in text(screen, "last"), "the first look")
        filed_picture(world, 1, "A dog")
        await until(pilot, lambda: "A dog.png" in text(screen, "last"), "the next look")


@played
async def test_what_did_not_change_is_not_drawn_anew(world: World) -> None:
    class Counting(Panel):
        drawn = 0

        def refresh(self, *regions, **options) -> Panel:
            Counting.drawn += 1
            return super().refresh(*regions, **options)

    still = StillLooker(busy())
    async with dashboard(world, still) as (pilot, screen):
        panel = Counting("counting", "Counting", panels.last_filed)
        await screen.mount(panel)
        looks = still.looks
        await until(pilot, lambda: still.looks > looks + 1, "it to be drawn at first")
        await pilot.pause()
        before, looks = Counting.drawn, still.looks
        await until(pilot, lambda: still.looks > looks + 1, "two more looks")
        assert Counting.drawn == before
        still.snapshot = EMPTY
        await until(pilot, lambda: Counting.drawn > before, "it to be drawn anew")


@pytest.mark.parametrize("key", ["tab", "escape"])
def test_back_to_the_review(world: World, key: str) -> None:
    @played
    async def leave() -> None:
        async with dashboard(world, StillLooker(EMPTY)) as (pilot, screen):
            await pilot.press(key)
            assert pilot.app.screen is not screen

    leave()


@played
async def test_retrying_without_a_daemon_says_who_will_do_it(world: World) -> None:
    photo_id = failed_picture(world)
    world.store.set_attempt(Attempt(world.unsorted / "half.jpg", 1, 1, 2, NOON, "being written"), NOON)
    async with dashboard(world) as (pilot, _):
        await pilot.press("f5")
        await until(pilot, lambda: notices(pilot), "a word")
        assert "2 files are tried again: `curated run` files them" in notices(pilot)[0]
    assert world.store.get(photo_id).status is Status.UNDONE
    assert (world.unsorted / "bad 1.png").exists()
    assert world.store.attempts() == []


@played
async def test_retrying_tells_the_daemon(running: World) -> None:
    failed_picture(running)
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        async with dashboard(running) as (pilot, _):
            await pilot.press("f5")
            await until(pilot, lambda: heard and notices(pilot), "the signal")
            assert "1 file is tried again: the daemon files them now." in notices(pilot)[0]
    finally:
        signal.signal(signal.SIGUSR1, before)


@played
async def test_what_cannot_be_tried_again_says_why(world: World) -> None:
    failed_picture(world)
    (world.library / "Failed" / "bad 1.png").unlink()
    async with dashboard(world) as (pilot, _):
        await pilot.press("f5")
        await until(pilot, lambda: notices(pilot), "a word")
        assert "1 cannot be tried again: bad 1.png: " in notices(pilot)[0]


@played
async def test_retrying_where_nothing_failed_says_so(world: World) -> None:
    async with dashboard(world) as (pilot, _):
        await pilot.press("f5")
        await until(pilot, lambda: notices(pilot), "a word")
        assert "nothing to try again" in notices(pilot)[0]


@played
async def test_a_database_that_cannot_be_read_is_said_and_looked_at_again(world: World) -> None:
    async with dashboard(world) as (pilot, screen):
        title = screen.query_one("#title", Static)
        world.database.execute("ALTER TABLE attempt RENAME TO elsewhere")
        await until(pilot, lambda: "cannot be read just now" in str(title.render()), "the trouble")
        world.database.execute("ALTER TABLE elsewhere RENAME TO attempt")
        await until(pilot, lambda: "cannot be read" not in str(title.render()), "the next look")


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["small", "large"])
@pytest.mark.parametrize("moment", ["busy", "empty"])
def test_snapshot(snap_compare, world: World, size: tuple[int, int], moment: str) -> None:
    app = review_app(world)
    still = StillLooker(busy() if moment == "busy" else EMPTY)

    async def before(pilot: Pilot[None]) -> None:
        screen = DashboardScreen(still)
        await app.push_screen(screen)
        await until(pilot, lambda: text(screen, "daemon"), "the first look")
        await pilot.pause()
        app.end_carrying(5)

    assert snap_compare(app, terminal_size=size, run_before=before)
