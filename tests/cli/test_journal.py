"""What reaches the journal: one line for each file, with its priority, and nothing that a terminal would obey."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import pytest

from curated.cli.display import LineFormatter, LineReport
from curated.cli.journal import Journal, is_journal
from curated.pipeline import Blocked, LeftAlone, Retrying
from tests.support.cli_home import Home

# A colour, a bell, an end of line, a title for the window, a mark that turns what follows around.
NASTY = "\x1b[31mred\x07\nfiled #1 \x1b]0;owned\x07 \u202egnp.exe"


def to_journal(stream: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.fstat(stream.fileno())
    monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")


def test_only_the_stream_that_systemd_names_is_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("w") as stream, (tmp_path / "other").open("w") as other:
        assert not is_journal(stream)
        to_journal(stream, monkeypatch)
        assert is_journal(stream)
        assert not is_journal(other)
    assert not is_journal(stream)  # closed


def test_each_file_is_one_line_with_id_reason_and_priority(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed = home.offer(home.put("a.jpg"), caption=f"a cat {NASTY}", text=NASTY)
    failed = home.offer(home.put(f"b{NASTY.replace('/', '')}.jpg"))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    outcomes = [
        filed, failed, Retrying(home.unsorted / "c.jpg", NASTY, 1, at), LeftAlone(home.unsorted / f"{NASTY}.jpg", "so"),
        Blocked(home.unsorted / "d.jpg", home.library, "No space left on device"),
    ]  # fmt: skip
    with (tmp_path / "log").open("w") as stream:
        to_journal(stream, monkeypatch)
        report = LineReport(home.config)
        with redirect_stdout(stream):
            for outcome in outcomes:
                report(outcome)
    text = (tmp_path / "log").read_text()
    lines = text.splitlines()
    assert len(lines) == len(outcomes)
    assert [line[:3] for line in lines] == ["<6>", "<6>", "<4>", "<6>", "<3>"]
    assert re.match(r"<6>filed #1 a\.jpg -> .* \(.+\)$", lines[0])
    assert all(char.isprintable() or char == "\n" for char in text)


def test_a_journal_gets_the_facts_field_by_field(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    filed = home.offer(home.put("a.jpg"), caption=f"a cat {NASTY}")
    at = home.base / "journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(at))
        journal.settimeout(10)
        report = LineReport(home.config, Journal(at))
        report(filed)
        report(LeftAlone(home.unsorted / f"{NASTY}\nMESSAGE=forged.jpg", "so"))
        first, second = (journal.recv(65536).decode() for _ in range(2))
    photo = home.photo(1)
    assert dict(line.split("=", 1) for line in first.splitlines()) == {
        "MESSAGE": f"filed #1 a.jpg -> {photo.path.relative_to(home.library)} ({photo.reason})",
        "PRIORITY": "6", "SYSLOG_IDENTIFIER": "curated", "CURATED_EVENT": "filed", "CURATED_PICTURE": "1",
        "CURATED_FILE": str(home.unsorted / "a.jpg"), "CURATED_TARGET": str(photo.path),
        "CURATED_REASON": photo.reason,
    }  # fmt: skip
    names = [line.split("=", 1)[0] for line in second.splitlines()]
    assert sorted(names) == sorted(
        ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "CURATED_EVENT", "CURATED_FILE", "CURATED_REASON"]
    )
    assert capsys.readouterr().out == ""


def test_a_journal_that_does_not_take_a_line_does_not_lose_it(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    at = home.base / "journal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gone:
        gone.bind(str(at))
        report = LineReport(home.config, Journal(at))
    report(LeftAlone(home.unsorted / "a.jpg", "so"))
    assert capsys.readouterr().out == "left a.jpg (so)\n"


def test_log_records_are_one_line_and_tracebacks_are_marked_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "log").open("w") as stream:
        to_journal(stream, monkeypatch)
        formatter = LineFormatter(stream)
    record = logging.LogRecord("curated.x", logging.WARNING, "", 1, "of %s", (NASTY,), None)
    line = formatter.format(record)
    assert line.startswith("<4>WARNING curated.x: of \\x1b[31mred\\x07 filed #1 ")
    assert line.isprintable()
    try:
        raise ValueError(NASTY)
    except ValueError:
        record = logging.LogRecord("curated.x", logging.ERROR, "", 1, "no", (), sys.exc_info())
    lines = formatter.format(record).splitlines()
    assert lines[0] == "<3>ERROR curated.x: no"
    assert all(each.startswith("<3>  ") and each.isprintable() for each in lines[1:])


def test_what_stops_the_daemon_reaches_the_journal_as_an_error(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.config_path.write_text("[nonsense]")
    with (home.base / "log").open("w+") as stream:
        to_journal(stream, monkeypatch)
        with redirect_stderr(stream):
            assert home.run("run", "--once").code == 78
    assert (home.base / "log").read_text().startswith("<3>curated: ")
