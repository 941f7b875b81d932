"""fsck and doctor."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from curated.cli.doctor import examine
from curated.cli.doctor_check import Check
from curated.domain import Purpose, Status
from curated.files import RealDisk
from curated.state.daemon import DaemonState, InstanceLock, publish
from tests.support.cli_home import Home
from tests.support.filing_disks import NoFlagDisk


def troubles(home: Home, *arguments: str) -> dict[str, dict[str, object]]:
    said = home.run("fsck", "--json", *arguments)
    return {each["trouble"]: each for each in said.json}


# -- fsck --------------------------------------------------------------------------------------------------------


def test_fsck_of_a_library_in_order_finds_nothing(home: Home) -> None:
    home.file("a.jpg", "a.xmp")
    home.good("mark", "trash", 1)
    said = home.good("fsck")
    assert said.out == ""
    assert said.err == "1 picture compared with the disk: no problem.\n"
    assert "\r" not in said.err  # progress is for terminals


def test_fsck_names_each_problem_with_its_mend_and_changes_nothing(home: Home) -> None:
    missing, changed, moved = (home.file(f"{name}.jpg", caption=name) for name in ("one", "two", "three"))
    missing.path.unlink()
    changed.path.write_bytes(b"edited")
    moved.path.rename(home.library / "elsewhere.jpg")
    (home.library / "stranger.jpg").write_bytes(b"unknown")
    (home.library / ".curated-1-2.part").write_bytes(b"half")
    before = home.tree()
    said = home.run("fsck")
    assert said.code == 1
    assert "5 problems" in said.err
    for word, mend in [
        ("missing    #1", "marks it missing"), ("changed    #2", "move it to the unsorted folder"),
        ("moved      #3", "takes note of its new place"), ("unknown", "it is never touched"), ("stray", "delete it"),
    ]:  # fmt: skip
        (line,) = (line for line in said.out.splitlines() if line.startswith(word))
        assert mend in line
    assert home.tree() == before
    assert home.photo(1).status is Status.FILED


def test_fsck_repair_mends_the_rows_and_reports_what_is_left(home: Home) -> None:
    missing, moved = home.file("one.jpg", caption="one"), home.file("two.jpg", caption="two")
    missing.path.unlink()
    moved.path.rename(home.library / "elsewhere.jpg")
    found = troubles(home, "--repair")
    assert found["missing"]["repaired"]
    assert found["moved"]["repaired"]
    assert home.photo(1).status is Status.MISSING
    assert home.photo(2).path == home.library / "elsewhere.jpg"
    assert home.good("fsck").out == ""


def test_fsck_says_paused_of_a_folder_that_is_not_there_and_judges_nothing_below_it(home: Home) -> None:
    home.file("a.jpg")
    home.library.rename(home.base / "unplugged")
    found = troubles(home)
    assert set(found) == {"paused"}
    assert home.photo(1).status is Status.FILED


def leave_open_move(home: Home) -> None:
    path = home.put("cut-off.jpg")
    photo = home.world.photo(path)
    (file,) = home.world.plan([path], [home.library / "cut-off.jpg"])
    at = file.identity
    from curated.state.journal import NewFile

    new = NewFile("primary", path, file.target, at.device, at.inode, at.size, at.mtime_ns, file.sha256)
    home.world.journal.plan(Purpose.FILE, photo.id, [new], {}, {"status": "filed"}, "cut off")


def test_fsck_repair_closes_moves_that_a_crash_left_open(home: Home) -> None:
    leave_open_move(home)
    assert troubles(home)["open"]["repaired"] is False
    assert "moves: 1 move left half done" in home.run("doctor").out
    assert troubles(home, "--repair")["open"]["repaired"] is True
    assert home.world.journal.open_moves() == []


def test_a_command_that_moves_files_closes_open_moves_first(home: Home) -> None:
    home.file("a.jpg")
    leave_open_move(home)
    home.good("mark", "keep", 1)
    assert home.world.journal.open_moves() == []


# -- doctor ------------------------------------------------------------------------------------------------------


def checks(home: Home) -> dict[str, dict[str, str]]:
    return {each["what"]: each for each in home.run("doctor", "--json").json}


def test_doctor_looks_at_everything_and_ends_with_0(home: Home) -> None:
    home.file("a.jpg")
    said = home.good("doctor")
    names = [line.split(": ")[0] for line in said.out.splitlines()]
    assert names == [
        f"ok    {name}"
        for name in (
            "config", "unsorted", "library", "state", "cache", "moving", "renaming", "watching", "sqlite", "database",
            "moves", "trash", "daemon", "profile", "gpu", "memory", "clock", "service",
        )
    ]  # fmt: skip
    assert checks(home)["database"]["level"] == "ok"


def test_doctor_leaves_nothing_behind(home: Home) -> None:
    home.file("a.jpg")
    before = sorted(home.base.rglob("*"))
    home.good("doctor")
    assert sorted(home.base.rglob("*")) == before


def test_doctor_before_the_first_run_makes_nothing(home: Home) -> None:
    home.library.rmdir()
    home.configure(state="fresh", cache="fresher")
    said = home.good("doctor")
    assert "not there yet" in said.out
    assert not any((home.base / name).exists() for name in ("Library", "fresh", "fresher"))


@pytest.mark.parametrize(
    ("links", "level", "says"), [(True, "ok", "hard link"), (False, "fail", "another file system")]
)
def test_doctor_tells_file_systems_that_cannot_rename_without_overwriting(
    home: Home, links: bool, level: str, says: str
) -> None:
    found = {each.what: each for each in examine(home.config, NoFlagDisk(no_links=not links))}
    assert found["renaming"].level == level
    assert says in found["renaming"].detail + found["renaming"].mend
    assert list(home.library.iterdir()) == []


def test_doctor_warns_of_folders_it_cannot_look_into_and_counts_the_others(home: Home) -> None:
    (home.unsorted / "a/b/c").mkdir(parents=True)
    assert checks(home)["watching"]["detail"].startswith("4 folders; inotify allows ")


def test_doctor_says_how_a_polled_folder_is_watched(home: Home) -> None:
    home.configure('[watch]\npolling = "always"')
    assert checks(home)["watching"]["detail"] == "looked at every 5 s: as watch.polling says"


def test_doctor_finds_a_damaged_database(home: Home) -> None:
    for number in range(30):
        home.file(f"{number}.jpg")
    home.world.close()
    database = home.base / "state" / "curated.db"
    content = bytearray(database.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = os.urandom(200)
    database.write_bytes(content)
    said = home.run("doctor")
    assert said.code == 1
    assert "fail  database: " in said.out
    assert "move it away to begin anew" in said.out


def test_doctor_says_what_troubles_the_daemon(home: Home) -> None:
    state = DaemonState(
        os.getpid(), "2026-01-01T00:00:00", "2026-01-01T00:00:00", "paused", "the disk is full", last_errors=("a: b",)
    )
    publish(home.store, state)
    with InstanceLock(home.base / "state"):
        said = home.good("doctor")
        assert f"ok    daemon: running (process {os.getpid()})" in said.out
        assert "warn  daemon: paused: the disk is full" in said.out
        assert "warn  daemon: last error: a: b" in said.out
    assert "paused" not in home.good("doctor").out


def test_doctor_warns_if_a_gpu_is_asked_for_and_there_is_none(home: Home) -> None:
    if Path("/dev/nvidia0").exists():
        pytest.skip("there is a GPU")
    home.configure('[models]\ndevice = "cuda"')
    assert checks(home)["gpu"]["level"] == "warn"


def tool(home: Home, name: str, script: str) -> None:
    """A program on the PATH, which in these tests holds nothing else."""
    path = home.base / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_doctor_asks_nvidia_smi_and_believes_its_complaints(home: Home) -> None:
    tool(home, "nvidia-smi", 'echo "NVIDIA Something, 81559 MiB, 550.1"')
    assert checks(home)["gpu"]["detail"] == "NVIDIA Something, 81559 MiB, 550.1"
    tool(home, "nvidia-smi", 'echo "driver mismatch" >&2; exit 9')
    assert checks(home)["gpu"]["level"] == "warn"
    assert "driver mismatch" in checks(home)["gpu"]["detail"]


def test_doctor_compares_weights_only_when_asked(home: Home) -> None:
    assert "weights" not in checks(home)
    lines = [line for line in home.good("doctor", "--weights").out.splitlines() if "weights: " in line]
    assert len(lines) == 5
    assert all(line.startswith("ok") for line in lines)


def test_every_failure_names_a_mend(home: Home) -> None:
    home.config_path.unlink()
    (found,) = home.run("doctor", "--json").json
    assert "`curated config init`" in found["detail"]
    home.configure(unsorted="nowhere", state="config.toml/state")
    for check in examine(home.config, RealDisk()):
        assert isinstance(check, Check)
        assert check.level == "ok" or check.mend or ";" in check.detail, check
