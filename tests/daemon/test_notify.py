from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from curated.daemon.notify import notify


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        notify("READY=1\nSTATUS=watching", {"NOTIFY_SOCKET": address})
        assert manager.recv(100) == b"READY=1\nSTATUS=watching"


def test_where_nobody_listens_it_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notify("READY=1", {})
    assert caplog.records == []
    with caplog.at_level(logging.WARNING):
        notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert "cannot be told" in caplog.text
