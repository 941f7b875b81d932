"""The child process that owns the models: `python -m curated.worker.child DESCRIPTOR`."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from curated.config import Models
from curated.errors import CuratedError
from curated.models.base import ModelSet
from curated.models.offline import go_offline
from curated.worker.messages import Batch, NotReady, Ready, WorkerSpec

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = "500"


def main() -> None:
    """Load the models, then judge batches until the daemon closes the connection."""
    _end_with_parent()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    go_offline()
    connection = Connection(int(sys.argv[1]))
    spec = connection.recv()
    if not isinstance(spec, WorkerSpec):
        raise TypeError(f"expected a WorkerSpec, got {type(spec).__name__}")
    started = time.monotonic()
    try:
        models = _factory(spec.factory)(spec.models, spec.cache)
    except CuratedError as error:
        connection.send(NotReady(error))
        return
    connection.send(Ready(models.profile, models.device, dict(models.models), time.monotonic() - started))
    _serve(connection, models, spec)


def _serve(connection: Connection, models: ModelSet, spec: WorkerSpec) -> None:
    # Imported here: the engine brings Pillow and OpenCV.
    from curated.worker.engine import Engine

    threads = spec.models.decode_threads or len(os.sched_getaffinity(0))
    engine = Engine(models, spec.reading, threads, connection.send)
    while True:
        # Take all batches that lie ready before judging, so that their decoding runs meanwhile.
        while not engine.busy or connection.poll():
            try:
                message = connection.recv()
            except EOFError:
                return
            if isinstance(message, Batch):
                engine.submit(message)
        try:
            engine.step()
        except BrokenPipeError:
            return


def _factory(name: str) -> Callable[[Models, Path], ModelSet]:
    module, _, function = name.partition(":")
    found: Callable[[Models, Path], ModelSet] = getattr(importlib.import_module(module), function)
    return found


def _end_with_parent() -> None:
    """Die with the daemon, be the first to go when memory runs out, and leave Ctrl-C to the daemon."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call above took effect
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


if __name__ == "__main__":
    main()
