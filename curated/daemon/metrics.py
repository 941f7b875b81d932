"""The daemon's counters for Prometheus, on a port of this machine alone; without a port no socket is opened."""

from __future__ import annotations

import ipaddress
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, get_args

from curated.config import Metrics
from curated.state.daemon import Activity, DaemonState

if TYPE_CHECKING:
    from prometheus_client.core import Metric

log = logging.getLogger(__name__)

_SECONDS = 5.0


@contextmanager
def served(settings: Metrics, state: Callable[[], DaemonState]) -> Iterator[None]:
    """Serve `state()` at /metrics while the block runs, if the settings ask for it.

    A port that cannot be had is logged: pictures are filed all the same.
    """
    if not settings.port:
        yield
        return
    try:
        server = _Server((settings.address, settings.port), state)
    except OSError as error:
        log.error(  # noqa: TRY400
            "no metrics: %s port %d cannot be opened (%s); set metrics.port to another, or, under systemd, install "
            "the drop-in curated-metrics.conf", settings.address, settings.port, error.strerror,
        )  # fmt: skip
        yield
        return
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def exposition(state: DaemonState) -> bytes:
    """The state in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(state))
    return generate_latest(registry)


class _Collector:
    """What prometheus-client asks for families of figures."""

    def __init__(self, state: DaemonState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        state = self._state
        outcomes = CounterMetricFamily(
            "curated_outcomes", "What became of files and of decisions, since the daemon started", labels=["outcome"]
        )
        for outcome, count in state.outcomes.items():
            outcomes.add_metric([outcome], count)
        yield outcomes
        activity = GaugeMetricFamily("curated_activity", "1 for what the daemon is doing now", labels=["activity"])
        for name in get_args(Activity):
            activity.add_metric([name], float(name == state.activity))
        yield activity
        yield CounterMetricFamily("curated_watch_overflows", "Times inotify's queue overflowed", state.overflows)
        gauges = (
            ("waiting", "Files that wait", state.waiting),
            ("in_work", "Pictures in the hands of the models", state.in_work),
            ("retrying", "Files to be tried again", state.retrying),
            ("rate_per_minute", "Pictures a minute, over the last minute in which there were any", state.rate),
            ("watched_folders", "Folders that are watched", state.watched_folders),
            ("polling", "1 where the folders are polled instead of watched", float(state.polling)),
            ("start_time_seconds", "When the daemon started", datetime.fromisoformat(state.started_at).timestamp()),
            ("updated_time_seconds", "When this was published", datetime.fromisoformat(state.updated_at).timestamp()),
        )
        for name, what, value in gauges:
            yield GaugeMetricFamily(f"curated_{name}", what, value)


# Not http.server.HTTPServer, which looks its own address up in the DNS.
class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 8

    def __init__(self, address: tuple[str, int], state: Callable[[], DaemonState]) -> None:
        if ipaddress.ip_address(address[0]).version == 6:
            self.address_family = socket.AF_INET6
        self.state = state
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS  # a client that says nothing is not waited for

    def do_GET(self) -> None:
        if not _is_of_this_machine(self.headers.get("Host", "")):
            self.send_error(403)
        elif self.path != "/metrics":
            self.send_error(404)
        else:
            body = exposition(self.server.state())
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a look at the counters every few seconds is no news."""


def _is_of_this_machine(host: str) -> bool:
    """Whether a Host header names this machine; a web page elsewhere that has its name lead here does not get by."""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
