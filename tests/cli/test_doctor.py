"""What a person can get wrong, each named with its mend; the rest of doctor's tests are in test_system.py."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import termios
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from curated.cli import doctor_machine as machine
from curated.cli import service
from curated.cli.doctor import examine
from curated.cli.doctor_check import Check
from curated.config import Config
from curated.files import RealDisk
from tests.cli.test_system import checks, tool
from tests.support.cli_home import Home

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def by_name(home: Home) -> dict[str, Check]:
    return {each.what: each for each in examine(home.config, RealDisk())}


# -- machine -------------------------------------------------------------------------------------------------------


def test_a_clock_that_cannot_be_right_is_named(home: Home) -> None:
    assert machine.clock(NOW, NOW - timedelta(days=1)).level == "ok"
    assert machine.clock(NOW, NOW + timedelta(seconds=5)).level == "ok"
    for wrong in (machine.clock(NOW.replace(year=1970)), machine.clock(NOW, NOW + timedelta(days=3))):
        assert wrong.level == "warn"
        assert "timedatectl" in wrong.mend


def test_the_newest_picture_is_what_the_clock_is_compared_with(home: Home) -> None:
    home.file("a.jpg")
    assert checks(home)["clock"]["level"] == "ok"
    with home.store.database.write() as connection:
        connection.execute("UPDATE photo SET filed_at = '2199-01-01T00:00:00+00:00'")
    assert "filed at 2199-01-01" in checks(home)["clock"]["detail"]


@pytest.mark.parametrize(("size", "profile", "level"), [
    (1_000_000_000, "lite", "warn"), (3_000_000_000, "lite", "ok"), (3_000_000_000, "full", "warn"),
    (16_000_000_000, "full", "ok"),
])  # fmt: skip
def test_too_little_memory_for_the_profile_is_named(size: int, profile: str, level: str) -> None:
    models = msgspec.structs.replace(Config().models, profile=profile)
    found = machine.memory(msgspec.structs.replace(Config(), models=models), size)
    assert found.level == level
    assert bool(found.mend) is (level == "warn")


def process(folder: Path, number: int, *words: str) -> None:
    (folder / str(number)).mkdir(parents=True)
    (folder / str(number) / "cmdline").write_bytes(b"".join(os.fsencode(word) + b"\0" for word in words))


def test_other_daemons_are_found_by_how_they_were_started(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "proc"
    process(folder, 11, "/usr/bin/python3", "/opt/curated/bin/curated", "run")
    process(folder, 12, "/home/me/.venv/bin/python", "-m", "curated", "run", "--once")
    process(folder, 13, "/opt/bin/curated", "run")
    process(folder, 21, "/usr/bin/python3", "/opt/curated/bin/curated", "review")
    process(folder, 22, "vim", "curated/cli/run.py")
    process(folder, 23, "grep", "curated", "run")
    process(folder, 24)
    (folder / "self").mkdir()
    found = list(machine.other_daemons(home.config, folder))
    assert sorted(each.detail.split("process ")[1][:2] for each in found) == ["11", "12", "13"]
    assert all(each.level == "warn" and each.mend for each in found)


# -- folders -------------------------------------------------------------------------------------------------------


def mounted(folder: Path, *options: str) -> None:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["/bin/mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.mark.parametrize(
    ("options", "level", "says"),
    [
        ("size=64m", "warn", "nearly full"),
        ("size=64m,nr_inodes=900", "warn", "inodes free"),
        ("size=16k", "fail", "nearly full"),
    ],
)
def test_a_disk_that_is_nearly_full_is_named(home: Home, options: str, level: str, says: str) -> None:
    shutil.rmtree(home.library)
    mounted(home.library, "-t", "tmpfs", "-o", options, "tmpfs")
    try:
        found = by_name(home)["library"]
    finally:
        subprocess.run(["/bin/umount", "-l", home.library], check=True)
    assert found.level == level
    assert says in found.detail + found.mend


def test_two_mounts_of_one_disk_are_said_to_be_copied_between(home: Home) -> None:
    assert "renamed, not copied" in by_name(home)["moving"].detail
    mounted(home.library, "--bind", str(home.library))
    try:
        assert "two mounts of one disk" in by_name(home)["moving"].detail
    finally:
        subprocess.run(["/bin/umount", "-l", home.library], check=True)


def test_names_longer_than_the_disk_takes_are_named(home: Home) -> None:
    assert by_name(home)["library"].level == "ok"
    home.configure("[naming]\nmax_bytes = 240")
    found = by_name(home)["library"]
    assert found.level == "warn"
    assert found.mend == "set naming.max_bytes to 239"


def test_a_root_that_works_for_somebody_else_is_told_so(home: Home) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(home.unsorted, 12345, -1)
    found = by_name(home)["unsorted"]
    assert found.level == "warn"
    assert "belongs to user 12345" in found.detail


# -- database ------------------------------------------------------------------------------------------------------


def test_the_whole_database_is_read_only_when_asked(home: Home) -> None:
    home.file("a.jpg")
    home.good("doctor", "--database")
    database = home.store.database
    database.execute("PRAGMA foreign_keys = OFF")
    with database.write() as connection:
        connection.execute("UPDATE move SET photo_id = 999")
    home.good("doctor")
    said = home.run("doctor", "--database")
    assert said.code == 1
    assert "a row of move belongs to nothing" in said.out


# -- terminal ------------------------------------------------------------------------------------------------------

_LOOK = """
import os
from curated.cli.doctor_machine import terminal
print("|".join(f"{each.level} {each.detail}" for each in terminal()) or "nothing")
"""


def at_a_terminal(columns: int, lines: int, environ: Mapping[str, str]) -> str:
    """What the check says to a process with a real terminal of that size."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (lines, columns))
    try:
        done = subprocess.Popen(
            [sys.executable, "-c", _LOOK], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        )  # fmt: skip
        assert done.stderr is not None
        errors = done.stderr.read()
        assert done.wait(60) == 0, errors
        done.stderr.close()
        return os.read(ours, 4096).decode().strip()
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize(("columns", "lines", "environ", "says"), [
    (120, 40, {"TERM": "xterm-256color"}, "ok xterm-256color, 120 by 40"),
    (120, 40, {"TERM": "tmux-256color"}, "ok tmux-256color, 120 by 40; pictures in half blocks"),
    (120, 40, {"TERM": "dumb"}, "warn TERM is 'dumb'"),
    (40, 10, {"TERM": "xterm"}, "warn 40 by 10"),
    (120, 40, {"TERM": "xterm", "PYTHONIOENCODING": "latin-1"}, "not UTF-8"),
])  # fmt: skip
def test_a_terminal_that_cannot_show_the_review_is_named(
    columns: int, lines: int, environ: dict[str, str], says: str
) -> None:
    usual = {"PYTHONIOENCODING": "utf-8", "TMUX": "", "STY": "", "COLUMNS": "", "LINES": ""}
    assert says in at_a_terminal(columns, lines, usual | environ)


