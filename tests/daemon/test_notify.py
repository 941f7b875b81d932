from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from curated.daemon.notify import ServiceManager, notify
from tests.daemon.conftest import House
from tests.support.clock import ManualClock, wait_until
from tests.support.filing_disks import Step, WrappedDisk
from tests.support.service_manager import Manager


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


class PausingDisk(WrappedDisk):
    """Does nothing more, from the first file that is read until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.goes_on = threading.Event(), threading.Event()

    def before(self, step: Step) -> None:
        if step.name == "digest":
            self.reached.set()
            assert self.goes_on.wait(60)


def heard(manager: Manager, action: Callable[[], None]) -> list[str]:
    """What is said by the action; a mark behind it tells that all has come."""
    before = len(manager.heard)
    action()
    mark = f"MARK={before}"
    notify(mark, manager.environment())
    manager.wait_for(mark)
    return manager.heard[before : manager.heard.index(mark, before)]


def test_signs_of_progress_extend_the_start_feed_the_watchdog_and_do_not_delay_the_end(tmp_path: Path) -> None:
    clock = ManualClock()
    with Manager(tmp_path) as manager:
        service = ServiceManager(manager.environment(watchdog=30), clock)
        assert heard(manager, service.pulse) == ["EXTEND_TIMEOUT_USEC=60000000"]
        assert heard(manager, service.pulse) == [], "not with every megabyte"
        clock.advance(21)
        assert heard(manager, service.pulse) == ["EXTEND_TIMEOUT_USEC=60000000"]
        assert heard(manager, lambda: service.ready("watching")) == ["READY=1", "STATUS=watching"]
        clock.advance(11)
        assert service.next_pulse() is not None
        assert heard(manager, service.pulse) == ["WATCHDOG=1"]
        clock.advance(9)
        assert heard(manager, service.pulse) == []
        clock.advance(2)
        assert heard(manager, service.pulse) == ["WATCHDOG=1"]
        assert heard(manager, service.stopping) == ["STOPPING=1"]
        clock.advance(60)
        assert heard(manager, service.pulse) == []


def test_without_a_watchdog_nobody_waits_for_a_sign() -> None:
    for environment in ({}, {"WATCHDOG_USEC": "nonsense"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}):
        assert ServiceManager(environment).next_pulse() is None


def test_a_daemon_that_hangs_falls_silent(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house.disk = disk = PausingDisk()
    with Manager(tmp_path) as manager:
        for name, value in manager.environment(watchdog=0.3).items():
            monkeypatch.setenv(name, value)
        with house.running():
            manager.wait_for("WATCHDOG=1", 2)
            house.picture("IMG_1.jpg", seed=1)
            assert disk.reached.wait(30)
            silent_from = manager.count("WATCHDOG=1")
            # Six times as long as it may be silent.
            assert not disk.goes_on.wait(0.6)
            assert manager.count("WATCHDOG=1") <= silent_from + 1
            disk.goes_on.set()
            manager.wait_for("WATCHDOG=1", silent_from + 3)
            wait_until(house.filed, "it to be filed")
