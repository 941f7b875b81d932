from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli_home import Home


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing of the person who runs the tests is seen: neither home, nor configuration, nor systemd."""
    for name in [name for name in os.environ if name.startswith(("CURATED_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CURATED_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield tmp_path
    # `run` sends the log to this test's stderr, which is gone after it.
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def home(environment: Path, empty_database: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Home]:
    made = Home(environment, empty_database, capsys)
    yield made
    made.close()