def test_without_a_terminal_nothing_is_said_of_one(home: Home) -> None:
    assert "terminal" not in checks(home)


# -- service -------------------------------------------------------------------------------------------------------


@pytest.fixture
def unit(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.base / "xdg"))
    tool(home, "systemctl", "exit 0")
    home.good("service", "install")
    return service.unit_path()


@pytest.mark.parametrize(
    ("active", "enabled", "level", "mend"),
    [
        ("active", "enabled", "ok", ""),
        ("inactive", "disabled", "ok", "systemctl --user enable --now curated"),
        ("failed", "enabled", "warn", "journalctl --user -u curated"),
        ("activating", "enabled", "warn", "again and again"),
        ("inactive", "masked", "warn", "unmask"),
    ],
)
def test_what_systemd_says_of_the_unit_comes_with_a_hint(
    home: Home, unit: Path, active: str, enabled: str, level: str, mend: str
) -> None:
    tool(home, "systemctl", f'case "$2" in is-active) echo {active};; is-enabled) echo {enabled};; esac')
    found = checks(home)["service"]
    assert found["level"] == level
    assert found["detail"] == f"{unit} ({active}, {enabled})"
    assert mend in found["mend"]


def test_counters_that_the_unit_does_not_let_out_are_named(home: Home, unit: Path) -> None:
    home.configure("[metrics]\nport = 9123")
    assert "curated-metrics.conf" in checks(home)["metrics"]["mend"]
    drop_in = unit.with_name("curated.service.d") / "metrics.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nRestrictAddressFamilies=AF_INET AF_INET6\n")
    assert "metrics" not in checks(home)


def test_every_warning_names_its_mend(home: Home, unit: Path) -> None:
    home.configure("[metrics]\nport = 9123\n[naming]\nmax_bytes = 240")
    assert all(check.level == "ok" or check.mend for check in examine(home.config, RealDisk()))
