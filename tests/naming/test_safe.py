"""Any text makes a name that can stand on any disk."""

from __future__ import annotations

import os
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curated.naming import safe_name

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
nasty = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from('/\\:*?"<>|.- _\0\t\n\u200b\u200e\u202e\u2066\ufeff\u3164\u0301\u037e\ud800\udce9'),
    ),
    max_size=120,
)


@given(nasty, st.integers(8, 240))
@example("con", 8)
@example("CON.tar", 240)
@example("com1", 8)
@example("..", 120)
@example("con & abcdefgh", 8)
@example(". . .", 120)
@example("\u202egpj.exe", 120)
@example("a\u200d\u0301", 120)
@example("e\u0301" * 200, 11)
@example("क्षि" * 40, 20)
@example("👩‍🚀" * 40, 30)
@example("\ud800", 120)
@example("/" * 300, 120)
@example("-rf", 120)
@example("\u0958" * 50, 9)
def test_a_name_is_safe_whatever_it_is_made_from(text: str, max_bytes: int) -> None:
    name = safe_name(text, max_bytes)
    assert name
    assert len(name.encode("utf-8")) <= max_bytes
    assert unicodedata.is_normalized("NFC", name)
    assert not set(name) & set('/\\:*?"<>|\0')
    assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in name)
    assert name[0] not in ".- "
    assert name[-1] not in ". "
    assert not RESERVED.match(name)
    assert safe_name(name, max_bytes) == name


@given(nasty)
def test_two_spellings_of_one_text_give_one_name(text: str) -> None:
    text = "".join(char for char in text if not "\ud800" <= char <= "\udfff")
    spellings = {safe_name(unicodedata.normalize(form, text), 200) for form in ("NFC", "NFD")}
    assert len(spellings) == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Cat on mat", "Cat on mat"),
        ("  two\t lines\nof  text ", "two lines of text"),
        ("AC/DC: live", "AC-DC- live"),
        ('the "best" <day>', "the 'best' (day)"),
        ("what? *really*", "what really"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("--help", "help"),
        ("end...", "end"),
        ("_DSC1234", "_DSC1234"),
        ("'Til dawn", "'Til dawn"),
        ("NUL", "_NUL"),
        ("aux.backup", "_aux.backup"),
        ("console", "console"),
        ("con artist", "con artist"),
        ("cafe\u0301", "café"),
        ("gpj.\u202egnp", "gpj.gnp"),
        ("zero\u200bwidth", "zerowidth"),
        ("\u3164\u3164", "picture"),
        ("...", "picture"),
        ("", "picture"),
        ("日本語の写真", "日本語の写真"),
        ("صورة عائلية", "صورة عائلية"),
        (os.fsdecode(b"caf\xe9 M\xfcller"), "café Müller"),
        (os.fsdecode("日本語のフォ".encode()[:-1]), "日本語のフ"),
    ],
)
def test_names_stay_as_readable_as_they_were(text: str, name: str) -> None:
    assert safe_name(text, 120) == name


@pytest.mark.parametrize(
    ("text", "most", "name"),
    [
        ("a cat on a mat in the sun", 14, "a cat on a mat"),
        ("a cat on a mat in the sun", 16, "a cat on a mat"),
        ("a cat, a dog and a bird", 8, "a cat, a"),
        ("a cat, a dog and a bird", 9, "a cat, a"),
        ("extraordinarily", 8, "extraord"),
        ("é" * 20, 9, "é" * 4),
        ("日本語の写真です", 10, "日本語"),
        ("cats and dogs - and birds", 17, "cats and dogs"),
    ],
)
def test_a_long_name_is_cut_between_words_where_it_can_be(text: str, most: int, name: str) -> None:
    assert safe_name(text, most) == name


def test_what_stands_in_for_nothing_is_the_callers() -> None:
    assert safe_name("///", 120, "IMG_1") == "IMG_1"
