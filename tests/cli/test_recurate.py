"""Judging anew: what changes, what a person's word holds, what undo and a second run make of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from curated.cli.recurate import work
from curated.domain import Photo, Purpose, Status
from curated.errors import AlreadyRunning, FolderUnusable
from curated.state.daemon import InstanceLock
from curated.state.judged import Judged
from curated.state.rows import READING_COLUMNS, photo_to_columns, with_reading
from tests.support.cli_home import Home
from tests.support.newer_models import FACTORY, MODELS, embedding
from tests.support.readings import reading
from tests.support.scripted_models import png

ROOT = Path(__file__).parents[2]
RED, GREEN, BLUE, GREY = (200, 10, 10), (10, 200, 10), (10, 10, 200), (90, 90, 90)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


def filed(home: Home, name: str, colour: tuple[int, int, int], *more: str, side: int = 24, **facts: Any) -> Photo:
    """A picture of that colour, filed by other models."""
    for each in more:
        home.put(each)
    paths = [home.put(name, png(*colour, side=side)), *(home.unsorted / each for each in more)]
    outcome = home.offer(*paths, **{"caption": "an old cat", "extension": ".png", "picture_format": "PNG", **facts})
    photo: Photo = outcome.photo
    return photo


def recurated(
    home: Home, capsys: pytest.CaptureFixture[str], category: str | None = None, *, dry_run: bool = False, code: int = 0
) -> dict[int, dict[str, Any]]:
    """What `recurate --json` says of each picture, by id."""
    capsys.readouterr()
    try:
        work(category=category, dry_run=dry_run, as_json=True, factory=FACTORY)
        ended = 0
    except typer.Exit as exit_:
        ended = exit_.exit_code
    assert ended == code
    assert home.world.problems() == []
    return {each["id"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}


def test_pictures_get_the_category_and_name_that_newer_models_give(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    first = filed(home, "IMG_1.png", GREEN, "IMG_1.xmp")
    second = filed(home, "IMG_2.png", RED, kind="document", caption="a form")
    content = home.world.contents()
    said = recurated(home, capsys)
    assert {each["outcome"] for each in said.values()} == {"moved"}
    assert sorted(home.tree()) == [
        "Library/Memes/Green frog.png", "Library/Memes/Green frog.xmp", "Library/Photos/Red fox.png",
    ]  # fmt: skip
    assert home.world.contents() == content
    frog = home.photo(first.id)
    assert (frog.kind, frog.caption, frog.profile, dict(frog.models)) == ("meme", "a green frog", "newer", dict(MODELS))
    assert frog.reason == "meme 0.96; named by its caption"
    assert frog.original_path == first.original_path
    assert home.photo(second.id).category == "Photos"
    moves = home.world.journal.done(first.id)
    assert [move.purpose for move in moves] == [Purpose.RECURATE, Purpose.FILE]
    vectors = dict(home.world.database.execute("SELECT model, vector FROM embedding WHERE photo_id = ?", (first.id,)))
    assert vectors["newer-1"] == embedding(GREEN)
    assert home.store.search("frog", 5)[0][0].id == first.id


def test_a_dry_run_says_the_same_and_touches_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    filed(home, "IMG_1.png", GREEN)
    filed(home, "IMG_2.png", RED, side=30)
    before, rows = home.tree(), [home.photo(1), home.photo(2)]
    dry = recurated(home, capsys, dry_run=True)
    assert home.tree() == before
    assert [home.photo(1), home.photo(2)] == rows
    real = recurated(home, capsys)
    for photo_id, said in real.items():
        assert said == dry[photo_id] | {"dry_run": False}


def test_a_second_run_has_nothing_to_do_and_undo_lasts(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    photo = filed(home, "IMG_1.png", GREEN)
    old = home.tree()
    assert recurated(home, capsys)[photo.id]["outcome"] == "moved"
    assert recurated(home, capsys) == {}
    home.good("undo", photo.id)
    assert home.tree() == old
    assert home.photo(photo.id).category == "Photos"
    assert home.photo(photo.id).reason == photo.reason
    assert recurated(home, capsys) == {}
    # Judged anew for another reason, the very change that was taken back is not made again.
    home.world.database.execute('UPDATE photo SET models = \'{"embedder": "third"}\'')
    assert recurated(home, capsys)[photo.id]["outcome"] == "held"
    assert home.tree() == old


def test_what_a_person_said_stays(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    by_hand, named, both, came_named = (
        filed(home, name, GREEN, side=20 + number)
        for number, name in enumerate(("IMG_1.png", "IMG_2.png", "IMG_3.png", "Aunt Mary in Rome.png"))
    )
    home.good("file-as", "Documents", by_hand.id)
    home.good("rename", named.id, "Kermit")
    home.good("file-as", "Documents", both.id)
    home.good("rename", both.id, "Ours")
    home.good("mark", "keep", both.id)
    said = recurated(home, capsys)
    assert sorted(home.tree()) == [
        "Library/Documents/Green frog.png", "Library/Documents/Ours.png", "Library/Memes/Aunt Mary in Rome.png",
        "Library/Memes/Kermit.png",
    ]  # fmt: skip
    assert said[both.id]["outcome"] == "held"
    assert "category and name" in said[both.id]["detail"]
    assert home.photo(by_hand.id).category == "Documents"
    assert home.photo(by_hand.id).reason == "filed as Documents by hand"
    assert home.photo(both.id).verdict == "keep"
    assert home.photo(both.id).profile == "newer"
    assert home.photo(came_named.id).category == "Memes"


def test_a_correction_that_was_taken_back_is_a_persons_word_no_more(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = filed(home, "IMG_1.png", GREEN)
    home.good("file-as", "Documents", photo.id)
    home.good("undo", photo.id)
    assert recurated(home, capsys)[photo.id]["outcome"] == "moved"
    assert home.photo(photo.id).category == "Memes"


def test_what_was_moved_or_renamed_outside_of_the_program_stays(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    moved, renamed = filed(home, "IMG_1.png", GREEN), filed(home, "IMG_2.png", GREEN, side=30)
    folder = home.library / "Holidays"
    folder.mkdir()
    moved.path.rename(folder / moved.path.name)
    renamed.path.rename(renamed.path.with_name("Kermit.png"))
    home.good("fsck", "--repair")
    recurated(home, capsys)
    assert sorted(home.tree()) == ["Library/Holidays/Green frog.png", "Library/Memes/Kermit.png"]


def test_trash_and_duplicates_are_judged_and_stay_where_they_are(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = filed(home, "IMG_1.png", GREEN)
    twin = filed(home, "IMG_2.png", GREEN)
    trashed = filed(home, "IMG_3.png", GREEN, side=30)
    home.good("mark", "trash", trashed.id)
    places = {each.id: home.photo(each.id).path for each in (twin, trashed)}
    said = recurated(home, capsys)
    assert {photo_id: each["outcome"] for photo_id, each in said.items()} == {
        kept.id: "moved", twin.id: "same", trashed.id: "same",
    }  # fmt: skip
    for each in (twin, trashed):
        photo = home.photo(each.id)
        assert photo.path == places[each.id]
        assert photo.caption == "a green frog"
        assert photo.models == MODELS
    assert home.photo(twin.id).status is Status.DUPLICATE
    assert home.photo(trashed.id).verdict == "trash"


def test_names_told_apart_by_a_number_are_no_change(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    filed(home, "IMG_1.png", RED, caption="a red fox")
    second = filed(home, "IMG_2.png", RED, side=30, caption="a red fox")
    assert second.path.name == "Red fox 2.png"
    assert {each["outcome"] for each in recurated(home, capsys).values()} == {"same"}
    assert home.photo(second.id).path == second.path
    assert home.photo(second.id).reason == "photo 0.96; named by its caption"


def test_what_is_unsure_now_goes_to_review_and_what_is_sure_leaves_it(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    sure = filed(home, "IMG_1.png", BLUE)
    unsure = filed(home, "IMG_2.png", RED, confidence=0.3)
    assert home.photo(unsure.id).status is Status.REVIEW
    recurated(home, capsys)
    assert home.photo(sure.id).status is Status.REVIEW
    assert (home.photo(unsure.id).status, home.photo(unsure.id).category) == (Status.FILED, "Photos")


def test_only_the_category_asked_for(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    filed(home, "IMG_1.png", GREEN)
    person = filed(home, "IMG_2.png", GREEN, side=30, people=1)
    assert set(recurated(home, capsys, "People")) == {person.id}
    assert home.run("recurate", "--category", "Peple").code == 1


def test_a_file_that_is_gone_changed_or_broken_does_not_keep_the_others_waiting(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, changed, good = (filed(home, f"IMG_{side}.png", GREEN, side=side) for side in (20, 21, 22))
    broken = home.file("IMG_4.jpg")
    gone.path.unlink()
    changed.path.write_bytes(png(*RED, side=99))
    capsys.readouterr()
    with pytest.raises(typer.Exit):
        work(category=None, dry_run=False, as_json=False, factory=FACTORY)
    said = capsys.readouterr()
    assert home.photo(good.id).category == "Memes"
    for photo in (gone, changed, broken):
        assert home.photo(photo.id).models == photo.models
        assert f"#{photo.id} " in said.err
    assert said.out.splitlines()[-1].endswith("profile newer on cpu: 1 moved, 3 left.")


def test_a_library_that_is_not_there_stops_it(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    filed(home, "IMG_1.png", GREEN)
    home.library.rename(home.base / "away")
    with pytest.raises(FolderUnusable, match="mounted"):
        work(category=None, dry_run=False, as_json=False, factory=FACTORY)
    (home.base / "away").rename(home.library)


def test_it_does_not_run_beside_the_daemon(home: Home) -> None:
    with InstanceLock(home.config.folders.state_path), pytest.raises(AlreadyRunning, match="stop it first"):
        work(category=None, dry_run=True, as_json=False, factory=FACTORY)


def test_an_empty_library_needs_no_models(home: Home) -> None:
    home.configure('[models]\nprofile = "lite"')
    assert "nothing to judge anew" in home.good("recurate").out


_RUN = """
from curated.cli.recurate import work
work(category=None, dry_run=False, as_json=False, factory="tests.support.newer_models:open_newer")
"""


def test_ctrl_c_ends_it_after_the_move_and_the_next_run_goes_on(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.configure("[models]\nbatch_size = 1\n")
    for side in range(20, 40):
        filed(home, f"IMG_{side}.png", GREEN, side=side)
    code = _RUN + "\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("moved #1 ")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert "stopped; the same command goes on" in said
    done = [photo for photo in home.store.photos() if photo.models == MODELS]
    assert 1 <= len(done) < 20
    assert home.world.problems() == []
    assert len(recurated(home, capsys)) == 20 - len(done)
    assert all(photo.category == "Memes" for photo in home.store.photos())


def test_a_reading_changes_the_columns_that_are_named_for_it(home: Home) -> None:
    photo = home.file("IMG_1.jpg")
    other = reading(photo.sha256, kind="meme", people=3, caption="other", text="text", size=(1, 2), extension=".png")
    known, new = photo_to_columns(photo), photo_to_columns(with_reading(photo, other))
    assert {name for name in known if known[name] != new[name]} <= set(READING_COLUMNS)
    Judged(home.world.database).set_reading(photo.id, other)
    assert home.photo(photo.id) == with_reading(photo, other)
    assert set(READING_COLUMNS) <= set(known)


def test_it_leaves_no_thread_behind(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    filed(home, "IMG_1.png", GREY)
    before = threading.active_count()
    recurated(home, capsys)
    assert threading.active_count() == before
