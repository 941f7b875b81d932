"""`curated search`: words everywhere, meaning where the embedder has read the pictures, likeness from any picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curated.cli.recurate import work
from curated.cli.search import find, find_like
from curated.domain import Photo
from curated.errors import NotFound, PictureError
from tests.cli.test_recurate import BLUE, GREEN, RED, filed
from tests.support.cli_home import Home
from tests.support.newer_models import FACTORY
from tests.support.scripted_models import png

TEXTS = "tests.support.newer_models:open_texts"


@pytest.fixture
def three(home: Home, capsys: pytest.CaptureFixture[str]) -> list[Photo]:
    """A red, a green and a blue picture, judged by the newer models; none is called by its colour but the green."""
    made = [
        filed(home, f"IMG_{number}.png", colour, side=20 + number, text=f"page {number}")
        for number, colour in enumerate((RED, GREEN, BLUE), 1)
    ]
    work(category=None, dry_run=False, as_json=False, factory=FACTORY)
    capsys.readouterr()
    return made


def ids(hits: list) -> list[int]:
    return [hit.photo.id for hit in hits]


def test_a_sentence_finds_pictures_by_what_they_show(home: Home, three: list[Photo]) -> None:
    red, green, blue = three
    assert ids(find("something red", 1, opener=TEXTS)) == [red.id]
    assert ids(find("all that is blue", 1, opener=TEXTS)) == [blue.id]
    hits = find("green", 3, opener=TEXTS)
    assert hits[0].photo.id == green.id
    assert hits[0].words is not None
    assert hits[0].likeness is not None
    assert hits[1].words is None
    assert hits[0].score > hits[1].score > hits[2].score


def test_words_alone_need_no_model(home: Home, three: list[Photo]) -> None:
    assert ids(find("frog", 5, words_only=True, opener="no.such:module")) == [three[1].id]
    assert find("something red", 5, words_only=True) == []
    said = home.good("search", "frog", "--words", "--json").json[0]
    assert (said["id"], said["score"], said["likeness"]) == (three[1].id, said["words_score"], None)


@pytest.mark.parametrize(
    ("opener", "why"),
    [
        ("tests.support.newer_models:open_no_texts", "models.full.embedder_weights: not on disk"),
        (
            "tests.support.newer_models:open_other_texts",
            "no picture was judged by unheard-of-1 yet; `curated",
        ),
        ("tests.support.newer_models:no_such_function", "the embedder failed: AttributeError"),
    ],
)
def test_where_meaning_cannot_be_asked_words_are_searched_and_it_says_so(
    home: Home, three: list[Photo], capsys: pytest.CaptureFixture[str], opener: str, why: str
) -> None:
    assert ids(find("frog", 5, opener=opener)) == [three[1].id]
    said = capsys.readouterr().err
    assert said.startswith("curated: searched by words only: ")
    assert why in said


def test_the_lite_profile_searches_by_words_and_says_nothing(home: Home, three: list[Photo]) -> None:
    home.configure('[models]\nprofile = "lite"')
    said = home.good("search", "frog")
    assert said.out.splitlines()[0].startswith(f"#{three[1].id} ")
    assert said.err == ""


def test_a_weight_that_is_missing_keeps_nobody_from_searching_by_words(home: Home, three: list[Photo]) -> None:
    home.configure('[models]\nprofile = "full"')
    said = home.good("search", "frog")
    assert said.out.splitlines()[0].startswith(f"#{three[1].id} ")
    assert "searched by words only" in said.err


def test_a_known_picture_finds_its_like_without_a_model(home: Home, three: list[Photo]) -> None:
    reddish = filed(home, "IMG_9.png", (180, 60, 10), side=40)
    work(category=None, dry_run=False, as_json=False, factory=FACTORY)
    said = home.good("search", "--like", home.photo(three[0].id).path, "--json").json
    assert said[0]["id"] == reddish.id
    assert three[0].id not in [each["id"] for each in said]
    assert said[0]["likeness"] == said[0]["score"] > said[1]["likeness"]
    assert "alike)" in home.good("search", "--like", three[0].id, "--limit", 1).out


def test_a_duplicate_is_like_what_its_twin_is_like(home: Home, three: list[Photo]) -> None:
    twin = home.offer(home.put("copy.png", home.photo(three[0].id).path.read_bytes())).photo
    assert twin.twin_of == three[0].id
    assert ids(find_like(str(twin.id), 1)) == [three[0].id]


def test_a_file_that_is_not_known_is_judged_and_left_alone(home: Home, three: list[Photo]) -> None:
    other = home.base / "other.png"
    other.write_bytes(png(20, 20, 230, side=60))
    before = home.tree()
    assert ids(find_like(str(other), 1, factory=FACTORY)) == [three[2].id]
    assert home.tree() == before
    assert other.exists()
    other.write_text("no picture")
    with pytest.raises(PictureError):
        find_like(str(other), 1, factory=FACTORY)


def test_what_is_neither_picture_nor_file_is_said_so(home: Home, three: list[Photo]) -> None:
    with pytest.raises(NotFound, match="not known"):
        find_like(str(home.base / "nowhere.png"), 1, factory=FACTORY)
    assert home.run("search", "--like", 99).code == 1
    assert home.run("search").code == 2
    assert home.run("search", "a", "--like", 1).code == 2


def test_asking_for_meaning_imports_no_model_library_here(home: Home, three: list[Photo]) -> None:
    code = (
        "import json, sys\nfrom curated.cli.search import find\n"
        f"find('red', 1, opener={TEXTS!r})\n"
        "print(json.dumps([each for each in ('torch', 'open_clip', 'PIL', 'cv2') if each in sys.modules]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
