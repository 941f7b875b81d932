"""From findings to a category, a name and a reason in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.config import Category, Config, Decide, Folders, Naming
from curated.decide import candidates, decide, split_name
from curated.domain import KINDS, Box, Decision, Findings, Kind, Picture, Reading, Status

CONFIG = Config()
CAT = Path("/unsorted/IMG_1234.jpg")
KEPT = "name kept (nothing better known)"


def reading(
    kind: Kind = "photo",
    score: float = 0.93,
    people: int | None = 0,
    caption: str = "a photo of a cat on a mat",
    text: str = "",
    boxes: tuple[Box, ...] = (),
    scores: Mapping[str, float] | None = None,
    categories: Mapping[str, float] | None = None,
    extension: str = ".jpg",
    content: str = "JPEG",
) -> Reading:
    rest = (1 - score) / 4
    picture = Picture("0a" * 32, "", "", "", 640, 480, content, extension, 100.0)
    findings = Findings(
        sha256="0a" * 32,
        profile="lite",
        models={},
        kind_scores=scores or {each: score if each == kind else rest for each in KINDS},
        people=people,
        people_score=None,
        boxes=boxes,
        labels=(),
        caption=caption,
        text=text,
        embedding=b"",
        category_scores=categories or {},
    )
    return Reading(picture, findings)


def box(score: float, label: str = "person") -> Box:
    return Box(0.1, 0.1, 0.5, 0.9, score, label)


def with_rules(*rules: Category, **sections: object) -> Config:
    return msgspec.structs.replace(CONFIG, category=rules, **sections)


def category(of: Reading, config: Config = CONFIG) -> str:
    return decide(of, CAT, config).category


@pytest.mark.parametrize(
    ("kind", "people", "folder"),
    [
        ("photo", 0, "Photos"),
        ("photo", None, "Photos"),
        ("photo", 1, "People/Solo"),
        ("photo", 2, "People/Pair"),
        ("photo", 3, "People/Group"),
        ("photo", 40, "People/Group"),
        ("illustration", None, "Illustrations"),
        ("screenshot", None, "Screenshots"),
        ("document", None, "Documents"),
        ("meme", 2, "Memes"),
    ],
)
def test_the_default_categories_sort_by_kind_and_people(kind: Kind, people: int | None, folder: str) -> None:
    decision = decide(reading(kind, people=people), CAT, CONFIG)
    assert (decision.category, decision.folder, decision.status) == (folder, folder, Status.FILED)
    assert decision.scores[kind] == 0.93


def test_the_whole_decision_reads_as_the_person_will_see_it() -> None:
    boxes = (box(0.91), box(0.557), box(0.3), box(0.7, "face"))
    assert decide(reading(people=2, boxes=boxes), CAT, CONFIG) == Decision(
        category="People/Pair",
        folder="People/Pair",
        name="Cat on a mat",
        extension=".jpg",
        status=Status.FILED,
        reason="2 people ≥ 0.55; photo 0.93; named by its caption",
        scores={"photo": 0.93, **{kind: pytest.approx(0.0175) for kind in KINDS if kind != "photo"}},
    )


@pytest.mark.parametrize(
    ("people", "boxes", "said"),
    [
        (1, (box(0.8),), "1 person ≥ 0.80; photo 0.93"),
        (1, (box(0.999),), "1 person ≥ 0.99; photo 0.93"),
        (2, (box(0.61), box(0.8, "face"), box(0.75, "face")), "2 people ≥ 0.75; photo 0.93"),
        (2, (), "2 people; photo 0.93"),
        (0, (box(0.2),), "photo 0.93"),
    ],
)
def test_people_are_counted_in_words_with_the_least_certain_of_them(
    people: int, boxes: tuple[Box, ...], said: str
) -> None:
    assert decide(reading(people=people, boxes=boxes), CAT, CONFIG).reason.startswith(f"{said}; named")


def test_an_unsure_kind_goes_to_review_with_the_runner_up_in_words() -> None:
    unsure = {"photo": 0.41, "illustration": 0.38, "screenshot": 0.1, "document": 0.1, "meme": 0.01}
    decision = decide(reading(scores=unsure, people=2), CAT, CONFIG)
    assert (decision.category, decision.folder, decision.status) == ("Review", "Review", Status.REVIEW)
    assert decision.reason == (
        "unsure: photo 0.41 or illustration 0.38, below decide.kind_confidence 0.50; named by its caption"
    )
    patient = msgspec.structs.replace(CONFIG, decide=Decide(kind_confidence=0.4))
    assert category(reading(scores=unsure, people=2), patient) == "People/Pair"
    elsewhere = msgspec.structs.replace(CONFIG, folders=Folders(review="Look at me"))
    assert decide(reading(scores=unsure), CAT, elsewhere).folder == "Look at me"


def test_a_rule_that_asks_for_words_and_no_kind_holds_for_an_unsure_kind_too() -> None:
    rules = with_rules(
        Category(name="Everything"),
        Category(name="Photos", kind="photo"),
        Category(name="Crowds", people="3+", words=("total",)),
        Category(name="Bills", words=("total",)),
    )
    unsure = reading(score=0.4, people=5, text="TOTAL 12.00")
    decision = decide(unsure, CAT, rules)
    assert decision.category == "Bills"
    assert decision.reason.startswith("the word 'total'; ")
    assert category(reading(score=0.4, text="nothing"), rules) == "Review"


def test_the_first_rule_whose_conditions_all_hold_wins() -> None:
    cats = Category(name="Cats", kind="photo", words=("cat",))
    photos = Category(name="Photos", kind="photo")
    assert category(reading(), with_rules(cats, photos)) == "Cats"
    assert category(reading(), with_rules(photos, cats)) == "Photos"
    assert category(reading(caption="a dog"), with_rules(cats, photos)) == "Photos"
    assert category(reading("meme"), with_rules(Category(name="Rest"), photos)) == "Rest"


def test_no_rule_that_holds_means_review() -> None:
    decision = decide(reading("meme", people=1), CAT, with_rules(Category(name="Photos", kind="photo")))
    assert decision.status is Status.REVIEW
    assert decision.reason.startswith("no rule of [[category]] holds: meme 0.93; ")


def test_a_rule_may_file_to_another_folder_or_to_review() -> None:
    assert decide(reading(), CAT, with_rules(Category(name="A", folder="B/C"))).folder == "B/C"
    assert decide(reading(), CAT, with_rules(Category(name="Review", kind="photo"))).status is Status.REVIEW


@pytest.mark.parametrize(
    ("people", "count", "holds"),
    [
        ("2", 2, True),
        ("2", 3, False),
        ("3+", 3, True),
        ("3+", 2, False),
        ("1-4", 1, True),
        ("1-4", 4, True),
        ("1-4", 5, False),
        ("0", 0, True),
        ("0", 1, False),
        ("0", None, False),
        ("1+", None, False),
    ],
)
def test_people_are_asked_as_a_number_a_least_number_or_a_range(people: str, count: int | None, holds: bool) -> None:
    found = category(reading(people=count), with_rules(Category(name="Asked", people=people), Category(name="Rest")))
    assert found == ("Asked" if holds else "Rest")


@pytest.mark.parametrize(
    ("word", "text", "holds"),
    [
        ("invoice", "INVOICE no. 42", True),
        ("invoice", "invoices", False),
        ("Rechnung", "rechnung", True),
        ("café", "CAFE central", True),
        ("cafe", "Café", True),
        ("straße", "STRASSE 5", True),
        ("bank statement", "Bank\nStatement 2020", True),
        ("c++", "Learn C++ today", True),
        ("発票", "電子発票です", True),
        ("total", "subtotal", False),
        ("a.b", "axb", False),
    ],
)
def test_words_are_whole_words_whatever_their_case_and_accents(word: str, text: str, holds: bool) -> None:
    rules = with_rules(Category(name="Asked", words=("unlikely", word)), Category(name="Rest"))
    decision = decide(reading(text=text, caption=""), CAT, rules)
    assert decision.category == ("Asked" if holds else "Rest")
    if holds:
        assert f"photo 0.93; the word {word!r}" in decision.reason
    assert category(reading(text="", caption=text), rules) == decision.category


def test_prompts_hold_where_they_describe_the_picture_best() -> None:
    food = Category(name="Food", kind="photo", prompts=("a plate of food",))
    rules = with_rules(food, Category(name="Photos", kind="photo"))
    decision = decide(reading(categories={"Food": 0.71, "Cars": 0.2}), CAT, rules)
    assert decision.category == "Food"
    assert decision.reason.startswith("photo 0.93; prompts 0.71, next 0.20; ")
    assert category(reading(categories={"Food": 0.4, "Cars": 0.6}), rules) == "Photos"
    assert category(reading(categories={"Food": 0.3, "Cars": 0.2}), rules) == "Photos"
    assert category(reading(categories={"Cars": 0.9}), rules) == "Photos"


def test_a_category_that_its_prompts_do_not_tell_apart_is_for_the_person_to_decide() -> None:
    rules = with_rules(
        Category(name="Food", kind="photo", prompts=("a plate of food",)), Category(name="Photos", kind="photo")
    )
    for close in ({"Food": 0.45, "Cars": 0.4}, {"Food": 0.4, "Cars": 0.45}, {"Food": 0.54}, {"Food": 0.46}):
        decision = decide(reading(categories=close), CAT, rules)
        assert (decision.category, decision.folder, decision.status) == ("Review", "Review", Status.REVIEW)
    assert decision.reason.startswith(
        "unsure: 'Food': prompts 0.46, next 0.54, closer than decide.category_margin 0.10; "
    )
    wide = with_rules(*rules.category, decide=Decide(category_margin=0.6))
    assert category(reading(categories={"Food": 0.71, "Cars": 0.2}), wide) == "Review"
    assert category(reading(categories={"Food": 0.71, "Cars": 0.2}), with_rules(*rules.category)) == "Food"
    narrow = with_rules(*rules.category, decide=Decide(category_margin=0.0))
    assert category(reading(categories={"Food": 0.46}), narrow) == "Photos"
    assert category(reading(categories={"Food": 0.54}), narrow) == "Food"


def test_a_rule_whose_other_conditions_fail_is_never_in_doubt() -> None:
    rules = with_rules(
        Category(name="Comics", kind="illustration", prompts=("a comic",)), Category(name="Photos", kind="photo")
    )
    assert category(reading(categories={"Comics": 0.5}), rules) == "Photos"


def test_a_rule_with_prompts_abstains_where_none_can_be_judged_and_says_so() -> None:
    rules = with_rules(
        Category(name="Food", kind="photo", prompts=("a plate of food",)),
        Category(name="Comics", kind="illustration", prompts=("a comic",)),
        Category(name="Cars", prompts=("a car",)),
        Category(name="Photos", kind="photo"),
    )
    assert decide(reading(), CAT, rules).reason == (
        "photo 0.93; 'Food', 'Cars' would need prompts, which the lite profile cannot judge; named by its caption"
    )
    assert decide(reading("meme"), CAT, rules).reason.startswith(
        "no rule of [[category]] holds: meme 0.93; 'Cars' would need prompts"
    )


@pytest.mark.parametrize(
    ("original", "content", "extension", "kept", "said"),
    [
        ("a.jpg", "JPEG", ".jpg", ".jpg", ""),
        ("a.JPG", "JPEG", ".jpg", ".jpg", ""),
        ("a.jpeg", "JPEG", ".jpg", ".jpeg", ""),
        ("a.MPO", "JPEG", ".jpg", ".mpo", ""),
        ("a.tiff", "TIFF", ".tif", ".tiff", ""),
        ("a.hif", "HEIF", ".heic", ".hif", ""),
        ("a.NEF", "NEF", ".nef", ".nef", ""),
        ("a.png", "JPEG", ".jpg", ".jpg", "called .jpg: the content is JPEG, not .png"),
        ("a.heic", "AVIF", ".avif", ".avif", "called .avif: the content is AVIF, not .heic"),
        ("a.txt", "GIF", ".gif", ".gif", "called .gif: the content is GIF, not .txt"),
        ("a", "PNG", ".png", ".png", "called .png: the content is PNG"),
        ("at 14.03.59", "PNG", ".png", ".png", "called .png: the content is PNG"),
    ],
)
def test_the_extension_is_kept_or_corrected_by_the_content(
    original: str, content: str, extension: str, kept: str, said: str
) -> None:
    decision = decide(reading(content=content, extension=extension), Path(original), CONFIG)
    assert decision.extension == kept
    assert decision.reason.endswith(f"; {said}" if said else "caption")


def test_a_dot_in_a_name_is_no_extension() -> None:
    assert split_name(Path("Screenshot 2019-07-21 at 14.03.59")) == ("Screenshot 2019-07-21 at 14.03.59", "")
    assert split_name(Path("Mr. Smith")) == ("Mr. Smith", "")
    assert split_name(Path("a.b.JPEG")) == ("a.b", ".jpeg")
    assert split_name(Path(".jpg")) == (".jpg", "")


def test_a_persons_name_is_kept_and_the_reason_says_so() -> None:
    decision = decide(reading(), Path("Omas Geburtstag.JPG"), CONFIG)
    assert decision.name == "Omas Geburtstag"
    assert decision.reason == "photo 0.93; name kept (a person's)"
    renaming = msgspec.structs.replace(CONFIG, naming=Naming(keep_human_names=False))
    assert decide(reading(), Path("Omas Geburtstag.JPG"), renaming).name == "Cat on a mat"


def test_where_nothing_is_known_the_name_stays_and_the_reason_says_so() -> None:
    decision = decide(reading(caption=""), CAT, CONFIG)
    assert decision.name == "IMG_1234"
    assert decision.reason == f"photo 0.93; {KEPT}"


@given(
    st.fixed_dictionaries({kind: st.floats(0, 1) for kind in KINDS}),
    st.one_of(st.none(), st.integers(0, 9)),
    st.text(max_size=40),
    st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=40).filter(lambda name: name.strip(".")),
)  # fmt: skip
def test_whatever_is_found_there_is_a_place_a_name_and_a_reason(
    scores: dict[str, float], people: int | None, caption: str, original: str
) -> None:
    found = reading(people=people, caption=caption, scores=scores)
    decision = decide(found, Path("/unsorted") / original, CONFIG)
    assert decision.folder in {rule.name for rule in CONFIG.category} | {"Review"}
    assert decision.name
    assert "/" not in decision.name
    assert decision.reason
    assert decide(replace(found), Path("/unsorted") / original, CONFIG) == decision


def test_candidates_name_what_else_the_picture_could_be_and_how_far_behind_it_is() -> None:
    config = Config()
    unsure = replace(
        reading().findings,
        kind_scores={"photo": 0.45, "meme": 0.4, "screenshot": 0.1, "document": 0.03, "illustration": 0.02},
        people=2,
    )
    found = candidates(unsure, config)
    assert found[:2] == [("People/Pair", 0.45), ("Memes", 0.4)]
    assert {name for name, _ in found} == {"People/Pair", "Memes", "Screenshots", "Documents", "Illustrations"}
    assert config.folders.review not in dict(found)
