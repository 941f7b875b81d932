from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from curated.daemon.wake import Wake


@pytest.fixture
def wake() -> Iterator[Wake]:
    with Wake() as made:
        yield made


def waited(wake: Wake, seconds: float) -> float:
    start = time.monotonic()
    wake.wait(seconds)
    return time.monotonic() - start


def test_a_wait_ends_by_itself(wake: Wake) -> None:
    assert waited(wake, 0.05) > 0.04


def test_set_ends_the_next_wait_and_clear_forgets_it(wake: Wake) -> None:
    wake.set()
    wake.set()
    assert waited(wake, 30) < 10
    wake.clear()
    assert waited(wake, 0.05) > 0.04


def test_set_from_another_thread_ends_the_present_wait(wake: Wake) -> None:
    thread = threading.Timer(0.05, wake.set)
    thread.start()
    assert waited(wake, 30) < 10
    thread.join()


def test_any_number_of_sets_neither_blocks_nor_fails(wake: Wake) -> None:
    for _ in range(100_000):
        wake.set()
    assert waited(wake, 30) < 10
    wake.clear()
    assert waited(wake, 0.05) > 0.04


def test_a_signal_ends_the_wait_even_if_its_handler_has_not_run_yet(wake: Wake) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGUSR2, lambda *_: came.append(1))
    try:
        os.kill(os.getpid(), signal.SIGUSR2)
        assert waited(wake, 30) < 10
        assert came == [1]
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_set_after_the_end_is_nothing(wake: Wake) -> None:
    other = Wake()
    with other:
        pass
    other.set()


def test_the_wakeup_descriptor_of_before_is_put_back() -> None:
    with Wake() as outer:
        with Wake():
            pass
        before = signal.signal(signal.SIGUSR2, lambda *_: None)
        try:
            os.kill(os.getpid(), signal.SIGUSR2)
            assert waited(outer, 30) < 10
        finally:
            signal.signal(signal.SIGUSR2, before)
    assert signal.set_wakeup_fd(-1) == -1
