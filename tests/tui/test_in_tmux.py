"""The review in a real terminal: keys, files, sizes, odd names, and a terminal that is left as it was found."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from curated.domain import Photo
from tests.support.cli_home import Home
from tests.support.clock import wait_until
from tests.support.filed_library import file_pictures, home_for
from tests.support.permissions import HELD_TO_RIGHTS
from tests.support.terminal import TMUX, Terminal

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")

NAMES = ["Alder by the lake.jpg", "Birch in the wind.jpg", "Cedar at noon.jpg", "Dogwood in bloom.jpg"]


@pytest.fixture
def home(
    tmp_path: Path, empty_database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    with home_for(tmp_path, empty_database, capsys, monkeypatch) as made:
        yield made


@contextmanager
def read_only(*paths: Path) -> Iterator[None]:
    modes = {path: path.stat().st_mode for path in paths}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def photo(home: Home, name: str) -> Photo:
    return next(photo for photo in home.store.photos() if photo.name == name)


def decided(home: Home, name: str, verdict: str | None) -> None:
    """Return once the picture's row has that verdict."""
    wait_until(lambda: photo(home, name).verdict == verdict, f"{name} to be {verdict}")


# -- keys and files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 48)])
def test_keep_trash_undo_and_next_reach_the_rows_and_the_files(home: Home, columns: int, rows: int) -> None:
    file_pictures(home, *NAMES)
    before = home.tree()
    alder, birch = (photo(home, name.removesuffix(".jpg")) for name in NAMES[:2])
    with Terminal("review", columns=columns, rows=rows) as terminal:
        terminal.shows("0 of 4", NAMES[3])
        terminal.press("G", "p")
        decided(home, alder.name, "keep")
        terminal.press("h")
        terminal.shows("1 of 4", birch.path.name)
        terminal.press("x")
        wait_until(lambda: photo(home, birch.name).path.is_relative_to(home.library / "Trash"), "the trash")
        terminal.press("u")
        wait_until(lambda: photo(home, birch.name).path == birch.path, "it to be taken back")
        assert birch.path.exists()
        assert photo(home, birch.name).verdict is None
        terminal.press("g", "Right")
        terminal.shows(NAMES[2])
        terminal.press("q")
        terminal.ended()
    assert home.tree() == before
    assert home.world.problems() == []


def test_what_was_decided_is_undone_by_the_next_sitting(home: Home) -> None:
    file_pictures(home, NAMES[0])
    before = home.tree()
    with Terminal("review") as terminal:
        terminal.shows(NAMES[0])
        terminal.press("x", "q")
        terminal.ended()
    assert photo(home, "Alder by the lake").path.is_relative_to(home.library / "Trash")
    with Terminal("review", "--all") as terminal:
        terminal.shows("? help")
        terminal.press("u", "q")
        terminal.ended()
    assert home.tree() == before


def test_odd_names_are_shown_and_leave_the_layout_as_it_is(home: Home) -> None:
    names = ["Räder 🚲 im Hof.jpg", "写真 家族👨‍👩‍👧 旅行.jpg", "caf\udce9.jpg", "red \x1b[31m \u202egpj.jpg"]
    file_pictures(home, *names)
    with Terminal("review", columns=100, rows=30) as terminal:
        terminal.shows("Räder 🚲", "写真", "0 of 4", "? help")
        for place in range(4):
            terminal.press("g", *["Right"] * place)
            terminal.shows(f"{place + 1}/4")
            lines = terminal.screen().splitlines()
            assert "unreviewed" in lines[0]
            assert "? help" in lines[-1]
        screen = terminal.screen()
        terminal.press("g", "p", "p", "p", "p")
        terminal.shows("4 of 4")
        terminal.press("q")
        terminal.ended()
    assert "\u202e" not in screen
    assert [each.verdict for each in home.store.photos()] == ["keep"] * 4


def test_without_colour_everything_is_said_in_words(home: Home) -> None:
    file_pictures(home, *NAMES)
    with Terminal("review", environment={"NO_COLOR": "1"}) as terminal:
        terminal.shows("0 of 4", NAMES[3], "undecided")
        terminal.press("p", "h")
        terminal.shows("1 of 4", "keep")
        styled = terminal.screen(styled=True)
        terminal.press("q")
        terminal.ended()
    greys = {tuple(triple.split(";")) for triple in re.findall(r"[34]8;2;(\d+;\d+;\d+)", styled)}
    assert [grey for grey in greys if len(set(grey)) > 1] == []


def test_the_options_choose_what_is_gone_through(home: Home) -> None:
    file_pictures(home, *NAMES)
    home.file("Elm in the fog.jpg", kind="meme")
    for arguments, shown in (
        (["--category", "memes"], ["Elm in the fog", "0 of 1", "Memes"]),
        (["--kind", "photo", "--sort", "uncertain"], ["0 of 4", "photo"]),
        (["--status", "trashed"], ["0 of 0"]),
    ):
        with Terminal("review", *arguments) as terminal:
            terminal.shows(*shown)
            terminal.press("q")
            terminal.ended()


# -- beginning ---------------------------------------------------------------------------------------------------


def test_without_pictures_it_says_how_to_begin_and_begins_by_itself(home: Home) -> None:
    with Terminal("review", columns=80, rows=24) as terminal:
        terminal.shows("No pictures to review yet", "curated run --once", "unsorted", "q Quit")
        file_pictures(home, NAMES[0])
        terminal.shows(NAMES[0], "0 of 1")
        terminal.press("q")
        terminal.ended()


def test_without_a_database_it_can_be_left(home: Home) -> None:
    home.configure(state="fresh")
    with Terminal("review", columns=60, rows=12) as terminal:
        terminal.shows("No pictures")
        terminal.press("q")
        terminal.ended()
    assert not (home.base / "fresh").exists()


