"""The child process that owns the models: `python -m curated.worker.child DESCRIPTOR PARENT`."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from curated.config import Models
from curated.domain import Categories
from curated.errors import CuratedError
from curated.models.base import ModelSet
from curated.models.offline import go_offline
from curated.worker.messages import Batch, NotReady, Ready, WorkerSpec

if TYPE_CHECKING:
    from curated.worker.engine import Engine

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_OOM_SCORE = "500"
# Once the models are loaded it writes thumbnails and nothing else.
_LARGEST_FILE = 1024**3


def main() -> None:
    """Load the models, then judge batches until the daemon closes the connection."""
    descriptor, parent = (int(argument) for argument in sys.argv[1:])
    _end_with(parent)
    _give_up_rights()
    os.set_inheritable(descriptor, False)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    go_offline()
    connection = Connection(descriptor)
    spec = connection.recv()
    if not isinstance(spec, WorkerSpec):
        raise TypeError(f"expected a WorkerSpec, got {type(spec).__name__}")
    _work(connection, spec)


def _work(connection: Connection, spec: WorkerSpec) -> None:
    def send(message: object) -> None:
        try:
            connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            raise SystemExit from None  # the daemon has gone: nobody wants the rest

    started = time.monotonic()
    try:
        models = _factory(spec.factory)(spec.models, spec.cache, spec.categories)
    except CuratedError as error:
        send(NotReady(error))
        return
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    send(Ready(models.profile, models.device, dict(models.models), time.monotonic() - started))
    # Imported here: it brings Pillow and OpenCV, which read the environment that `go_offline` sets.
    from curated.worker.engine import Engine

    threads = spec.models.decode_threads or len(os.sched_getaffinity(0))
    engine = Engine(models, spec.reading, threads, send)
    threading.Thread(target=_receive, args=(connection, engine), name="batches", daemon=True).start()
    engine.run()


def _receive(connection: Connection, engine: Engine) -> None:
    """Take batches in as they come, so that they are decoded while another one is judged."""
    try:
        while True:
            message = connection.recv()
            if isinstance(message, Batch):
                engine.submit(message)
    except (EOFError, OSError):
        pass  # the daemon wants no more
    finally:
        engine.stop()


def _factory(name: str) -> Callable[[Models, Path, Categories], ModelSet]:
    module, _, function = name.partition(":")
    found: Callable[[Models, Path, Categories], ModelSet] = getattr(importlib.import_module(module), function)
    return found


def _end_with(parent: int) -> None:
    """Die with the daemon, be the first to go when memory runs out, and leave signals to the daemon."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call above took effect
        os._exit(1)
    # Ctrl-C and a service manager's stop reach every process; the daemon finishes its moves and then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # a sandbox may forbid it; it only makes the kernel's choice worse
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


def _give_up_rights() -> None:
    """What no decoder needs and a broken or hijacked one could do harm with.

    Its memory is minded from outside (Process). Processor time has no limit: the child lives for days, and a single
    picture that hangs is what `models.batch_timeout` is for.
    """
    # A core dump would write the user's pictures to wherever the system collects those.
    _lower(resource.RLIMIT_CORE, 0)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _lower(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
