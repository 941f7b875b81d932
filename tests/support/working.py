"""A WorkerClient with scripted models, and what is needed to ask it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from curated.config import Models, Reading
from curated.domain import Arrival
from curated.worker.client import WorkerClient
from curated.worker.messages import Job, Reply, WorkerSpec
from tests.support.clock import wait_until
from tests.support.scripted_models import Misbehaviour, misbehaving, png


class Working:
    """A client whose child runs `factory` of scripted_models; pictures and notes lie in `folder`."""

    def __init__(
        self, folder: Path, factory: str = "obedient", clock: Callable[[], float] = time.monotonic, **models
    ) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.cache.mkdir(parents=True, exist_ok=True)
        settings = Models(**{"decode_threads": 2} | models)
        self.spec = WorkerSpec(settings, Reading(), self.cache, f"tests.support.scripted_models:{factory}")
        self.woken = threading.Event()
        self.client = WorkerClient(self.spec, self.woken.set, clock)

    def job(self, name: str, content: bytes | None = None, *, red: int = 128) -> Job:
        data = png(red) if content is None else content
        path = self.folder / f"{name}.png"
        path.write_bytes(data)
        status = path.stat()
        arrival = Arrival(path, status.st_size, status.st_mtime_ns, status.st_dev, status.st_ino)
        return Job(path, hashlib.sha256(data).hexdigest(), arrival, self.folder / "thumbnails" / f"{name}.jpg")

    def bad(self, how: Misbehaviour, name: str = "") -> Job:
        # Of different sizes, so that two of them are two pictures.
        return self.job(name or how.name.lower(), misbehaving(how) + name.encode())

    def judge(self, *batches: Job | tuple[Job, ...]) -> list[Reply]:
        """Submit, and wait for all replies; each batch is a job or several."""
        count = 0
        for batch in batches:
            jobs = batch if isinstance(batch, tuple) else (batch,)
            self.client.submit(jobs)
            count += len(jobs)
        return self.replies(count)

    def replies(self, count: int) -> list[Reply]:
        got: list[Reply] = []

        def all_there() -> bool:
            got.extend(self.client.replies())
            self.client.tick()
            return len(got) >= count

        wait_until(all_there, f"{count} replies", 90)
        return got

    def notes(self, name: str) -> list[str]:
        path = self.cache / name
        return path.read_text(encoding="ascii").splitlines() if path.exists() else []
