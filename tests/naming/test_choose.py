"""Which of the names that are known a picture gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.config import Naming
from curated.naming import NameFacts, choose_name

DEFAULT = Naming()
FACTS = NameFacts(original="IMG_1234", caption="a photo of a cat on a mat", sha256="0a1b2c3d" * 8)
KEPT = "name kept (nothing better known)"


@pytest.mark.parametrize(
    ("original", "caption", "text", "name", "why"),
    [
        ("IMG_1234", "a photo of a cat on a mat", "", "Cat on a mat", "named by its caption"),
        ("Omas Geburtstag", "a photo of a cake", "", "Omas Geburtstag", "name kept (a person's)"),
        ("Omas Geburtstag?", "a cake", "", "Omas Geburtstag", "name kept (a person's)"),
        ("IMG_1234", "", "", "IMG_1234", KEPT),
        ("_DSC1234", "", "", "_DSC1234", KEPT),
        ("IMG_1234", "a picture", "", "IMG_1234", KEPT),
        ("IMG_1234", "...", "", "IMG_1234", KEPT),
        ("IMG_1234", "iPhone on a table", "", "iPhone on a table", "named by its caption"),
        ("IMG_1234", "éclair on a plate", "", "Éclair on a plate", "named by its caption"),
        ("IMG_1234", "photo 2019-07-21", "", "Photo 2019-07-21", "named by its caption"),
        # Titles that were read in the picture are whole as they stand.
        ("IMG_1234", "This is fine", "THIS IS FINE", "This is fine", "named by its caption"),
        ("IMG_1", "A tale of two", "A Tale\nof Two Cities", "A tale of two", "named by its caption"),
        ("IMG_1234", "The office invoice", "The Office\nRechnung 42", "The office invoice", "named by its caption"),
        ("IMG_1234", "a photo of a sign that says stop", "stop", "Sign that says stop", "named by its caption"),
    ],
)  # fmt: skip
def test_the_persons_name_then_the_caption_then_the_original(
    original: str, caption: str, text: str, name: str, why: str
) -> None:
    assert choose_name(NameFacts(original=original, caption=caption, text=text), DEFAULT) == (name, why)


def test_a_persons_name_is_replaced_only_if_the_configuration_says_so() -> None:
    facts = replace(FACTS, original="Omas Geburtstag")
    assert choose_name(facts, Naming(keep_human_names=False))[0] == "Cat on a mat"


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{date} {caption}", "2019-07-21 Cat on a mat"),
        ("{caption} {people}", "Cat on a mat 2"),
        ("{category} {caption}", "People Pair Cat on a mat"),
        ("{original} {caption}", "IMG_1234 Cat on a mat"),
        ("{caption} {hash}", "Cat on a mat 0a1b2c3d"),
        ("{kind}, {camera}", "photo, Canon EOS 80D"),
        ("{text}", "one two three four five six seven eight"),
        ("{date:%Y/%m/%d}", "2019-07-21"),
    ],
)
def test_every_field_of_a_template_is_filled(template: str, name: str) -> None:
    facts = replace(
        FACTS,
        taken_at=datetime(2019, 7, 21, 14, 3, 59),
        people=2,
        category="People/Pair",
        kind="photo",
        camera="Canon EOS 80D",
        text="one two three\nfour five six seven eight nine",
    )
    assert choose_name(facts, Naming(template=template)) == (name, f"named by naming.template {template!r}")


def test_the_date_in_a_devices_name_stands_in_for_the_cameras() -> None:
    facts = replace(FACTS, original="IMG_20190721_140359", caption="")
    assert choose_name(facts, Naming(template="{date:%Y-%m-%d %H.%M} {caption}"))[0] == "2019-07-21 14.03"


def test_a_template_without_any_value_keeps_the_original() -> None:
    assert choose_name(replace(FACTS, caption=""), Naming(template="{date} ({people}) {caption}")) == ("IMG_1234", KEPT)


@given(st.text(max_size=60), st.text(max_size=200), st.text(max_size=60), st.integers(8, 240))
def test_whatever_is_known_the_name_is_safe(original: str, caption: str, text: str, most: int) -> None:
    from curated.naming import safe_name

    name, why = choose_name(NameFacts(original=original, caption=caption, text=text), Naming(max_bytes=most))
    assert safe_name(name, most) == name
    assert why


@pytest.mark.parametrize(
    ("original", "caption", "taken_at", "name"),
    [
        ("IMG_4312", "two people", datetime(2023, 5, 12, 18, 45, 1), "Two people 2023-05-12 18.45"),
        ("IMG_4312", "two people 2023-05-12", datetime(2023, 5, 12, 18, 45, 1), "Two people 2023-05-12 18.45"),
        ("PXL_20230512_184501123", "person", None, "Person 2023-05-12 18.45"),
        ("IMG-20240101-WA0003", "group of 12 people", None, "Group of 12 people 2024-01-01"),
        ("IMG_4312", "photo 2023-05-12", datetime(2023, 5, 12, 9, 5), "Photo 2023-05-12 09.05"),
        ("IMG_4312", "person", None, "IMG_4312"),
        ("IMG_4312", "two people with minibus", datetime(2023, 5, 12), "Two people with minibus"),
    ],
)
def test_a_caption_that_only_counts_people_needs_a_date(
    original: str, caption: str, taken_at: datetime | None, name: str
) -> None:
    assert choose_name(NameFacts(original, caption, taken_at), Naming())[0] == name


def test_a_template_with_the_date_says_it_once() -> None:
    facts = NameFacts("IMG_4312", "person", datetime(2023, 5, 12, 18, 45))
    assert choose_name(facts, Naming(template="{date} {caption}"))[0] == "2023-05-12 Person"
