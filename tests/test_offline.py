"""Nothing opens a network connection, and only the worker and what trains import model libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GUARD = Path(__file__).parent / "support" / "socket_guard"


def run(tmp_path: Path, *command: str) -> tuple[str, str]:
    """(what it printed, every internet socket that it or its children made)."""
    log = tmp_path / "sockets.log"
    log.touch()
    environment = {**os.environ, "PYTHONPATH": str(GUARD), "SOCKET_LOG": str(log)}
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, log.read_text()


def test_the_guard_sees_a_socket(tmp_path: Path) -> None:
    _, sockets = run(tmp_path, "-c", "import socket; socket.socket().close()")
    assert "socket.__new__" in sockets


@pytest.mark.models
def test_a_whole_run_makes_no_internet_socket(tmp_path: Path) -> None:
    printed, sockets = run(tmp_path, "-m", "curated", "demo", "house")
    assert "filed #1" in printed
    assert sockets == ""
