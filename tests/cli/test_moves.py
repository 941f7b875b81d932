from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from curated.domain import Photo, Status
from curated.pipeline import Filed, LeftAlone
from curated.state.store import Attempt
from tests.support.cli_home import Home


@pytest.fixture
def pictures(home: Home) -> list[Photo]:
    """A lake, a meme and a letter, filed in this order."""
    return [
        home.file("IMG_1.jpg", caption="a lake"),
        home.file("IMG_2.jpg", kind="meme", caption="a cat"),
        home.file("IMG_3.jpg", kind="document", caption="a letter"),
    ]


# -- undo ------------------------------------------------------------------------------------------------------


def test_undo_takes_the_last_moves_back_newest_first(home: Home, pictures: list[Photo]) -> None:
    said = home.good("undo", "--last", 2)
    lines = said.out.splitlines()
    assert lines[0].startswith("undone #3 ")
    assert lines[1].startswith("undone #2 ")
    assert lines[2] == "2 moves taken back; what is back in the unsorted folder stays there until `curated retry`."
    assert {"IMG_2.jpg", "IMG_3.jpg"} == set(os.listdir(home.unsorted))
    assert home.world.problems() == []


def test_undo_within_the_library_says_nothing_of_the_unsorted_folder(home: Home, pictures: list[Photo]) -> None:
    home.good("file-as", "Memes", 1)
    assert home.good("undo", "--last", 1).out.splitlines()[-1] == "1 move taken back."


@pytest.mark.parametrize("since", ["1h", "2 days ago", "yesterday", "2020-01-01", "2020-01-01T10:30"])
def test_undo_takes_back_all_since_a_time(home: Home, pictures: list[Photo], since: str) -> None:
    home.good("undo", "--since", since)
    assert len(os.listdir(home.unsorted)) == 3


def test_undo_since_leaves_what_is_older(home: Home, pictures: list[Photo]) -> None:
    said = home.good("undo", "--since", "2100-01-01")
    assert "nothing to take back" in said.out
    assert os.listdir(home.unsorted) == []


def test_undo_takes_back_a_category(home: Home, pictures: list[Photo]) -> None:
    home.good("undo", "--category", "Memes")
    assert os.listdir(home.unsorted) == ["IMG_2.jpg"]


def test_undo_takes_back_single_pictures_by_id_or_file(home: Home, pictures: list[Photo]) -> None:
    home.good("undo", pictures[0].id, pictures[2].path)
    assert {"IMG_1.jpg", "IMG_3.jpg"} == set(os.listdir(home.unsorted))


def test_a_dry_run_says_what_undo_would_do_and_touches_nothing(home: Home, pictures: list[Photo]) -> None:
    before = home.tree()
    said = home.good("undo", "--last", 3, "--dry-run")
    assert said.out.count("would undo") == 3
    assert home.tree() == before
    assert home.photo(1).status is Status.FILED


def test_undo_prints_one_json_document_a_move(home: Home, pictures: list[Photo]) -> None:
    steps = home.good("undo", "--last", 1, "--dry-run", "--json").json
    assert [(step["photo_id"], step["outcome"], step["dry_run"]) for step in steps] == [(3, "undone", True)]
    assert steps[0]["target"] == str(home.unsorted / "IMG_3.jpg")


def test_undo_ends_with_1_if_a_file_has_changed_since(home: Home, pictures: list[Photo]) -> None:
    pictures[0].path.write_bytes(b"edited")
    said = home.run("undo", "--last", 3)
    assert said.code == 1
    assert "left #1" in said.out
    assert "2 moves taken back" in said.out


def test_undo_without_a_selection_names_the_options(home: Home) -> None:
    for arguments in ([], ["--last", 1, "--category", "Memes"]):
        said = home.run("undo", *arguments)
        assert said.code == 2
        assert "--last N, --since TIME, --category C, or ids" in said.err


@pytest.mark.parametrize("since", ["soon", "", "3 parsecs", "2026-13-45", "25:99"])
def test_undo_refuses_a_time_it_does_not_understand_with_examples(home: Home, since: str) -> None:
    said = home.run("undo", "--since", since)
    assert said.code == 2
    assert "3 days" in said.err


def test_undo_of_a_category_without_pictures_names_those_that_have_some(home: Home, pictures: list[Photo]) -> None:
    said = home.run("undo", "--category", "Meme")
    assert said.code == 1
    assert "Memes" in said.err


# -- retry -----------------------------------------------------------------------------------------------------


