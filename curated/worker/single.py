"""One file read by a model process of its own, which ends with it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from curated.domain import Arrival, Reading
from curated.errors import PictureError
from curated.files import RealDisk
from curated.worker.client import WorkerClient
from curated.worker.messages import Job, WorkerSpec

_LONGEST_SLEEP = 30.0


def read_file(spec: WorkerSpec, path: Path) -> Reading:
    """What the models say of the file, which stays as it is.

    Raises OSError if it cannot be opened, PictureError if it is no picture they can read, and whatever keeps the models
    from running.
    """
    digest = RealDisk().digest(path)
    at = digest.identity
    job = Job(path, digest.sha256, Arrival(path, at.size, at.mtime_ns, at.device, at.inode))
    woken = threading.Event()
    worker = WorkerClient(spec, woken.set)
    try:
        worker.submit((job,))
        while not (replies := worker.replies()):
            deadline = worker.next_deadline()
            woken.wait(_LONGEST_SLEEP if deadline is None else min(max(deadline - time.monotonic(), 0), _LONGEST_SLEEP))
            woken.clear()
            worker.tick()
    finally:
        worker.stop(grace=0.0)
    answer = replies[0].answer
    if isinstance(answer, PictureError):
        raise answer
    return answer
