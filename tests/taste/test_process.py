"""A training has limits of time and memory; what goes wrong with it is one line, and harms nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from curated.errors import CuratedError
from curated.taste.process import Limits, run
from curated.taste.tasks import SpreadAnswer, SpreadTask, TasteAnswer, TasteTask

SIZE = 64


def task(labels: int) -> TasteTask:
    chance = np.random.default_rng(0)
    return TasteTask(
        embedder="x",
        vectors=[each.astype(np.float16).tobytes() for each in chance.normal(size=(labels, SIZE))],
        verdicts=[number % 2 for number in range(labels)],
        groups=list(range(labels)),
        facts=chance.normal(size=(labels, 3)).tolist(),
    )


def test_a_training_that_takes_too_long_is_ended_and_says_so() -> None:
    started, before = time.monotonic(), children()
    with pytest.raises(CuratedError, match="took longer than 1 s and was ended; nothing was changed"):
        run(task(20_000), TasteAnswer, Limits(seconds=1.0, memory=4 << 30))
    assert time.monotonic() - started < 20
    assert children() <= before, "it has ended"


def test_a_training_that_wants_too_much_memory_says_so() -> None:
    # What its libraries take by themselves, and a little.
    with pytest.raises(CuratedError, match=r"wanted more than the 0\.4 GiB of memory"):
        run(SpreadTask([bytes(2) * 4_000_000] * 30, [0.5] * 30), SpreadAnswer, Limits(seconds=60, memory=400 << 20))


def test_more_labels_have_more_time_and_memory() -> None:
    few, many = Limits.of(task(100)), Limits.of(task(100_000))
    assert (few.seconds, few.memory >> 30) == (600, 1)
    assert many.seconds == 5_000
    assert many.memory > few.memory + 64 * 100_000 * SIZE


def test_a_training_ends_with_the_program_that_wanted_it() -> None:
    code = (
        "import os, subprocess, sys\n"
        "command = [sys.executable, '-P', '-m', 'curated.taste.child', str(1 << 30), str(os.getpid())]\n"
        "print(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid, flush=True)\n"
        "os._exit(0)"
    )
    # Its input is held open here, so that nothing but its parent's end can end it.
    read_end, write_end = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=read_end, capture_output=True, text=True, check=True, timeout=60
        )
        assert not lives(int(done.stdout))
    finally:
        os.close(read_end)
        os.close(write_end)


def lives(process: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{process}/stat", encoding="ascii") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return False
        except FileNotFoundError:
            return False
        time.sleep(0.05)
    return True


def children() -> set[str]:
    """Those of this thread; those of earlier tests in the same process (a decoder kept warm, say) are among them."""
    with open("/proc/thread-self/children", encoding="ascii") as file:
        return set(file.read().split())