def test_retry_brings_failed_pictures_back_and_has_them_taken_as_new(home: Home) -> None:
    photo = home.fail("broken.jpg")
    home.store.quarantine(photo.sha256, "it killed the models", datetime.now(UTC))
    said = home.good("retry")
    assert "again #1" in said.out
    assert "`curated run` files them" in said.out
    assert (home.unsorted / "broken.jpg").is_file()
    assert home.store.quarantined(photo.sha256) is None
    outcome = home.offer(home.unsorted / "broken.jpg", caption="mended")
    assert isinstance(outcome, Filed)
    assert outcome.photo.id == photo.id


def test_retry_files_what_undo_took_back_under_its_old_id_with_its_verdict(home: Home, pictures: list[Photo]) -> None:
    home.good("mark", "keep", 1)
    home.good("undo", 1)
    assert isinstance(home.offer(home.unsorted / "IMG_1.jpg"), LeftAlone)
    home.good("retry", 1)
    outcome = home.offer(home.unsorted / "IMG_1.jpg", caption="a lake")
    assert isinstance(outcome, Filed)
    assert (outcome.photo.id, outcome.photo.verdict) == (1, "keep")


def test_a_retried_picture_can_be_undone_again(home: Home, pictures: list[Photo]) -> None:
    home.good("undo", 1)
    home.good("retry", 1)
    home.offer(home.unsorted / "IMG_1.jpg", caption="a lake")
    home.good("undo", 1)
    assert os.listdir(home.unsorted) == ["IMG_1.jpg"]
    assert isinstance(home.offer(home.unsorted / "IMG_1.jpg"), LeftAlone)
    assert home.world.problems() == []


def test_retry_with_ids_touches_only_those(home: Home) -> None:
    home.fail("a.jpg")
    home.fail("b.jpg")
    home.good("retry", 2)
    assert os.listdir(home.unsorted) == ["b.jpg"]
    assert home.photo(1).status is Status.FAILED


def test_retry_ends_the_wait_of_a_file_that_is_no_picture_yet(home: Home) -> None:
    path = home.put("slow.jpg")
    now = datetime.now(UTC)
    home.store.set_attempt(Attempt(path, 1, 1, 3, now, "it ends early"), now)
    home.good("retry", path)
    assert home.store.attempts() == []


def test_retry_says_which_pictures_have_nothing_to_be_tried_again(home: Home, pictures: list[Photo]) -> None:
    said = home.run("retry", 1)
    assert said.code == 1
    assert "it is filed" in said.err
    assert "nothing to try again" in home.good("retry").out


def test_retry_leaves_a_failed_file_that_changed_where_it_is(home: Home) -> None:
    photo = home.fail("broken.jpg")
    photo.path.write_bytes(b"mended by hand")
    said = home.run("retry")
    assert said.code == 1
    assert photo.path.is_file()
    assert "changed" in said.err


_DAEMON = """
import signal, sys, time
from pathlib import Path
from curated.state.daemon import DaemonState, InstanceLock, publish
from curated.state.schema import open_database
from curated.state.store import Store
import os
woken = []
signal.signal(signal.SIGUSR1, lambda *_: woken.append(1))
with InstanceLock(Path(sys.argv[1])), open_database(Path(sys.argv[1], "curated.db")) as database:
    publish(Store(database), DaemonState(os.getpid(), "2026-01-01T00:00:00", "2026-01-01T00:00:00", "watching"))
    print("ready", flush=True)
    for _ in range(600):
        if woken:
            print("woken", flush=True)
            break
        time.sleep(0.05)
"""


