"""Looking at the library: list, show, search, duplicates, status; what is printed is safe to print."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from curated.domain import Status
from curated.state.daemon import DaemonState, InstanceLock, publish
from tests.support.cli_home import Home

PROMISED = {
    "id", "sha256", "original_path", "path", "name", "category", "kind", "kind_scores", "people", "caption", "text",
    "width", "height", "taken_at", "status", "twin_of", "twin_kind", "keep_score", "verdict", "profile", "models",
    "filed_at",
}  # fmt: skip


def test_list_prints_one_json_document_a_picture_with_the_promised_fields(home: Home) -> None:
    home.file("IMG_1.jpg", caption="a lake", people=2)
    home.fail("broken.jpg")
    listed = home.good("list", "--json").json
    assert len(listed) == 2
    assert all(set(each) >= PROMISED for each in listed)
    lake = next(each for each in listed if each["id"] == 1)
    assert lake["status"] == "filed"
    assert lake["category"] == "People/Pair"
    assert lake["people"] == 2
    assert lake["original_path"] == str(home.unsorted / "IMG_1.jpg")
    assert Path(lake["path"]).is_file()
    assert lake["kind"] == max(lake["kind_scores"], key=lake["kind_scores"].get)
    assert lake["models"] == {"embedder": "scripted-1"}
    assert (lake["twin_of"], lake["twin_kind"], lake["keep_score"], lake["verdict"]) == (None, None, None, None)


def test_list_narrows_by_category_status_and_number(home: Home) -> None:
    home.file("a.jpg", people=1)
    home.file("b.jpg", people=2)
    home.file("c.jpg", kind="meme")
    home.fail("d.jpg")
    assert len(home.good("list", "--category", "People", "--json").json) == 2
    assert [each["name"] for each in home.good("list", "--status", "failed", "--json").json] == ["d"]
    assert len(home.good("list", "--limit", 2).out.splitlines()) == 2
    assert home.run("list", "--limit", 0).code == 2
    assert "one of filed, review" in home.run("list", "--status", "lost").err


def test_every_status_of_the_contract_can_be_listed(home: Home) -> None:
    for status in list(Status)[1:]:
        assert home.good("list", "--status", status.value).out == ""


def test_show_says_all_about_one_picture_and_why_it_is_there(home: Home) -> None:
    photo = home.file("IMG_1.jpg", caption="a lake", people=2)
    for name in (photo.path, photo.original_path, photo.id, f"#{photo.id}"):
        said = home.good("show", name)
        assert "2 people" in said.out
        assert photo.sha256 in said.out
    assert home.good("show", 1, "--json").json[0]["reason"] == photo.reason


def test_show_of_what_is_not_known_is_one_line(home: Home) -> None:
    said = home.run("show", "nowhere.jpg")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert said.err.startswith("curated: nowhere.jpg: not known")


def test_search_finds_by_words_and_by_the_beginning_of_the_last(home: Home) -> None:
    home.file("IMG_1.jpg", caption="a lake at dawn")
    home.file("IMG_2.jpg", caption="a cat")
    assert [each["id"] for each in home.good("search", "lake da", "--json").json] == [1]
    assert "Nothing matches" in home.good("search", "zebra").err


def test_status_counts_what_there_is(home: Home) -> None:
    home.file("a.jpg", people=1)
    home.fail("b.jpg")
    report = home.good("status", "--json").json[0]
    assert report["running"] is False
    assert report["counts"]["filed"] == 1
    assert report["counts"]["failed"] == 1
    assert report["categories"] == {"People/Solo": 1}
    assert "not running" in home.good("status").out


def test_status_tells_a_running_daemon_from_one_that_died(home: Home) -> None:
    publish(home.store, DaemonState(os.getpid(), "2026-01-01T00:00:00", "2026-01-01T00:00:00", "working", rate=30))
    with InstanceLock(home.base / "state"):
        said = home.good("status")
        assert f"working (process {os.getpid()}" in said.out
        assert "30 a minute" in said.out
    assert "not running" in home.good("status").out


def test_status_before_the_first_run_says_how_to_begin(home: Home) -> None:
    home.configure(state="fresh")
    assert "`curated run`" in home.good("status").out
    assert home.good("status", "--json").json[0]["counts"] == {}
    assert not (home.base / "fresh").exists()


EVIL = "evil\x1b[31m\x07\u202egpj\n.jpg"


@pytest.fixture
def odd(home: Home) -> Home:
    """Pictures whose names hold terminal escapes, a newline, and bytes that are not UTF-8."""
    home.fail(EVIL)
    home.fail(os.fsdecode(b"caf\xe9 \x9b.jpg"))
    home.file("IMG_1.jpg", caption="a\x1b]0;title\x07", text="read\x1b[2J\nit")
    return home


def test_no_command_prints_what_a_file_name_says_to_the_terminal(odd: Home) -> None:
    stray = odd.library / "stray\x1b[31m.jpg"
    stray.write_bytes(b"x")
    runs: list[list[object]] = [
        ["list"], ["list", "--json"], ["show", 1], ["show", 2], ["show", 3, "--json"], ["show", 3], ["search", "evil"],
        ["show", "no\x1b[31msuch"], ["status"], ["undo", "--last", 3, "--dry-run"], ["mark", "trash", 1, 2],
        ["trash", "list"], ["trash", "restore", 1, 2], ["fsck"], ["fsck", "--json"], ["rename", 3, "x\x1by"],
        ["file-as", "\x1b[31m", 3], ["retry"], ["undo", "--last", 5], ["doctor"], ["undo", "--category", "\x1b[2J"],
        ["retry", 1],
    ]  # fmt: skip
    for arguments in runs:
        said = odd.run(*arguments)
        assert said.out + said.err, arguments
        bad = {char for char in said.out + said.err if not char.isprintable() and char != "\n"}
        assert bad == set(), (arguments, said)


def test_an_old_name_that_is_taken_is_told_without_its_escapes(odd: Home) -> None:
    odd.put(EVIL, "another")
    said = odd.good("undo", 1)
    assert "is taken" in said.out
    assert {char for char in said.out if not char.isprintable()} == {"\n"}


def test_an_error_about_an_odd_name_is_still_one_line(odd: Home) -> None:
    said = odd.run("show", "no\nsuch\x1b[31m")
    assert said.err.count("\n") == 1


def test_json_gives_a_name_that_is_not_utf8_back_byte_for_byte(odd: Home) -> None:
    listed = odd.good("list", "--status", "failed", "--json").json
    assert os.fsencode(listed[0]["original_path"]).endswith(b"caf\xe9 \x9b.jpg") or os.fsencode(
        listed[1]["original_path"]
    ).endswith(b"caf\xe9 \x9b.jpg")
    path = next(each["path"] for each in listed if "caf" in each["path"])
    assert odd.good("show", path, "--json").json[0]["path"] == path
    assert Path(path).is_file()
    assert json.dumps(path).isascii()
