"""`curated duplicates`: groups, the suggested keeper with its reason, and applying it."""

from __future__ import annotations

import errno

import pytest

from curated.domain import Status
from curated.review import Carrier, Desk
from curated.review.desk import Decided
from curated.state.decisions import Action
from curated.state.pairs import Pairs
from tests.support.cli_home import Home
from tests.support.filed_pictures import picture
from tests.support.filing_disks import FailingDisk
from tests.support.filing_world import NOON

HASH, NEAR = "f0f0a5c33c5aa5c3", "f0f0a5c33c5aa5c0"


def test_duplicates_show_the_keeper_and_the_reason(home: Home) -> None:
    home.file("IMG_1.jpg", caption="a lake")
    home.offer(home.put("IMG_2.jpg", "content of IMG_1.jpg"))
    (group,) = home.good("duplicates", "--json").json
    assert group["keeper"]["id"] == 1
    assert [each["twin_kind"] for each in group["duplicates"]] == ["exact"]
    assert group["suggested"] == 1
    said = home.good("duplicates").out
    assert "exact duplicate" in said
    assert "keeper: " in said


def test_near_groups_say_which_is_larger(home: Home) -> None:
    home.file("IMG_1.jpg", caption="a lake", phash=HASH, size=(4032, 3024))
    home.file("IMG_2.jpg", caption="a lake", phash=NEAR, size=(1280, 960))
    assert "keeper: 4032×3024 against 1280×960" in home.good("duplicates").out


def wrong_keeper(home: Home, kind: str) -> None:
    """A group whose keeper is the lesser one, as an undo or an older version may leave it."""
    home.file("IMG_1.jpg", caption="a lake", phash=HASH, size=(1280, 960))
    home.store.set_verdict(1, "keep", NOON)
    home.file("IMG_2.jpg", caption="a lake", phash=NEAR, size=(4032, 3024))
    home.store.set_verdict(1, None, NOON)
    home.store.set_twin(2, 1, kind, 0)


def test_resolve_applies_the_suggestion_to_exact_groups_after_showing_it(home: Home) -> None:
    wrong_keeper(home, "exact")
    assert "suggested keeper: #2, 4032×3024 against 1280×960" in home.good("duplicates").out
    before = home.tree()
    assert "#2 would take the place of #1" in home.good("duplicates", "--resolve", "--dry-run").out
    assert home.tree() == before
    assert "#2 takes the place of #1" in home.good("duplicates", "--resolve").out
    assert (home.photo(2).status, home.photo(1).status) == (Status.FILED, Status.DUPLICATE)
    assert home.photo(1).twin_of == 2
    assert home.tree() != before
    assert "0 groups changed" in home.good("duplicates", "--resolve").err


def test_what_a_daemon_could_not_carry_out_is_not_said_to_be_done(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_keeper(home, "exact")
    ours = Desk.decide

    def and_the_daemon_is_quicker(desk: Desk, ids: list[int], action: Action, argument: str | None = None) -> Decided:
        decided = ours(desk, ids, action, argument)
        disk = FailingDisk(lambda step: step.name in ("rename", "link", "copy"), errno.EACCES, for_ever=True)
        list(Carrier(home.config, home.world.filer(disk, roots=[home.library])).carry())
        return decided

    monkeypatch.setattr(Desk, "decide", and_the_daemon_is_quicker)
    result = home.run("duplicates", "--resolve")
    assert result.code == 1
    assert "takes the place" not in result.out
    assert "Permission denied" in result.err
    assert "0 groups changed" in result.err


def test_near_groups_are_resolved_only_if_that_is_asked_for(home: Home) -> None:
    wrong_keeper(home, "near")
    assert "0 groups changed" in home.good("duplicates", "--resolve").err
    assert home.good("duplicates", "--resolve", "--near", "--json").json[0]["to"] == 2
    assert home.photo(2).status is Status.FILED


@pytest.mark.parametrize("option", ["--near", "--dry-run"])
def test_how_to_resolve_without_resolving_is_refused_in_words(home: Home, option: str) -> None:
    home.file("IMG_1.jpg")
    result = home.run("duplicates", option)
    assert result.code == 2
    assert "give --resolve" in result.err


def test_a_burst_is_listed_as_kept(home: Home) -> None:
    home.file("IMG_1.jpg", phash=HASH)
    home.file("IMG_2.jpg")
    Pairs(home.world.database).set_burst(2, 1, 9)
    assert "of one burst, kept" in home.good("duplicates").out
    (group,) = home.good("duplicates", "--json").json
    assert [each["id"] for each in group["burst"]] == [2]


def test_what_an_older_version_filed_is_said_and_made_ready(home: Home) -> None:
    photo = home.file("IMG_1.jpg", caption="a lake")
    assert "`curated duplicates --complete` mends that" in home.good("duplicates").err
    assert home.run("duplicates", "--complete").code == 1, "it is no picture"
    assert home.run("duplicates", "--complete", "--json").code == 2
    picture(photo.path, 1)
    assert "1 picture made ready" in home.good("duplicates", "--complete").err
    assert "--complete" not in home.good("duplicates").err
