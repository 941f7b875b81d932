"""The training process, `python -m curated.taste.child BYTES PARENT`: a Task from stdin, an Answer to stdout.

BYTES is how much memory it may have, PARENT the process that wants the answer.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

import msgspec

from curated.taste.keeping import learn_taste
from curated.taste.sorting import learn_categories
from curated.taste.spreading import spread
from curated.taste.tasks import Answer, CategoryTask, SpreadTask, Task, TasteTask

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Train, answer."""
    memory, parent = int(sys.argv[1]), int(sys.argv[2])
    # Nobody reads the answer of a training whose parent has gone.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call above took effect
        return
    _lower(resource.RLIMIT_DATA, memory)
    # A core dump would write what a person keeps and trashes to wherever the system collects those.
    _lower(resource.RLIMIT_CORE, 0)
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer(task)))


def answer(task: Task) -> Answer:
    """What the task asks for."""
    match task:
        case TasteTask():
            return learn_taste(task)
        case SpreadTask():
            return spread(task)
        case CategoryTask():
            return learn_categories(task)


def _lower(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