def test_retry_wakes_the_daemon_that_works_on_this_state(home: Home) -> None:
    home.fail("broken.jpg")
    state = home.base / "state"
    with subprocess.Popen([sys.executable, "-c", _DAEMON, state], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "ready\n"
        said = home.good("retry")
        assert f"process {daemon.pid}" in said.out
        assert daemon.stdout.readline() == "woken\n"


def test_a_number_left_in_the_lock_file_is_never_signalled(home: Home) -> None:
    home.fail("broken.jpg")
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    (home.base / "state" / "daemon.lock").write_text(f"{other.pid}\n")
    said = home.good("retry")
    assert "No daemon is running" in said.out
    assert other.poll() is None
    other.communicate()
    assert other.returncode == 0


# -- trash -----------------------------------------------------------------------------------------------------


def test_the_trash_lists_what_is_in_it_with_files_and_bytes(home: Home, pictures: list[Photo]) -> None:
    home.good("mark", "trash", 1, 2)
    listed = home.good("trash", "list", "--json").json
    assert {each["id"] for each in listed} == {1, 2}
    assert {each["files"] for each in listed} == {1}
    assert all(each["bytes"] == len("content of IMG_1.jpg") and each["trashed_at"] for each in listed)
    said = home.good("trash", "list")
    assert "2 files of 2 pictures" in said.err


def test_restore_brings_a_picture_back_to_its_place_and_its_verdict(home: Home, pictures: list[Photo]) -> None:
    home.good("mark", "trash", 1)
    home.good("trash", "restore", home.photo(1).path)
    photo = home.photo(1)
    assert (photo.path, photo.status, photo.verdict) == (pictures[0].path, Status.FILED, None)
    assert home.run("trash", "restore", 1).code == 1


def test_empty_asks_and_a_no_removes_nothing(
    home: Home, pictures: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.good("mark", "trash", 1)
    before = home.tree()
    for answer in ("n\n", "\n", "", "yesterday\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        said = home.run("trash", "empty")
        assert said.code == 1
        assert "1 file of 1 picture (20 B) from the trash for good" in said.out
        assert "nothing was removed" in said.err
        assert home.tree() == before


def test_empty_removes_for_good_what_is_old_enough_and_counts_it(
    home: Home, pictures: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.good("mark", "trash", 1)
    assert "Nothing to remove" in home.good("trash", "empty", "--older-than", "30d", "--yes").out
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    said = home.good("trash", "empty")
    assert "Removed 1 file (20 B) for good" in said.out
    assert home.photo(1).status is Status.MISSING
    assert not [name for name in home.tree() if "Trash" in name]
    assert len(home.tree()) == 2


def test_empty_leaves_what_is_not_the_file_that_was_trashed(home: Home, pictures: list[Photo]) -> None:
    home.good("mark", "trash", 1)
    home.photo(1).path.write_bytes(b"edited in the trash")
    said = home.run("trash", "empty", "--yes")
    assert said.code == 1
    assert home.photo(1).path.read_bytes() == b"edited in the trash"
    assert "left in the trash" in said.err


def test_empty_refuses_an_age_it_does_not_understand(home: Home) -> None:
    assert home.run("trash", "empty", "--older-than", "ages").code == 2


# -- mark, file-as, rename -------------------------------------------------------------------------------------


def test_mark_prints_where_each_picture_is_now(home: Home, pictures: list[Photo]) -> None:
    assert home.good("mark", "keep", 1, "#2").out.splitlines()[1].startswith("keep #2 ")
    home.good("mark", "trash", 2)
    assert home.photo(2).path == home.library / "Trash" / "Memes" / pictures[1].path.name
    home.good("mark", "undecided", 2)
    assert home.photo(2).path == pictures[1].path
    assert home.run("mark", "maybe", 1).code == 2


def test_an_unknown_picture_stops_the_command_before_anything_is_changed(home: Home, pictures: list[Photo]) -> None:
    said = home.run("mark", "trash", 1, 99)
    assert said.code == 1
    assert said.err == "curated: no picture has the id 99; `curated list` shows them\n"
    assert home.photo(1).status is Status.FILED


def test_one_picture_that_cannot_be_moved_does_not_keep_the_others(home: Home, pictures: list[Photo]) -> None:
    pictures[0].path.unlink()
    said = home.run("mark", "trash", 1, 2)
    assert said.code == 1
    assert said.err.startswith("curated: ")
    assert home.photo(2).status is Status.TRASHED


def test_file_as_moves_to_the_categorys_folder_and_undo_takes_it_back(home: Home, pictures: list[Photo]) -> None:
    home.good("file-as", "people/pair", 1)
    photo = home.photo(1)
    assert (photo.path, photo.category) == (home.library / "People/Pair" / pictures[0].path.name, "People/Pair")
    home.good("undo", 1)
    assert (home.photo(1).path, home.photo(1).category) == (pictures[0].path, "Photos")


def test_file_as_names_the_nearest_category(home: Home, pictures: list[Photo]) -> None:
    said = home.run("file-as", "Screenshot", 1)
    assert said.code == 1
    assert "the nearest is 'Screenshots'" in said.err
    assert home.photo(1).path == pictures[0].path


def test_rename_gives_a_name_and_undo_the_old_one_back(home: Home, pictures: list[Photo]) -> None:
    home.good("rename", 1, "Lake: at dawn.JPG")
    assert home.photo(1).path.name == "Lake- at dawn.jpg"
    home.good("undo", "--last", 1)
    assert home.photo(1).path == pictures[0].path


def test_rename_refuses_a_name_with_nothing_in_it(home: Home, pictures: list[Photo]) -> None:
    said = home.run("rename", 1, " ../. ")
    assert said.code == 1
    assert home.photo(1).path == pictures[0].path
