"""The training process as its parent sees it: a task in, an answer out, within limits of time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Self, TypeVar

import msgspec

from curated.errors import CuratedError
from curated.taste.tasks import CategoryTask, Failure, Task

T = TypeVar("T")

# Measured (benchmarks/taste.py): 10,000 labels with 512 numbers each take 20 s on two cores and 600 MiB. Whoever is at
# these limits is not slow but stuck, or eats what the daemon and its models need.
_SECONDS, _SECONDS_A_PICTURE = 600.0, 0.05
_MEMORY, _COPIES = 1 << 30, 40
# More of them save little on such small matrices, and each sets memory aside.
_THREADS = 4
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a training may take (seconds, by the clock) and how much memory it may have (bytes)."""

    seconds: float
    memory: int

    @classmethod
    def of(cls, task: Task) -> Self:
        """What no such task needs: many times what was measured, more for more and longer vectors."""
        vectors = sum(map(len, task.vectors))
        # Of two categories as many numbers are fitted as of one, of a hundred a hundred times as many.
        rounds = max(1, len(task.categories) - 1) if isinstance(task, CategoryTask) else 1
        return cls(max(_SECONDS, _SECONDS_A_PICTURE * len(task.vectors) * rounds), _MEMORY + _COPIES * vectors)


def run(task: Task, expected: type[T], limits: Limits | None = None) -> T:
    """The child's answer to a task, within `limits` (by default those of the task).

    Raises CuratedError where it cannot start, fails, or would go beyond its limits; it has ended then.
    """
    limits = limits or Limits.of(task)
    threads = str(min(_THREADS, len(os.sched_getaffinity(0))))
    try:
        done = subprocess.run(
            # -P: a file named like a module in the working directory must not be run in its place.
            [sys.executable, "-P", "-m", "curated.taste.child", str(limits.memory), str(os.getpid())],
            input=msgspec.msgpack.encode(task),
            capture_output=True,
            check=False,
            timeout=limits.seconds,
            env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, threads)},
        )
        answer = msgspec.msgpack.decode(done.stdout, type=expected | Failure) if not done.returncode else None
    except subprocess.TimeoutExpired as error:
        raise CuratedError(
            f"the training took longer than {limits.seconds:,.0f} s and was ended; nothing was changed. "
            "`curated predict` tries again; a machine that is busy otherwise may be why"
        ) from error
    except OSError as error:
        raise CuratedError(
            f"the training could not be started: {error.strerror}; `curated doctor` may say what the machine lacks"
        ) from error
    except msgspec.DecodeError as error:
        raise CuratedError(f"the training failed: its answer cannot be read ({error})") from error
    if isinstance(answer, Failure):
        raise CuratedError(f"the training failed: {answer.reason}")
    if answer is None:
        raise CuratedError(f"the training failed: {_last_words(done, limits)}")
    found: T = answer
    return found


def _last_words(done: subprocess.CompletedProcess[bytes], limits: Limits) -> str:
    said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    last = said[-1] if said else f"it ended with {done.returncode} and said nothing"
    # What cannot be had is reported by whoever asked for it: Python, numpy, or OpenBLAS before it ends the process.
    if any("MemoryError" in line or "emory alloc" in line or "alloc failed" in line for line in said):
        return (
            f"it wanted more than the {limits.memory / 2**30:.1f} GiB of memory that it may have; nothing was changed"
        )
    if done.returncode < 0:
        return f"it was ended by signal {-done.returncode} ({last})"
    return last
