"""What is wrong is said in one line with the mend, ends with the right exit code, and leaves every file alone."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from curated.state.daemon import InstanceLock
from tests.support.cli_home import Home, Result
from tests.support.permissions import HELD_TO_RIGHTS

EVERYWHERE = [["run", "--once"], ["status"], ["list"], ["undo", "--last", "1"], ["fsck"], ["config", "show"]]


def refused(home: Home, *arguments: object, code: int, says: str) -> Result:
    """The command ends with that code and one line that says so; nothing was touched."""
    before = home.tree() if home.library.exists() else {}
    said = home.run(*arguments)
    assert said.code == code, said
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("curated: "), said.err
    assert says in said.err
    assert (home.tree() if home.library.exists() else {}) == before
    return said


# -- the configuration: 78 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", EVERYWHERE)
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[watch]\nsetle_seconds = 3\n",
            "unknown key watch.setle_seconds; the nearest known one is watch.settle_seconds",
        ),
        ("[folders\n", "not valid TOML"),
        ("[models]\nprofile = 'medium'\n", "models.profile"),
        ("[watch]\nsettle_seconds = 'long'\n", "watch.settle_seconds"),
        ("[folders]\ntrash = '../elsewhere'\n", "folders.trash"),
        ("[[category]]\nname = 'A'\npeople = 'many'\n", "people"),
        ("category = []\n", "at least one [[category]]"),
    ],
)
def test_a_wrong_configuration_names_the_key_and_the_mend(home: Home, command: list[str], text: str, says: str) -> None:
    home.config_path.write_text(text, encoding="utf-8")
    refused(home, *command, code=78, says=says)


def test_a_configuration_that_is_not_there_or_not_text_is_said_so(home: Home) -> None:
    home.config_path.write_bytes(b"\xff\xfe\x00")
    refused(home, "status", code=78, says="cannot be read")
    home.config_path.unlink()
    refused(home, "status", code=78, says="`curated config init`")


def test_an_override_that_is_no_key_names_the_nearest_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATED_WATCH__SETLE_SECONDS", "3")
    refused(home, "status", code=78, says="CURATED_WATCH__SETLE_SECONDS: unknown key setle_seconds; the nearest")


@pytest.mark.parametrize(
    ("folders", "says"),
    [
        ({"unsorted": "nowhere"}, "does not exist"),
        ({"unsorted": "config.toml"}, "is not a folder"),
        ({"library": "Unsorted"}, "is the same folder as folders.unsorted"),
        ({"library": "Unsorted/Library"}, "lies inside folders.unsorted"),
        ({"unsorted": "Library/Unsorted"}, "lies inside folders.library"),
        ({"library": "config.toml"}, "is not a folder"),
        ({"state": "Unsorted/state"}, "folders.state"),
        ({"library": "link"}, "is the same folder as folders.unsorted"),
    ],
)
def test_folders_that_cannot_work_are_refused_before_anything_is_touched(
    home: Home, folders: dict[str, str], says: str
) -> None:
    home.put("a.jpg")
    (home.base / "link").symlink_to(home.unsorted)
    (home.library / "Unsorted").mkdir()
    home.configure(**folders)
    for command in (["run", "--once"], ["config", "check"]):
        refused(home, *command, code=78, says=says)
    doctor = home.run("doctor")
    assert (doctor.code, doctor.err) == (78, "")
    assert says in doctor.out


def test_a_profile_whose_weights_are_not_there_is_refused(home: Home) -> None:
    home.put("a.jpg")
    home.configure('[models]\nprofile = "full"')
    refused(home, "run", "--once", code=78, says='set it to "auto"')
    assert home.run("doctor").code == 78


def test_a_template_with_an_unknown_word_is_refused(home: Home) -> None:
    home.configure('[naming]\ntemplate = "{captoin}"')
    for command in (["run", "--once"], ["config", "check"]):
        refused(home, *command, code=78, says="captoin")


# -- the state: 1 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["run", "--once"], ["status"], ["list"], ["undo", "--last", "1"], ["fsck"]])
def test_a_database_newer_than_the_program_is_refused_and_stays_as_it_is(home: Home, command: list[str]) -> None:
    database = home.base / "state" / "curated.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    refused(home, *command, code=1, says="made by a newer curated (schema 999")
    doctor = home.run("doctor")
    assert doctor.code == 1
    assert "newer curated" in doctor.out


@pytest.mark.parametrize("command", [["run", "--once"], ["status"], ["list"], ["undo", "--last", "1"], ["fsck"]])
def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(home: Home, command: list[str]) -> None:
    database = home.base / "state" / "curated.db"
    database.write_bytes(b"this is no database, it is a diary" * 100)
    refused(home, *command, code=1, says="curated.db")
    assert database.read_bytes().startswith(b"this is no database")
    assert home.run("doctor").code == 1


@pytest.mark.parametrize("command", [["list"], ["show", "1"], ["fsck"], ["duplicates"], ["trash", "list"]])
def test_without_a_database_the_way_to_one_is_named(home: Home, command: list[str]) -> None:
    home.configure(state="fresh")
    refused(home, *command, code=1, says="`curated run` makes it")
    assert not (home.base / "fresh").exists()


@pytest.mark.parametrize("command", [["undo", "--last", "1"], ["retry"], ["mark", "keep", "1"], ["trash", "empty"]])
def test_a_command_that_changes_things_makes_no_database_either(home: Home, command: list[str]) -> None:
    home.configure(state="fresh")
    refused(home, *command, code=1, says="`curated run` makes it")
    assert not (home.base / "fresh").exists()


def test_a_second_daemon_is_refused_and_the_first_named(home: Home) -> None:
    home.put("a.jpg")
    with InstanceLock(home.base / "state"):
        refused(home, "run", "--once", code=1, says=f"(process {os.getpid()})")


def test_a_state_folder_that_cannot_be_made_is_one_line(home: Home) -> None:
    home.configure(state="config.toml/state")
    refused(home, "run", "--once", code=1, says="config.toml/state")


@pytest.mark.parametrize("command", ["run --once", "status", "list", "undo --last 1", "retry", "fsck", "doctor"])
@pytest.mark.parametrize("folder", ["Unsorted", "Library", "state"])
def test_a_folder_without_rights_is_never_a_traceback(home: Home, folder: str, command: str) -> None:
    home.file("filed.jpg")
    home.put("new.jpg")
    before = home.tree()
    home.world.close()
    (home.base / folder).chmod(0o000)
    try:
        done = subprocess.run(
            [sys.executable, *HELD_TO_RIGHTS, *command.split()], capture_output=True, text=True, check=False
        )
    finally:
        (home.base / folder).chmod(0o700)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 78)
    if command == "run --once" or folder == "state":
        assert done.returncode in (1, 78), done
    if command == "doctor":
        assert done.stderr == ""
        assert "service: " in done.stdout.splitlines()[-1]
    elif done.returncode and not done.stdout:
        assert done.stderr.startswith("curated: "), done
        assert done.stderr.count("\n") == 1
    assert home.tree() == before


# -- the command line: 2 and 130 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["nosuch"], ["list", "--nosuch"], ["list", "--sort", "size"], ["show"], ["mark", "keep"], ["undo", "--last", "0"],
     ["undo", "--last", "x"], ["rename", "1"], ["trash"], ["trash", "nosuch"]],
)  # fmt: skip
def test_a_wrong_use_ends_with_2_and_shows_the_usage(home: Home, arguments: list[str]) -> None:
    said = home.run(*arguments)
    assert said.code == 2
    assert "Usage: curated" in said.err


_ODD = os.fsdecode(b"\xff\x1b[31m")


@pytest.mark.parametrize(
    "arguments",
    [["list", "--category", _ODD], ["list", "--status", _ODD], ["show", _ODD], ["search", _ODD], ["undo", _ODD],
     ["undo", "--category", _ODD], ["undo", "--since", _ODD], ["retry", _ODD], ["mark", "keep", _ODD],
     ["file-as", _ODD, 1], ["rename", 1, _ODD], ["trash", "restore", _ODD], ["trash", "empty", "--older-than", _ODD],
     ["config", "init", f"{_ODD}/x"]],
)  # fmt: skip
def test_bytes_that_are_not_text_are_no_reason_for_a_traceback(
    home: Home, monkeypatch: pytest.MonkeyPatch, arguments: list[object]
) -> None:
    monkeypatch.chdir(home.base)
    home.file("a.jpg")
    said = home.run(*arguments)
    assert said.code in (0, 1, 2, 78)
    assert "\x1b" not in said.out + said.err


# What is started in the background of a script ignores it, and so do its children.
HEARING_CTRL_C = (shutil.which("env") or "env", "--default-signal=INT")


def test_ctrl_c_at_a_question_is_no_answer(home: Home) -> None:
    home.file("a.jpg")
    home.good("mark", "trash", 1)
    before = home.tree()
    command = [sys.executable, "-m", "curated", "trash", "empty"]
    with subprocess.Popen(
        [*HEARING_CTRL_C, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        asked = b""
        while not asked.endswith(b"[y/N] "):
            asked += process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"")
    assert home.tree() == before


_INTERRUPTED = """
import os, signal, time
from curated.cli.app import app, main
@app.command()
def wait() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
main(["wait"])
"""


def test_ctrl_c_ends_quietly_with_130(home: Home) -> None:
    done = subprocess.run(
        [*HEARING_CTRL_C, sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_reader_that_goes_away_is_no_error_worth_a_word(home: Home) -> None:
    for number in range(50):
        home.file(f"{number}.jpg")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "curated", "list", "--json"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == b""


def test_the_installed_command_and_the_module_are_one(home: Home) -> None:
    script = Path(sys.executable).with_name("curated")
    said = [
        subprocess.run([*command, "nosuch"], capture_output=True, text=True, check=False)
        for command in ([str(script)], [sys.executable, "-m", "curated"])
    ]
    assert said[0].returncode == said[1].returncode == 2
    assert said[0].stderr == said[1].stderr
