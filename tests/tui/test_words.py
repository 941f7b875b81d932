from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from curated.tui.words import fitting, plain, said, shown_path, size_in_words, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Lake at dawn", "Lake at dawn"),
        ("a\nb\t c", "a b c"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj\u202e.exe", "gpj\\u202e.exe"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽", "👩👩👧 ❤ 👍"),
        ("[bold]x[/]", "[bold]x[/]"),
    ],
)
def test_what_a_terminal_would_act_on_is_shown_instead(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(st.characters()))
def test_what_is_plain_can_be_written_to_any_terminal(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    shown.encode()
    assert plain(shown) == shown


@given(st.text(), st.integers(1, 30), st.integers(1, 4))
def test_what_fits_fits(text: str, cells: int, lines: int) -> None:
    shown = plain(text)
    assert cell_len(fitting(shown, cells)) <= cells
    wrapped = wrap(shown, max(2, cells), lines)
    assert len(wrapped) <= lines
    assert all(cell_len(line) <= max(2, cells) for line in wrapped)


def test_words_for_decisions_paths_and_sizes() -> None:
    assert said("file", "Memes", 3) == "3 pictures filed as Memes"
    assert said("keep", None, 1, "Lake") == "“Lake” kept"
    assert shown_path(Path("/a/\x1b")) == "/a/\\x1b"
    assert [size_in_words(size) for size in (7, 1_240, 99_960, 3_200_000, 41_000_000_000)] == [
        "7 bytes", "1.2 kB", "100 kB", "3.2 MB", "41 GB",
    ]  # fmt: skip
