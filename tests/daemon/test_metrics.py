"""The optional counters: on this machine's loopback alone, and no socket at all where nobody asked."""

from __future__ import annotations

import http.client
import logging
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from curated.config import Metrics, from_dict
from curated.daemon.metrics import served
from curated.daemon.progress import OUTCOMES, Progress
from curated.errors import ConfigError
from curated.state.daemon import DaemonState, published
from curated.state.schema import open_database
from curated.state.store import Store
from tests.daemon.conftest import House

STATE = replace(Progress(1, lambda: 0.0).state, activity="working", waiting=7, rate=12.5, outcomes={"filed": 3})


def free_port(family: int = socket.AF_INET, address: str = "127.0.0.1") -> int:
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    with served(Metrics(port=port), lambda: STATE):
        yield port


def get(port: int, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def samples(text: str) -> dict[str, float]:
    return {
        "".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_every_counter(port: int) -> None:
    status, text = get(port)
    assert status == 200
    found = samples(text)
    assert found["curated_outcomes_totalfiled"] == 3
    assert found["curated_waiting"] == 7
    assert found["curated_rate_per_minute"] == 12.5
    assert found["curated_activityworking"] == 1
    assert found["curated_activitypaused"] == 0


def test_a_daemon_has_a_counter_for_every_outcome_from_the_start() -> None:
    assert Progress(1, lambda: 0.0).state.outcomes == dict.fromkeys(OUTCOMES, 0)


def test_other_paths_and_other_machines_names_are_refused(port: int) -> None:
    assert get(port, "/")[0] == 404
    for host in ("evil.example", "127.0.0.1.evil.example", "127.evil.example:1", ""):
        assert get(port, Host=host)[0] == 403, host
    for host in ("localhost", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert get(port, Host=host)[0] == 200, host


def test_it_listens_on_loopback_alone(port: int) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, type=socket.SOCK_STREAM)}
    for address in addresses - {"127.0.0.1", "127.0.1.1", "::1"}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, port), timeout=5).close()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.2", "example.org", "localhost", ""])
def test_any_address_but_loopback_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=r"metrics\.address: .* write '127.0.0.1' or '::1'"):
        from_dict({"metrics": {"address": address}}, "test")


def test_a_port_that_is_taken_is_said_and_the_daemon_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        with caplog.at_level(logging.ERROR), served(Metrics(port=port), lambda: STATE):
            pass
    assert f"127.0.0.1 port {port} cannot be opened" in caplog.text
    assert "metrics.port" in caplog.text


def test_the_port_is_free_again_afterwards(port: int) -> None:
    again = free_port()
    for _ in range(2):
        with served(Metrics(port=again), lambda: STATE):
            assert get(again)[0] == 200


def test_without_a_port_nothing_is_asked_for() -> None:
    def never() -> DaemonState:
        raise AssertionError

    with served(Metrics(), never):
        pass


def test_every_outcome_of_a_run_is_counted_and_status_shows_it(house: House) -> None:
    first = house.picture("IMG_1.jpg", seed=1)
    shutil.copy(first, house.unsorted / "IMG_2.jpg")
    (house.unsorted / "IMG_3.jpg").write_bytes(first.read_bytes()[:400])
    assert not house.once()
    wanted = dict.fromkeys(OUTCOMES, 0) | {"filed": 1, "duplicate": 1, "retrying": 1, "failed": 1}
    assert house.states()[-1].outcomes == wanted
    with open_database(house.base / "state" / "curated.db", read_only=True) as database:
        state = published(Store(database))
    assert state is not None
    assert state.outcomes == wanted
