from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Input

from curated.domain import Photo, Status
from curated.review import Desk as Decisions
from curated.state.database import Database
from curated.tui.dialogs import AskScreen, FilterScreen, HelpScreen, PickerScreen, TextScreen
from curated.tui.picture import PictureView
from tests.support.filed_pictures import carry, filed_picture, review_config
from tests.support.filing_world import NOON, World
from tests.tui.conftest import Desk, Run


def pictures(world: World, count: int = 6, **columns: object) -> list[int]:
    """Ids in the order in which they come up: the newest first."""
    return [filed_picture(world, number, **columns).id for number in range(count)][::-1]


def photo(world: World, photo_id: int) -> Photo:
    return world.store.get(photo_id)


def scored(kind: str, score: float) -> dict[str, float]:
    others = [each for each in ("photo", "illustration", "screenshot", "document", "meme") if each != kind]
    return {kind: score, **dict.fromkeys(others, (1 - score) / 4)}


# -- moving ----------------------------------------------------------------------------------------------------


def test_every_key_that_moves_moves(world: World, reviewing: Run) -> None:
    ids = pictures(world, 25)

    async def body(desk: Desk) -> None:
        steps = [
            ("right", 1), ("l", 2), ("j", 3), ("space", 4), ("down", 5), ("left", 4), ("h", 3), ("k", 2),
            ("backspace", 1), ("G", 24), ("right", 24), ("g", 0), ("left", 0), ("pagedown", 10), ("end", 24),
            ("pageup", 14), ("home", 0),
        ]  # fmt: skip
        for key, place in steps:
            await desk.press(key)
            assert desk.current == ids[place], key
            assert photo(world, ids[place]).name in desk.shown("#panel")
        await desk.press("left")
        assert "This is the first one." in desk.shown("#footer")

    reviewing(body)


# -- deciding --------------------------------------------------------------------------------------------------


