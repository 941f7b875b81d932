"""Captions: composed of what is known, and silent where nothing is."""

from datetime import datetime

import pytest

from curated.domain import Kind
from curated.models.lite.caption import compose, paper_kind, people_phrase
from curated.models.lite.reading import Line

DAY = datetime(2024, 5, 17, 12, 30)


def line(text: str, top: float = 0.1, height: float = 0.03, left: float = 0.1, score: float = 0.98) -> Line:
    return Line(text, score, left, top, left + 0.012 * len(text), top + height)


def caption(
    kind: Kind,
    *lines: Line,
    label: tuple[str, float] | None = None,
    people: int | None = None,
    day: datetime | None = None,
    close: bool = False,
) -> str:
    return compose(kind, lines, (label,) if label else (), people, day, 0.5, close=close)


@pytest.mark.parametrize(
    ("people", "label", "day", "close", "expected"),
    [
        (0, None, None, False, ""),
        (0, None, DAY, False, "photo 2024-05-17"),
        (0, ("lighthouse", 0.9), DAY, False, "lighthouse"),
        (0, ("lighthouse", 0.49), None, False, ""),
        (1, None, None, False, ""),
        (1, None, DAY, False, "person 2024-05-17"),
        (1, None, None, True, "portrait"),
        (1, None, DAY, True, "portrait 2024-05-17"),
        (2, None, None, False, "two people"),
        (2, None, DAY, False, "two people 2024-05-17"),
        (7, None, None, True, "group of 7 people"),
        (2, ("volcano", 0.8), DAY, False, "two people at volcano"),
        (1, ("racket", 0.9), None, False, "person with racket"),
        (1, ("racket", 0.6), None, False, ""),
        (1, ("suit", 0.99), None, True, "portrait"),
        (1, ("gorilla", 0.99), None, True, "portrait"),
        (2, ("ballplayer", 0.99), None, False, "two people"),
    ],
)
def test_a_photo_is_named_by_label_people_and_day(
    people: int, label: tuple[str, float] | None, day: datetime | None, close: bool, expected: str
) -> None:
    assert caption("photo", label=label, people=people, day=day, close=close) == expected


def test_text_in_a_photo_is_no_title() -> None:
    assert caption("photo", line("EMERGENCY EXIT ONLY"), people=2) == "two people"


def test_a_meme_is_named_by_its_words() -> None:
    said = caption("meme", line("when the build is green"), line("on the first try", 0.8))
    assert said == "when the build is green on the first try"


def test_a_heading_wins_over_what_stands_below() -> None:
    body = [line("some words in small print go on and on", 0.4 + n * 0.04, 0.02) for n in range(8)]
    assert caption("document", line("Annual Report", 0.1, 0.06), *body) == "Annual Report"


def test_a_fragment_begins_where_its_sentence_does() -> None:
    lines = (line("The cat sat on the wall", 0.1), line("and looked at the bird for hours", 0.14))
    assert caption("screenshot", *lines).startswith("The cat sat on the wall")


def test_a_receipt_is_called_one() -> None:
    lines = (line("GREEN GROCER", 0.05, 0.05), line("Total 12.00"), line("Cash 20.00 Change 8.00", 0.5))
    assert caption("document", *lines) == "Green grocer receipt"
    assert caption("document", line("ttle", 0.05, 0.05), *lines[1:]) == "receipt"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("screenshot", "File"),
        ("screenshot", "Open Save"),
        ("screenshot", "Show menubar"),
        ("screenshot", "applications menu"),
        ("document", "of the company and its successors"),
        ("document", "A ((obotr forvard"),
        ("document", "A = BT + C thus nothing"),
        ("document", "xkrtz bvnmq"),
        ("meme", "12:45"),
        ("illustration", "%%%% 100"),
        ("screenshot", "https://example.org/some/where"),
    ],
)
def test_what_says_nothing_is_no_name(kind: Kind, words: str) -> None:
    assert caption(kind, line(words)) == ""


def test_an_unsure_line_is_not_believed() -> None:
    assert caption("screenshot", line("Monthly budget overview", score=0.7)) == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Why go paperless? I am mostly paperless and it is grand", "Why go paperless"),
        ("Connector courses for", "Connector courses"),
        ("one two three four five six seven eight of nine", "one two three four five six seven eight"),
        ("STOP THE PRESSES", "Stop the presses"),
        ("Meet Mr. Jones at the station", "Meet Mr. Jones at the station"),
    ],
)
def test_a_name_ends_well(words: str, expected: str) -> None:
    assert caption("meme", line(words)) == expected


@pytest.mark.parametrize(
    ("count", "phrase"), [(0, ""), (1, "person"), (2, "two people"), (5, "five people"), (6, "group of 6 people")]
)
def test_people_in_words(count: int, phrase: str) -> None:
    assert people_phrase(count) == phrase


@pytest.mark.parametrize(
    ("text", "paper"), [("Rechnung Nr. 5", "invoice"), ("Subtotal 5.00", "receipt"), ("Dear Sir", "")]
)
def test_papers_are_known_by_their_words(text: str, paper: str) -> None:
    assert paper_kind(text) == paper