def test_a_terminal_that_cannot_draw_is_sent_elsewhere(home: Home) -> None:
    with Terminal("review", environment={"TERM": "dumb"}) as terminal:
        terminal.ended(1)
        terminal.shows("curated: this terminal (TERM=dumb) cannot show the review")


# -- trouble -----------------------------------------------------------------------------------------------------


def test_another_size_another_key_and_pasted_text_do_no_harm(home: Home) -> None:
    file_pictures(home, *NAMES)
    before = home.tree()
    with Terminal("review") as terminal:
        terminal.shows("0 of 4")
        for columns, rows in ((20, 5), (1, 1), (300, 90), (80, 24)):
            terminal.resize(columns, rows)
            terminal.press("Right")
        terminal.shows("0 of 4")
        terminal.press("F12", "C-a", "BSpace", "C-]", "Insert", "%", "ü", "C-Space", "Escape")
        # Pasted letters are no keys: this would trash four pictures.
        terminal.paste("xxxxpppp\n")
        terminal.press("g", "Right")
        terminal.shows("2/4", "0 of 4")
        terminal.press("q")
        terminal.ended()
    assert home.tree() == before
    assert all(each.verdict is None for each in home.store.photos())


def test_sigterm_ends_it_as_its_quit_key_does(home: Home) -> None:
    file_pictures(home, *NAMES)
    with Terminal("review") as terminal:
        terminal.shows("0 of 4")
        terminal.press("x")
        terminal.shows("1 of 4")
        os.kill(terminal.child(), signal.SIGTERM)
        terminal.ended()
    assert photo(home, "Dogwood in bloom").path.is_relative_to(home.library / "Trash")


def test_a_terminal_that_goes_away_takes_the_review_with_it_but_no_decision(home: Home) -> None:
    file_pictures(home, *NAMES)
    with Terminal("review") as terminal:
        terminal.shows("0 of 4")
        terminal.press("p")
        decided(home, "Dogwood in bloom", "keep")
        child = Path(f"/proc/{terminal.child()}")
        terminal.close()
        wait_until(lambda: not child.exists(), "the review to end")
    decided(home, "Dogwood in bloom", "keep")


def test_an_error_nobody_foresaw_leaves_the_terminal_sane_and_its_traceback_in_a_file(home: Home) -> None:
    file_pictures(home, *NAMES)
    with home.world.database.write() as connection:
        connection.execute("UPDATE photo SET arrived_at = 'at some time'")
    with Terminal("review", columns=160) as terminal:
        terminal.ended(1)
        screen = terminal.screen()
    assert "Traceback" not in screen
    assert "curated: the review broke off" in screen
    where = home.base / "state" / "review-traceback.txt"
    assert "review-traceback.txt" in screen.replace("\n", "")
    assert "Traceback (most recent call last)" in where.read_text(encoding="utf-8")


def test_pictures_gone_from_the_disk_are_said_to_be(home: Home) -> None:
    for each in file_pictures(home, *NAMES[:2]):
        each.path.unlink()
    with Terminal("review") as terminal:
        terminal.shows("0 of 2", "gone")
        terminal.press("p", "q")
        terminal.ended()


def test_a_state_that_cannot_be_written_is_one_line(home: Home) -> None:
    file_pictures(home, NAMES[0])
    home.world.close()
    state = home.base / "state"
    with read_only(state, *state.iterdir()), Terminal("review", columns=200, program=HELD_TO_RIGHTS) as terminal:
        terminal.ended(1)
        screen = terminal.screen()
    assert screen.startswith("curated: ")
    assert "curated.db" in screen.splitlines()[0]


def test_a_picture_that_cannot_be_moved_is_said_and_is_as_it_was(home: Home) -> None:
    file_pictures(home, *NAMES[:2])
    before = home.tree()
    with read_only(home.library / "Photos"), Terminal("review", program=HELD_TO_RIGHTS) as terminal:
        terminal.shows("0 of 2", NAMES[1])
        terminal.press("x")
        terminal.shows("Permission denied")
        terminal.press("q")
        terminal.ended()
    assert home.tree() == before
    assert [each.verdict for each in home.store.photos()] == [None, None]


def test_a_library_that_cannot_be_written_has_the_files_wait_and_the_decisions_made(home: Home) -> None:
    file_pictures(home, *NAMES[:2])
    before = home.tree()
    # The trash is not there yet, and cannot be made.
    with read_only(home.library), Terminal("review", program=HELD_TO_RIGHTS) as terminal:
        terminal.shows("0 of 2", NAMES[1])
        terminal.press("x")
        terminal.shows("1 of 2", "Files wait to be moved")
        terminal.press("p")
        terminal.shows("2 of 2")
        terminal.press("q")
        terminal.ended()
        terminal.shows("1 picture is still to be moved")
    assert home.tree() == before
    assert [each.verdict for each in home.store.photos()] == ["trash", "keep"]
    with Terminal("review", "--all") as terminal:
        wait_until(lambda: photo(home, "Birch in the wind").path.is_relative_to(home.library / "Trash"), "the trash")
        terminal.press("q")
        terminal.ended()


def test_a_database_taken_away_under_it_is_said_to_be_and_nothing_seems_decided(home: Home) -> None:
    file_pictures(home, *NAMES[:2])
    before = home.tree()
    with Terminal("review", columns=120) as terminal:
        terminal.shows("0 of 2", NAMES[1])
        shutil.rmtree(home.base / "state")
        terminal.press("x")
        terminal.shows("was removed or", "0 of 2", NAMES[1])
        terminal.press("q")
        terminal.ended()
    assert not (home.base / "state").exists()
    assert home.tree() == before