def test_keep_and_trash_are_one_key_each_and_go_on(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        for place, (key, verdict) in enumerate([("p", "keep"), ("f7", "keep"), ("x", "trash"), ("delete", "trash")]):
            await desk.press(key)
            assert photo(world, ids[place]).verdict == verdict
            assert desk.current == ids[place + 1]
        assert "4 of 6" in desk.shown("#header")
        await desk.press("backspace")
        assert desk.current == ids[3]  # it stays in its place in this sitting, with what was decided
        assert "TRASH" in desk.shown("#panel")
        await desk.until(lambda: photo(world, ids[3]).status is Status.TRASHED, "the files follow")
        await desk.until(lambda: "to be moved" not in desk.shown("#panel"), "the panel says so")

    reviewing(body)


def test_undo_and_redo_go_back_to_the_picture_and_say_what_they_did(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("p", "x", "x")
        await desk.press("u")
        assert (desk.current, photo(world, ids[2]).verdict) == (ids[2], None)
        assert "Undone: “Picture 003” put into the trash" in desk.shown("#footer")
        await desk.press("ctrl+z", "u")
        assert desk.current == ids[0]
        assert [photo(world, each).verdict for each in ids[:3]] == [None] * 3
        await desk.press("u")
        assert "nothing to undo" in desk.shown("#footer")
        await desk.press("ctrl+y")
        assert (desk.current, photo(world, ids[0]).verdict) == (ids[0], "keep")
        assert "Again: “Picture 005” kept" in desk.shown("#footer")
        await desk.press("ctrl+y", "ctrl+y", "ctrl+y")
        assert "nothing to redo" in desk.shown("#footer")

    reviewing(body)


def test_leaving_undecided_is_a_move_and_takes_a_verdict_back_where_there_is_one(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("n", "up")
        assert desk.current == ids[2]
        assert desk.app.desk.decisions.last_pictures(9) == []
        await desk.press("p", "backspace", "n")
        assert (desk.current, photo(world, ids[2]).verdict) == (ids[3], None)

    reviewing(body)


def test_after_a_decision_it_stays_where_it_is_if_one_wishes(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("A", "p")
        assert (desk.current, photo(world, ids[0]).verdict) == (ids[0], "keep")
        assert "KEEP" in desk.shown("#panel")
        assert "stays" in desk.shown("#header")
        await desk.press("A", "p")
        assert desk.current == ids[1]

    reviewing(body)


def test_enter_confirms_the_category_and_files_what_waits_for_review_as_its_first_choice(
    world: World, reviewing: Run
) -> None:
    hashes = {"pixel_hash": "1" * 64, "phash": "2" * 16, "phash_wide": "3" * 64}
    scores = {"photo": 0.1, "meme": 0.45, "screenshot": 0.35, "illustration": 0.05, "document": 0.05}
    unsure = filed_picture(world, 1, category="Review", status=Status.REVIEW, kind_scores=scores, **hashes).id
    sure = filed_picture(world, 2, kind_scores=scored("photo", 0.88), people=0, **hashes).id

    async def body(desk: Desk) -> None:
        assert "margin" not in desk.shown("#panel")
        assert "Photos" in desk.shown("#panel")
        assert "or Illustrations 0.03 (+0.85)" in desk.shown("#panel")
        await desk.press("enter")
        assert photo(world, sure).confirmed is not None
        panel = desk.shown("#panel")
        assert "best   Memes 0.45  Enter" in panel
        assert "next   Screenshots 0.35" in panel
        await desk.press("enter")
        await desk.until(lambda: photo(world, unsure).category == "Memes", "it is filed")
        assert "That was the last one." in desk.shown("#footer")
        assert photo(world, unsure).confirmed is not None

    reviewing(body)


def test_enter_on_marked_pictures_does_right_by_each_of_them(world: World, reviewing: Run) -> None:
    hashes = {"pixel_hash": "1" * 64, "phash": "2" * 16, "phash_wide": "3" * 64}
    review = {"category": "Review", "status": Status.REVIEW, **hashes}
    ids = [
        filed_picture(world, 1, kind_scores=scored("meme", 0.4), **review).id,
        filed_picture(world, 2, kind_scores=scored("document", 0.4), **review).id,
        filed_picture(world, 3).id,
    ]

    async def body(desk: Desk) -> None:
        await desk.press("m", "G", "M", "enter")
        assert [desk.app.desk.see(each).photo.category for each in ids] == ["Memes", "Documents", "Photos"]
        assert all(photo(world, each).confirmed for each in ids)
        assert "undo takes them back one by one" in desk.shown("#footer")
        assert "3 of 3 · all reviewed" in desk.shown("#header")
        await desk.press("u", "u", "u")
        assert not any(photo(world, each).confirmed for each in ids)
        await desk.until(lambda: "0 of 3" in desk.shown("#header"), "the count")

    reviewing(body)


def test_the_panel_names_the_twin_and_the_companions(world: World, reviewing: Run) -> None:
    first = filed_picture(world, 1, name="Lake")
    filed_picture(world, 2, twin_of=first.id, twin_kind="near", companions=(world.library / "Photos/Lake.xmp",))

    async def body(desk: Desk) -> None:
        assert "twin   near of Lake" in desk.shown("#panel")
        assert "with   .xmp" in desk.shown("#panel")

    reviewing(body)


def test_digits_file_under_the_configured_categories_in_their_order(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        panel = desk.shown("#panel")
        assert "1 People/Solo" in panel
        assert "4>Photos" in panel
        await desk.press("1", "8", "9")
        assert "There is no category 9." in desk.shown("#footer")
        assert desk.current == ids[2]
        await desk.until(lambda: photo(world, ids[1]).category == "Memes", "the files follow")
        assert photo(world, ids[0]).category == "People/Solo"
        assert photo(world, ids[0]).path.parent == world.library / "People/Solo"

    reviewing(body)


def test_the_picker_finds_by_a_few_letters_and_makes_what_is_not_there(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("c", *"mem")
        assert isinstance(desk.app.screen, PickerScreen)
        await desk.press("enter")
        assert desk.app.desk.see(ids[0]).photo.category == "Memes"
        await desk.press("c", *"Cats", "enter")
        assert desk.app.desk.see(ids[1]).photo.category == "Cats"
        await desk.until(lambda: photo(world, ids[1]).path.parent == world.library / "Cats", "it is filed")
        await desk.press("c", "down", "enter")
        assert desk.app.desk.see(ids[2]).photo.category == "People/Pair"
        await desk.press("c", "escape")
        assert desk.current == ids[3]
        await desk.press("c", *"Trash", "enter")
        await desk.until(lambda: "of the library's own" in desk.notices, "it is refused")
        assert desk.current == ids[3]

    reviewing(body)


def test_renaming_begins_with_the_present_name(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("r")
        assert isinstance(desk.app.screen, AskScreen)
        await desk.press(*" at sea", "enter")
        assert desk.current == ids[0]
        assert "Picture 005 at sea" in desk.shown("#panel")
        await desk.until(lambda: photo(world, ids[0]).path.name == "Picture 005 at sea.png", "it is renamed")
        await desk.press("r", "enter", "r", "escape")
        assert len(desk.app.desk.decisions.last_pictures(9)) == 1

    reviewing(body)


def test_a_protected_picture_is_not_trashed_and_says_so(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("exclamation_mark")
        assert (desk.current, photo(world, ids[0]).protected) == (ids[0], True)
        assert "! protected" in desk.shown("#panel")
        await desk.press("x")
        assert (desk.current, photo(world, ids[0]).verdict) == (ids[0], None)
        await desk.until(lambda: "is protected" in desk.notices, "it says so")
        await desk.press("exclamation_mark", "x")
        assert photo(world, ids[0]).verdict == "trash"

    reviewing(body)


# -- marks -----------------------------------------------------------------------------------------------------


def test_decisions_are_about_all_that_are_marked_and_undone_as_one(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("m", "right", "right", "M")
        assert "* 3 marked" in desk.shown("#header")
        await desk.press("right", "p")
        assert [photo(world, each).verdict for each in ids] == ["keep"] * 3 + [None] * 3
        assert desk.current == ids[3]
        assert "3 pictures kept" in desk.shown("#footer")
        assert "marked" not in desk.shown("#header")
        await desk.press("u")
        assert not any(photo(world, each).verdict for each in ids)
        await desk.press("m", "m", "m", "escape")
        assert desk.app.sitting.marked == {}

    reviewing(body)


def test_marking_all_marks_only_what_is_on_the_screen(world: World, reviewing: Run) -> None:
    ids = pictures(world, 30)

    async def body(desk: Desk) -> None:
        await desk.press("right", "a")
        there = desk.app.sitting.subjects
        assert ids[: len(there)] == there
        assert 3 < len(there) < 15
        names = desk.shown("#film")
        assert names.count("*") == len(there)

    reviewing(body)


# -- lists -----------------------------------------------------------------------------------------------------


def test_sorting_goes_through_all_orders(world: World, reviewing: Run) -> None:
    scores = [0.5, 0.9, 0.1]
    ids = [filed_picture(world, number, keep_score=score).id for number, score in enumerate(scores)]

    async def body(desk: Desk) -> None:
        seen = [list(desk.app.sitting.ids)]
        for word in ("by date", "keep ↓", "keep ↑", "uncertain first", "newest first"):
            await desk.press("s")
            assert word in desk.shown("#header")
            seen.append(list(desk.app.sitting.ids))
        assert seen[2:4] == [[ids[1], ids[0], ids[2]], [ids[2], ids[0], ids[1]]]
        assert seen[0] == seen[-1] == ids[::-1]

    reviewing(body)


def test_the_filter_shows_what_is_chosen(world: World, reviewing: Run) -> None:
    pictures(world, 3)
    meme = filed_picture(world, 7, category="Memes", kind="meme").id
    kept = filed_picture(world, 8, verdict="keep").id

    async def body(desk: Desk) -> None:
        await desk.press("t")
        assert isinstance(desk.app.screen, FilterScreen)
        await desk.press("down", "left", "enter")
        assert list(desk.app.sitting.ids) == [meme]
        assert "meme" in desk.shown("#header")
        await desk.press("t", "delete", "up", "right", "enter")
        assert len(desk.app.sitting.ids) == 5
        assert kept in desk.app.sitting.ids
        await desk.press("t", "right", "escape")
        assert len(desk.app.sitting.ids) == 5

    reviewing(body)


def test_a_search_becomes_the_list_and_escape_returns(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("right", "slash", *"caption 4", "enter")
        await desk.until(lambda: desk.app.sitting.side_list, "the search")
        assert list(desk.app.sitting.ids) == [ids[1]]
        assert "search “caption 4”" in desk.shown("#header")
        await desk.press("escape")
        assert (desk.current, len(desk.app.sitting.ids)) == (ids[1], 6)
        await desk.press("slash", *"zebra", "enter")
        await desk.until(lambda: "Nothing matches “zebra”." in desk.shown("#footer"), "it says so")

    reviewing(body)


def test_like_this_shows_the_nearest_by_stored_embeddings(world: World, reviewing: Run) -> None:
    import numpy as np

    ids = pictures(world, 4)
    for photo_id, angle in zip(ids, (0.0, 0.9, 0.1, 0.5), strict=True):
        vector = np.array([np.cos(angle), np.sin(angle)], np.float16)
        world.store.set_embedding(photo_id, "scripted-1", vector.tobytes())

    async def body(desk: Desk) -> None:
        await desk.press("f")
        await desk.until(lambda: desk.app.sitting.side_list, "the likenesses")
        assert list(desk.app.sitting.ids) == [ids[0], ids[2], ids[3], ids[1]]
        await desk.press("escape", "p", "i")
        assert isinstance(desk.app.screen, TextScreen)
        await desk.until(lambda: "0.62" in desk.text(), "the nearest that somebody decided on")
        assert "because" in desk.text()
        await desk.press("i")
        assert not isinstance(desk.app.screen, TextScreen)

    reviewing(body)


def test_what_was_decided_is_learnt_from_while_one_goes_on(world: World, reviewing: Run) -> None:
    import numpy as np

    chance = np.random.default_rng(0)
    ids = pictures(world, 62)
    for number, photo_id in enumerate(ids):
        vector = chance.normal(size=8) + (3 if number % 2 else -3)
        world.store.set_embedding(photo_id, "scripted-1", vector.astype(np.float16).tobytes())

    async def body(desk: Desk) -> None:
        for number in range(60):
            await desk.press("p" if number % 2 else "x")
        await desk.until(lambda: photo(world, ids[61]).keep_score, "the training", seconds=60)
        assert desk.current == ids[60], "nothing is sorted anew under the cursor"
        await desk.until(lambda: "learnt from 60 verdicts" in desk.text(), "a word about it")

    reviewing(body, taste={"every": 60})
    assert photo(world, ids[61]).keep_score > 0.5 > photo(world, ids[60]).keep_score


def test_what_is_filed_meanwhile_comes_at_the_end_and_a_refresh_sorts_it(world: World, reviewing: Run) -> None:
    ids = pictures(world, 3)

    async def body(desk: Desk) -> None:
        await desk.press("right", "x")
        new = filed_picture(world, 9, filed_at=NOON + timedelta(minutes=6)).id
        await desk.until(lambda: len(desk.app.sitting.ids) == 4, "the new picture")
        assert (list(desk.app.sitting.ids), desk.current) == ([*ids, new], ids[2])
        await desk.press("R")
        await desk.until(lambda: list(desk.app.sitting.ids) == [new, ids[0], ids[2]], "the list anew")
        assert desk.current == ids[2]

    reviewing(body)


def test_what_another_program_decides_shows(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        other = Decisions(review_config(world), world.database)
        other.decide([ids[1]], "keep")
        await desk.press("right")
        assert "KEEP" in desk.shown("#panel")
        carry(world)

    reviewing(body)


# -- the rest --------------------------------------------------------------------------------------------------


def test_full_screen_shows_the_picture_alone(world: World, reviewing: Run) -> None:
    pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("z")
        view = desk.screen.query_one(PictureView)
        await desk.until(lambda: view.size == desk.app.size, "the whole terminal")
        await desk.press("p", "u")
        assert "Undone" in desk.notices
        await desk.press("p", "z")
        await desk.until(lambda: view.size != desk.app.size, "the panel is back")
        await desk.press("z", "escape")
        assert not desk.screen.has_class("-full")

    reviewing(body)


def test_opening_outside_never_waits_and_says_where_there_is_no_viewer(
    world: World, reviewing: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ids = pictures(world)
    opened = tmp_path / "opened"
    viewer = tmp_path / "bin" / "xdg-open"
    viewer.parent.mkdir()
    viewer.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}.part" && /bin/mv "{opened}.part" "{opened}"\nexit 4\n')
    viewer.chmod(0o755)

    async def body(desk: Desk) -> None:
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        await desk.press("o")
        assert "xdg-open is not installed" in desk.shown("#footer")
        monkeypatch.setenv("PATH", str(viewer.parent))
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        await desk.press("o")
        assert "no desktop here" in desk.shown("#footer")
        monkeypatch.setenv("DISPLAY", ":7")
        await desk.press("o")
        await desk.until(opened.exists, "the viewer was started")
        assert opened.read_text() == str(photo(world, ids[0]).path)
        await desk.until(lambda: "could not open the picture (exit 4)" in desk.notices, "its failure is said")

    reviewing(body)


def test_help_is_made_of_the_keys_in_force(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("question_mark")
        assert isinstance(desk.app.screen, HelpScreen)
        assert " y  Y " in desk.text()
        await desk.press("escape", "y")
        assert photo(world, ids[0]).verdict == "keep"
        await desk.press("p")  # is trash now
        assert photo(world, ids[1]).verdict == "trash"
        await desk.press("x")  # and this nothing
        assert photo(world, ids[2]).verdict is None
        assert "y keep  p trash" in desk.shown("#footer")

    reviewing(body, review={"keys": {"keep": ["y", "Y"], "trash": ["p"]}})


def test_two_keys_can_change_places(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("x", "p", "h", "l", "j")
        assert [photo(world, each).verdict for each in ids[:3]] == ["keep", "trash", None]
        assert desk.current == ids[3]

    keys = {"keep": ["x"], "trash": ["p"], "previous": ["left", "l"], "next": ["right", "h", "j"]}
    reviewing(body, review={"keys": keys})


def test_a_picture_gone_from_disk_says_so_and_is_passed_by(world: World, reviewing: Run) -> None:
    ids = pictures(world, 3)
    photo(world, ids[0]).path.unlink()

    async def body(desk: Desk) -> None:
        await desk.until(lambda: "Gone from the disk" in desk.shown("#panel"), "it says so")
        await desk.press("x")
        assert (desk.current, photo(world, ids[0]).verdict) == (ids[0], None)
        await desk.press("m", "right", "m", "x")
        assert [photo(world, each).verdict for each in ids] == [None, "trash", None]

    reviewing(body)


def test_a_file_that_cannot_follow_is_said_and_stands_in_the_panel(world: World, reviewing: Run) -> None:
    ids = pictures(world, 2)

    async def body(desk: Desk) -> None:
        photo(world, ids[0]).path.unlink()
        await desk.press("x", "left")
        await desk.until(lambda: ids[0] in desk.app.troubles, "the trouble")
        await desk.until(lambda: "no longer there" in desk.shown("#panel"), "the panel says it")
        assert photo(world, ids[0]).verdict is None

    reviewing(body)


def test_an_empty_queue_says_what_to_do(world: World, reviewing: Run) -> None:
    async def empty(desk: Desk) -> None:
        assert "Nothing to review here." in desk.shown("#panel")
        assert "curated run" in desk.shown("#panel")
        await desk.press(*"pxnumMacrzoif!1", "escape", "enter", "escape", "right", "G", "s", "R")
        assert desk.current is None

    reviewing(empty)


def test_when_all_is_done_it_says_so(world: World, reviewing: Run) -> None:
    ids = pictures(world, 2)

    async def body(desk: Desk) -> None:
        await desk.press("p", "x", "R")
        await desk.until(lambda: "All 2 pictures are decided on." in desk.shown("#panel"), "the end")
        await desk.press("u")
        assert "Undone" in desk.shown("#footer")
        assert desk.current == ids[1]  # it comes up again
        assert "Picture 000" in desk.shown("#panel")

    reviewing(body)


def test_in_a_terminal_higher_than_wide_the_panel_is_below_the_picture(world: World, reviewing: Run) -> None:
    pictures(world)

    async def body(desk: Desk) -> None:
        picture, panel = (desk.screen.query_one(each).region for each in ("#picture", "#panel"))
        assert (picture.width, panel.y) == (80, picture.bottom)
        await desk.until(lambda: "Picture 005" in desk.shown("#panel"), "the panel")
        await desk.until(lambda: "8 Memes" in desk.shown("#panel"), "the categories")
        assert picture.height > 15

    reviewing(body, size=(80, 50))


def test_a_terminal_that_is_too_small_gets_one_clear_line(world: World, reviewing: Run) -> None:
    pictures(world)

    async def body(desk: Desk) -> None:
        assert desk.text().strip() == "The terminal is too small: 59 × 20, 60 × 18 are needed."
        await desk.pilot.resize_terminal(60, 18)
        await desk.until(lambda: "Picture 005" in desk.text(), "the picture")

    reviewing(body, size=(59, 20))


NASTY = "[red]x[/] \x1b]0;evil\x07 \x1b[31m 日本語👩‍👩‍👧 \u202egpj \u0301"


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (160, 48)])
def test_nothing_in_a_name_or_text_reaches_the_terminal_or_breaks_the_layout(
    world: World, reviewing: Run, size: tuple[int, int]
) -> None:
    name = os.fsdecode(b"caf\xe9 [bold]a[/bold]")
    texts = {"caption": NASTY, "text": NASTY * 20, "camera": NASTY, "reason": NASTY}
    filed_picture(world, 1, name=name, **texts)
    filed_picture(world, 2, name="日本語の写真" * 12, **texts)
    filed_picture(world, 3, name="👩‍👩‍👧" * 20)

    async def body(desk: Desk) -> None:
        for key in ("right", "right", "i", "escape", "c", "escape", "r", "escape"):
            text = desk.text()
            assert not set("\x1b\x07\x9b\u202e") & set(text)
            width = max(strip.cell_length for strip in desk.app.screen._compositor.render_strips())
            assert width == size[0]
            await desk.press(key)
        assert r"caf\xe9 [bold]a[/bold]" in desk.shown("#panel").replace("\n", "")
        await desk.press("x")
        await desk.until(lambda: photo(world, 1).status is Status.TRASHED, "the name works all the same")

    reviewing(body, size=size)


OTHERS = {"v": "SheetScreen", "T": "TrashScreen", "tab": "DashboardScreen", "d": "DuplicatesScreen"}


def test_other_screens_come_and_go_by_their_keys(world: World, reviewing: Run) -> None:
    pictures(world)

    async def body(desk: Desk) -> None:
        for key, name in OTHERS.items():
            await desk.press(key)
            assert type(desk.app.screen).__name__ == name
            await desk.press(key)
            assert desk.app.screen is desk.screen
        await desk.press("v", "tab")
        assert len(desk.app.screen_stack) == 3

    reviewing(body)


def test_without_colours_the_signs_are_still_there(
    world: World, reviewing: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(world, 3)
    monkeypatch.setenv("NO_COLOR", "1")

    async def body(desk: Desk) -> None:
        await desk.press("p", "x", "left")
        await desk.until(lambda: "✗ TRASH" in desk.shown("#panel"), "the verdict")
        assert "✓ Pic" in desk.shown("#film")
        for strip in desk.app.screen._compositor.render_strips():
            for segment in strip:
                for color in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                    assert color is None or color.triplet is None or len(set(color.triplet)) == 1, segment

    reviewing(body)


def test_a_window_that_asks_has_the_keys_to_itself(world: World, reviewing: Run) -> None:
    pictures(world, 2)

    async def body(desk: Desk) -> None:
        for key in ("slash", "c", "r"):
            await desk.press(key, *"qvTd?u", "tab")
            assert desk.app.is_running
            assert isinstance(desk.app.screen, AskScreen | PickerScreen)
            assert desk.app.screen.query_one(Input).value.endswith("qvTd?u")
            await desk.press("escape")
        await desk.press("c", "ctrl+q")
        await desk.until(lambda: not desk.app.is_running, "the end")

    reviewing(body)


def test_trouble_with_a_name_that_is_not_utf_8_is_said(world: World, reviewing: Run) -> None:
    gone = filed_picture(world, 1, name=os.fsdecode(b"caf\xe9 \x1b[31m"))

    async def body(desk: Desk) -> None:
        gone.path.unlink()
        await desk.press("x")
        await desk.until(lambda: r"caf\xe9 \x1b[31m" in desk.notices, "the trouble")

    reviewing(body)


def test_a_database_that_another_program_holds_keeps_no_key_for_long(world: World, reviewing: Run) -> None:
    first, *_ = pictures(world)

    async def body(desk: Desk) -> None:
        with Database(world.database.path) as other:
            with other.write():
                begun = time.monotonic()
                await desk.press("p")
                assert time.monotonic() - begun < 10
                assert "another program has been writing to it for 1 s; nothing was changed, try again" in desk.notices
                assert desk.current == first
            await desk.press("p")
        assert photo(world, first).verdict == "keep"

    reviewing(body)


def test_what_is_left_to_move_is_said_at_the_end(world: World, reviewing: Run) -> None:
    ids = pictures(world, 3)

    async def body(desk: Desk) -> None:
        with world.filer().alone():  # another program files: nothing can follow until it is done
            await desk.press("x", "x", "q")
            await desk.until(lambda: "Finishing" in desk.shown("#footer"), "the word")
            await desk.until(lambda: not desk.app.is_running, "the end")
        said = [str(each) for each in desk.app._exit_renderables]
        assert said == ["2 pictures are still to be moved: the daemon does it, or the next review."]

    reviewing(body)
    assert [photo(world, each).verdict for each in ids] == ["trash", "trash", None]


def test_a_second_press_leaves_at_once(world: World, reviewing: Run) -> None:
    pictures(world, 2)

    async def body(desk: Desk) -> None:
        with world.filer().alone():
            await desk.press("x", "q")
            await desk.until(lambda: "Finishing" in desk.shown("#footer"), "the word")
            began = time.monotonic()
            await desk.press("q")
            await desk.until(lambda: not desk.app.is_running, "the end")
            assert time.monotonic() - began < 3

    reviewing(body)


def test_a_database_that_is_broken_keeps_nobody_from_leaving(world: World, reviewing: Run) -> None:
    pictures(world, 2)

    async def body(desk: Desk) -> None:
        desk.app.end_carrying(5)
        with world.database.write() as connection:
            connection.execute("ALTER TABLE decision RENAME TO gone")
        await desk.press("x")
        assert "no such table" in desk.notices
        await desk.press("q")
        await desk.until(lambda: not desk.app.is_running, "the end")
        assert "not known what is still to be moved" in str(desk.app._exit_renderables[0])

    reviewing(body)


def test_quitting_waits_for_the_moves_under_way(world: World, reviewing: Run) -> None:
    ids = pictures(world)

    async def body(desk: Desk) -> None:
        await desk.press("x", "x", "x", "q")
        await desk.until(lambda: not desk.app.is_running, "the end")

    reviewing(body)
    assert [photo(world, each).status for each in ids[:3]] == [Status.TRASHED] * 3
