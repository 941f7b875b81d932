"""The template: what is missing vanishes with what held it, and what cannot work is refused with the mend."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.errors import ConfigError
from curated.naming import check_template, render
from curated.naming.template import FIELDS, Value

MOMENT = datetime(2019, 7, 21, 14, 3, 59)
FULL: dict[str, Value] = {
    "caption": "Cat on mat",
    "date": MOMENT,
    "people": "2",
    "category": "People Pair",
    "kind": "photo",
    "original": "IMG_1",
    "camera": "Canon EOS 80D",
    "text": "",
    "hash": "0a1b2c3d",
}


@pytest.mark.parametrize(
    ("template", "missing", "name"),
    [
        ("{caption}", "", "Cat on mat"),
        ("{caption}", "caption", ""),
        ("{date} {caption}", "", "2019-07-21 Cat on mat"),
        ("{date:%Y-%m-%d} {caption}", "date", "Cat on mat"),
        ("{date:%Y-%m-%d} {caption}", "caption", "2019-07-21"),
        ("{date:%d.%m.%y, %H:%M} - {caption}", "", "21.07.19, 14:03 - Cat on mat"),
        ("{date} - {caption} - {people}", "caption", "2019-07-21 - 2"),
        ("{date} - {caption} - {people}", "date", "Cat on mat - 2"),
        ("{date} - {caption} - {people}", "people", "2019-07-21 - Cat on mat"),
        ("{date} - {caption} - {people}", "date caption", "2"),
        ("{date} - {caption} - {people}", "date caption people", ""),
        ("{date}_{caption}_{hash}", "caption", "2019-07-21_0a1b2c3d"),
        ("{caption} ({camera})", "camera", "Cat on mat"),
        ("{caption} ({date}, {camera})", "camera", "Cat on mat (2019-07-21)"),
        ("{caption} ({date}, {camera})", "date", "Cat on mat (Canon EOS 80D)"),
        ("{caption} ({date}, {camera})", "date camera", "Cat on mat"),
        ("({date}) ({camera}) {caption}", "date camera", "Cat on mat"),
        ("{caption} [{camera}] {hash}", "camera", "Cat on mat 0a1b2c3d"),
        ("[{kind}] {caption}", "kind", "Cat on mat"),
        ("{category}: {caption}", "", "People Pair: Cat on mat"),
        ("holiday {caption}", "caption", "holiday"),
        ("{caption}{text}{hash}", "", "Cat on mat0a1b2c3d"),
        ("{original}", "", "IMG_1"),
    ],
)
def test_a_missing_value_vanishes_with_its_separators(template: str, missing: str, name: str) -> None:
    check_template(template)
    assert render(template, {key: None if key in missing.split() else value for key, value in FULL.items()}) == name


def test_dashes_and_dots_in_a_value_are_no_separators() -> None:
    assert (
        render("{caption} - {people} - {hash}", FULL | {"caption": "C++", "people": None, "hash": "-x-"}) == "C++ - -x-"
    )


@given(
    st.lists(st.tuples(st.sampled_from(FIELDS), st.sampled_from([" ", " - ", "_", ", ", "-"])), min_size=1, max_size=6),
    st.sets(st.sampled_from(FIELDS)),
)
def test_no_separator_is_left_over(parts: list[tuple[str, str]], missing: set[str]) -> None:
    template = "".join(f"{separator if index else ''}{{{field}}}" for index, (field, separator) in enumerate(parts))
    values: dict[str, Value] = {field: None if field in missing else "x" for field in FIELDS}
    check_template(template)
    name = render(template, values)
    present = [field for field, _ in parts if field not in missing]
    assert name.count("x") == len(present)
    assert re.fullmatch(r"(x((?: | - |_|, |-)x)*)?", name)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_value_is_never_taken_for_a_field(caption: str, text: str) -> None:
    values: dict[str, Value] = {"caption": f"{{hash}}{caption}", "text": text, "hash": "secret"}
    assert render("{caption}", values) == f"{{hash}}{caption}".replace("\0", "").replace("\1", "").strip()
    assert "secret" not in render("{caption} {text}", values) or "secret" in caption + text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "has no field; use at least one of {caption}, {date}"),
        ("holiday", "has no field"),
        ("{capton}", "unknown field {capton}; the nearest known one is {caption}"),
        ("{}", "unknown field {}; the nearest known one is {"),
        ("{Date}", "the nearest known one is {date}"),
        ("{caption", "has a brace without its partner"),
        ("caption}", "has a brace without its partner"),
        ("{{caption}}", "has a brace without its partner"),
        ("{caption} {", "has a brace without its partner"),
        ("{caption:20}", "{caption:20}: only {date:…} takes a format"),
        ("{date:YYYY}", "{date:YYYY} is no date format; write it like {date:%Y-%m-%d}"),
        ("{date:}", "is no date format"),
        ("{date:%Y\0}", "has a control character"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_the_mend(template: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_template(template)
    assert str(caught.value).startswith("naming.template: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(st.sampled_from("{}:%Ydcaptione -\0"), max_size=30))
def test_any_template_is_refused_or_can_be_used(template: str) -> None:
    try:
        check_template(template)
    except ConfigError:
        return
    render(template, FULL)
