"""A process with a worker, to be killed or interrupted: `python -m tests.support.worker_parent FOLDER`.

Prints the worker's process number once it has judged a picture, then waits; at the end of its input it has a
second picture judged, prints whether that went well, and ends.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.support.working import Working


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    working = Working(Path(sys.argv[1]))
    working.judge(working.job("first", red=200))
    print(working.client.info.pid, flush=True)
    sys.stdin.read()
    before = working.client.info.pid
    replies = working.judge(working.job("second", red=201))
    print(len(replies), working.client.info.pid == before, flush=True)
    working.client.stop(grace=5)


if __name__ == "__main__":
    main()
