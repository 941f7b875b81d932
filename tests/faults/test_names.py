"""Names, captions and texts that would do harm where they are shown or become a path: none gets further than its file.

File names come from anywhere, captions and text from what somebody wrote into a picture.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static

from curated.cli.output import safe
from curated.domain import Arrival, Photo, Status
from curated.naming import safe_name
from curated.state.rows import photo_from_arrival, with_reading
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.faults_notes import note
from tests.support.faults_poison import CAPTIONS, captioned
from tests.support.faults_running import ROOT, Ran, run_daemon
from tests.support.pictures import encoded, scene
from tests.support.readings import reading
from tests.support.trees import contents

ODD_NAMES = [
    b"caf\xe9 holiday.jpg",
    b"\xff\xfe\xfd.jpg",
    b"x" * 251 + b".jpg",
    "é".encode() * 125 + b".jpg",
    b"two\nlines\r.jpg",
    b"filed #1 a.jpg -> Photos\nfiled #2 b.jpg -> Photos.jpg",
    "gnp.\u202egpj.jpg".encode(),
    "\u200f\u2067\u200b.jpg".encode(),
    b"...jpg",
    b"..\\..\\evil.jpg",
    b"CON.jpg",
    b"nul.jpg",
    b"com1.tar.jpg",
    b"-rf.jpg",
    b"--help.jpg",
    b"; rm -rf ~ ;.jpg",
    b"$(reboot) `id`.jpg",
    b"\x1b]0;owned\x07\x1b[2J.jpg",
    "\u009b31m red.jpg".encode(),
    b"trailing. . .jpg",
    b" leading.jpg",
    b"%s %n {caption} {0.__class__}.jpg",
    b"[bold red]markup[reverse].jpg",
    "\U000e0041\ufeff\u2028line.jpg".encode(),
]


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """A library that a daemon made of odd names, and of pictures whose captions and texts are odd."""
    base = tmp_path_factory.mktemp("names")
    unsorted = base / "Unsorted"
    unsorted.mkdir()
    for number, name in enumerate(ODD_NAMES):
        Path(os.fsdecode(os.fsencode(unsorted) + b"/" + name)).write_bytes(encoded(scene(64, 48, number), "JPEG"))
    for number in range(len(CAPTIONS)):
        (unsorted / f"IMG_{number:04}.png").write_bytes(captioned(number))
    (unsorted / "broken\x1b[31m\n.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    before = contents(unsorted)
    ran = run_daemon(base)
    assert contents(unsorted, base / "Library") == before
    return base, ran


def photos(base: Path) -> list[Photo]:
    with open_database(base / "state" / "curated.db", read_only=True) as database:
        return list(Store(database).photos())


def test_every_file_is_filed_below_the_library_under_a_name_that_any_disk_takes(filed: tuple[Path, Ran]) -> None:
    base, _ = filed
    rows = photos(base)
    outside = [photo for photo in rows if not photo.path.is_relative_to(base / "Library")]
    note("odd names, captions and texts", len(rows), {"filed outside the library": len(outside)})
    hidden = {name for name in ODD_NAMES if name.startswith(b".")}
    assert {os.fsencode(path.name) for path in (base / "Unsorted").iterdir()} == hidden
    assert len(rows) == len(ODD_NAMES) + len(CAPTIONS) + 1 - len(hidden)
    assert {path.name for path in base.iterdir()} == {"Unsorted", "Library", "state", "cache"}
    for photo in rows:
        assert photo.path.resolve() == photo.path
        assert photo.path.is_relative_to(base / "Library")
        assert hashlib.sha256(photo.path.read_bytes()).hexdigest() == photo.sha256
        if photo.status is Status.FAILED:
            continue  # what could not be read keeps its name
        name = photo.path.name
        assert len(os.fsencode(name)) <= 255
        assert safe_name(photo.path.stem, 240) == photo.path.stem
        assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name)


def test_the_log_has_one_line_for_each_file_and_no_escapes(filed: tuple[Path, Ran]) -> None:
    base, ran = filed
    printed = [*ran.lines, *ran.log.rstrip("\n").split("\n")]
    note(
        "odd names, captions and texts", 0, {"lines of the log with escapes": sum(not t.isprintable() for t in printed)}
    )
    assert len(ran.lines) == len(photos(base))
    assert sorted(line.split(" ")[0] for line in ran.lines).count("failed") == 1
    for text in printed:
        assert text.isprintable(), repr(text)


@given(st.text(st.characters()), st.text(st.characters()))
def test_whatever_models_say_can_be_kept_and_printed(caption: str, label: str) -> None:
    said = reading("0" * 64, caption=caption, text=label)
    said = replace(said, findings=replace(said.findings, labels=((label, 0.5),)))
    arrival = Arrival(Path("/u/a.jpg"), 1, 1, 1, 1)
    photo = with_reading(photo_from_arrival(arrival, "0" * 64, datetime(2026, 1, 1, tzinfo=UTC)), said)
    for text in (photo.caption, photo.text, *(name for name, _ in photo.labels)):
        assert text is not None
        text.encode()
        assert not {char for char in safe(text) if not char.isprintable()}


@pytest.mark.parametrize(
    "command", [["list"], ["list", "--status", "failed"], ["status"], ["show", "1"], ["search", "evil"]], ids=" ".join
)
def test_commands_print_nothing_that_a_terminal_would_act_on(command: list[str], filed: tuple[Path, Ran]) -> None:
    base, _ = filed
    out = curated(base, *command)
    assert not {char for char in out if not char.isprintable()} - {"\n"}
    if command == ["list"]:
        # `safe` leaves no line of its own to anybody: one picture, one line.
        assert len(out.splitlines()) == out.count("\n") == len(photos(base))


def test_every_picture_is_shown_without_escapes(filed: tuple[Path, Ran]) -> None:
    base, _ = filed
    odd = [photo.id for photo in photos(base) if photo.text or "\x1b" in str(photo.original_path)][-3:]
    for photo_id in odd:
        assert not {char for char in curated(base, "show", str(photo_id)) if not char.isprintable()} - {"\n"}


def curated(base: Path, *arguments: str) -> str:
    """What the command line says of the library."""
    config = base / "state" / "config.toml"
    folders = {"unsorted": "Unsorted", "library": "Library", "state": "state", "cache": "cache"}
    lines = [f'{key} = "{base / name}"' for key, name in folders.items()]
    config.write_text("[folders]\n" + "\n".join(lines), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "curated", *arguments], capture_output=True, cwd=ROOT, check=False,
        env=os.environ | {"CURATED_CONFIG": str(config)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == b""
    return ended.stdout.decode()


# What terminals act on, and what makes one name look like another.
HARMFUL = st.sampled_from(
    "\0\a\b\t\n\v\f\r\x1b\x7f\x85\x90\x9b\x9d\xad\u061c\u200b\u200e\u2028\u2029\u202e\u2066\ufeff"
)
NASTY = st.text(st.one_of(HARMFUL, st.characters(), st.sampled_from("[]/31mJ;")), max_size=40)


@given(NASTY, st.integers(1, 40))
def test_no_control_character_reaches_a_rendered_line(text: str, width: int) -> None:
    from textual.content import Content

    from curated.tui.words import fitting, plain, said, shown_path, wrap

    shown = [plain(text), shown_path(Path("/a") / text.replace("\0", "")), said("rename", text, 1, text)]
    shown += [fitting(plain(text), width), *wrap(plain(text), width + 1, 5)]
    for line in shown:
        assert line.isprintable(), repr(line)
        # As Textual draws it: markup in a name is no markup, and styles add no characters of their own.
        strips = Static(Content(line)).render()
        assert "\x1b" not in str(strips)
