"""The commands beside a running daemon: what a person does at the terminal while files are being filed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from curated.domain import Status
from tests.support.cli_home import Home
from tests.support.clock import wait_until

ROOT = Path(__file__).parents[2]

# As `curated run`, but with models that need no weights.
_RUN = """
import signal
from curated.config import load
from curated.daemon import build_daemon
from tests.support.plain_models import FACTORY
if __name__ == "__main__":
    with build_daemon(load(), lambda event: None, factory=FACTORY) as daemon:
        signal.signal(signal.SIGTERM, lambda *_: daemon.stop())
        signal.signal(signal.SIGUSR1, lambda *_: daemon.retry())
        print("ready", flush=True)
        daemon.run()
"""


@pytest.fixture
def daemon(home: Home) -> Iterator[subprocess.Popen[str]]:
    home.configure('[watch]\nsettle_seconds = 0.2\n[models]\nprofile = "lite"')
    script = home.base / "run.py"
    script.write_text(_RUN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.terminate()
        assert process.wait(30) == 0


def test_undo_and_retry_work_beside_a_running_daemon(home: Home, daemon: subprocess.Popen[str]) -> None:
    picture = home.unsorted / "IMG_1.png"
    Image.new("RGB", (64, 64), (200, 20, 20)).save(home.base / "new.png")
    (home.base / "new.png").rename(picture)
    wait_until(lambda: any(photo.status is Status.FILED for photo in home.store.photos()), "the picture to be filed")
    assert not picture.exists()
    watching = f"watching (process {daemon.pid}"
    wait_until(lambda: watching in home.good("status").out, "the daemon to say that it has no more to do", seconds=5)
    home.good("mark", "keep", 1)

    home.good("undo", "--last", 1)
    wait_until(lambda: "1 waiting" not in home.good("status").out, "the daemon to have looked at it")
    assert picture.exists()
    assert home.photo(1).status is Status.UNDONE

    said = home.good("retry")
    assert f"The daemon (process {daemon.pid}) files them now" in said.out
    wait_until(lambda: home.photo(1).status is Status.FILED, "the picture to be filed again")
    assert not picture.exists()
    assert home.photo(1).verdict == "keep"
    assert daemon.poll() is None


def test_a_second_run_is_refused_while_the_first_goes_on(home: Home, daemon: subprocess.Popen[str]) -> None:
    said = home.run("run", "--once")
    assert said.code == 1
    assert f"process {daemon.pid}" in said.err
    assert daemon.poll() is None
    os.kill(daemon.pid, signal.SIGUSR1)  # and it still listens
