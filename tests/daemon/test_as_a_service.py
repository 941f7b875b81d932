"""The daemon as a service manager sees it: a real process, a socket that hears it, signals."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from curated.state.journal import Journal
from curated.state.schema import open_database
from tests.daemon.conftest import House
from tests.support.clock import wait_until
from tests.support.faults_notes import note
from tests.support.plain_models import SLOW_FACTORY
from tests.support.service_manager import Manager, end, started

SOAK = bool(os.environ.get("CURATED_SOAK"))
STOPS = 100 if SOAK else 2


def configure(house: House, more: str = "", *, settle: float = 0.1) -> Path:
    path = house.base / "config.toml"
    path.write_text(
        '[folders]\nunsorted = "Unsorted"\nlibrary = "Library"\nstate = "state"\ncache = "cache"\n'
        f'[models]\nprofile = "lite"\nbatch_size = 4\n[watch]\nsettle_seconds = {settle}\n{more}\n'
    )
    return path


def test_systemd_is_told_all_that_it_waits_for(house: House) -> None:
    config = configure(house)
    with Manager(house.base) as manager:
        secret = {"HF_TOKEN": "hf_secret", "CURATED_CONFIG": str(config)}
        environment = secret | manager.environment(watchdog=0.6)
        with started(house.base / "log", **environment) as daemon:
            manager.wait_for("READY=1")
            manager.wait_for("WATCHDOG=1", 3)  # an idle daemon's loop turns
            house.picture("IMG_1.jpg", seed=1)
            manager.wait_for("STATUS=watching; 1 filed")
            daemon.send_signal(signal.SIGHUP)
            manager.wait_for("READY=1", 2)
            assert end(daemon) == 0
        assert "hf_secret" not in log_of(house) + "".join(manager.heard)
        said = manager.without_watchdog()
        assert said == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
        assert manager.heard[manager.heard.index("RELOADING=1") + 1].startswith("MONOTONIC_USEC=")
        assert manager.heard.index("READY=1") < manager.heard.index("WATCHDOG=1")


def test_a_configuration_error_ends_it_with_78_which_systemd_does_not_restart(house: House) -> None:
    config = configure(house, "[nonsense]")
    with started(house.base / "log", CURATED_CONFIG=str(config)) as daemon:
        assert daemon.wait(60) == 78


@pytest.mark.timeout(1200 if SOAK else 120)
def test_sigterm_in_the_middle_of_a_batch_ends_it_with_0_and_loses_nothing(house: House) -> None:
    config = configure(house)
    made = 0
    codes: Counter[int] = Counter()
    open_moves = complaints = 0
    for number in range(STOPS):
        for _ in range(12):
            made += 1
            house.picture(f"IMG_{made:04}.jpg", seed=made)
        log = house.base / f"log {number}"
        with started(log, SLOW_FACTORY, CURATED_CONFIG=str(config)) as daemon:
            wait_until(lambda log=log: b"filed #" in log.read_bytes(), "the first of a batch to be filed")
            daemon.send_signal(signal.SIGTERM)
            codes[end(daemon, seconds=20)] += 1  # a second SIGTERM asks for no more than the first
        complaints += b"Traceback" in log.read_bytes()
        with open_database(house.base / "state" / "curated.db", read_only=True) as database:
            open_moves += len(Journal(database).open_moves())
    zeros = {"exit codes but 0": STOPS - codes[0], "files lost": made - len(set(house.files()))}
    zeros |= {"moves left open": open_moves, "tracebacks": complaints}
    note("SIGTERM, two each time, in the middle of a batch", STOPS, zeros)
    assert not any(zeros.values()), codes


def test_sigterm_before_it_is_ready_ends_it_with_0(house: House) -> None:
    config = configure(house)
    with started(house.base / "log", CURATED_CONFIG=str(config)) as daemon:
        # It holds its lock long before it watches.
        wait_until((house.base / "state" / "daemon.lock").exists, "it to begin")
        assert end(daemon) == 0


def test_a_second_ctrl_c_ends_it_at_once(house: House) -> None:
    config = configure(house)
    for number in range(8):
        house.picture(f"IMG_{number}.jpg", seed=number)
    with started(house.base / "log", SLOW_FACTORY, CURATED_CONFIG=str(config)) as daemon:
        wait_until(house.filed, "the first to be filed")
        daemon.send_signal(signal.SIGINT)
        assert end(daemon, signal.SIGINT) in (0, -signal.SIGINT)
    assert len(house.files()) == 8


# -- SIGHUP --------------------------------------------------------------------------------------------------------


def log_of(house: House) -> str:
    return (house.base / "log").read_text()


def reload(house: House, daemon: subprocess.Popen[bytes], manager: Manager) -> None:
    before = manager.count("READY=1")
    daemon.send_signal(signal.SIGHUP)
    manager.wait_for("READY=1", before + 1)


def test_sighup_takes_over_what_it_can_and_names_what_needs_a_restart(house: House) -> None:
    config = configure(house)
    with Manager(house.base) as manager:
        environment = {"CURATED_CONFIG": str(config)} | manager.environment()
        with started(house.base / "log", **environment) as daemon:
            manager.wait_for("READY=1")
            house.picture("IMG_1.jpg", seed=1)
            manager.wait_for("STATUS=watching; 1 filed")
            category = '[[category]]\nname = "All"'
            configure(house, f'[naming]\ntemplate = "x {{caption}}"\n{category}', settle=0.2)
            reload(house, daemon, manager)
            assert "taken over: naming.template, category" in log_of(house)
            assert "in force only after a restart: watch.settle_seconds" in log_of(house)
            house.picture("IMG_2.jpg", (20, 200, 20), seed=2)
            manager.wait_for("STATUS=watching; 2 filed")
            assert house.filed() == ["All/x Green things.jpg", "Photos/Red things.jpg"]
            assert end(daemon) == 0


def test_a_broken_configuration_is_one_line_and_the_old_one_stays_in_force(house: House) -> None:
    config = configure(house)
    with Manager(house.base) as manager:
        environment = {"CURATED_CONFIG": str(config)} | manager.environment()
        with started(house.base / "log", **environment) as daemon:
            manager.wait_for("READY=1")
            for broken in ("[naming\n", "[naming]\ntemplate = '{nonsense}'", "[watch]\nsettle = 1"):
                config.write_text(broken)
                reload(house, daemon, manager)
            refused = [line for line in log_of(house).splitlines() if "the one in force stays" in line]
            assert len(refused) == 3
            assert "nonsense" in refused[1]
            house.picture("IMG_1.jpg", seed=1)
            manager.wait_for("STATUS=watching; 1 filed")
            assert end(daemon) == 0


def test_sighup_looks_again_at_everything_as_retry_does(house: House) -> None:
    config = configure(house, "retry_seconds = 3600.0")
    whole = house.picture("IMG_1.jpg", seed=1).read_bytes()
    (house.unsorted / "IMG_1.jpg").write_bytes(whole[:400])
    with Manager(house.base) as manager:
        environment = {"CURATED_CONFIG": str(config)} | manager.environment()
        with started(house.base / "log", **environment) as daemon:
            wait_until(lambda: "retry IMG_1.jpg" in log_of(house), "the first try to fail")
            reload(house, daemon, manager)
            wait_until(lambda: log_of(house).count("retry IMG_1.jpg") > 1, "it to be looked at again")
            assert end(daemon) == 0
