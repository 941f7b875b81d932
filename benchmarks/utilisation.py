"""`curated run --once` over many pictures: rate, use of the cores, and the daemon's memory while it goes on."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageEnhance

from curated.cli.samples import samples

COUNT = int(os.environ.get("CURATED_BENCH_PICTURES", "1000"))
_TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        folder = Path(name)
        make_pictures(folder / "Unsorted", COUNT)
        config = folder / "config.toml"
        config.write_text('[folders]\nunsorted = "Unsorted"\nlibrary = "Library"\nstate = "state"\n')
        environment = {**os.environ, "CURATED_CONFIG": str(config), "CURATED_WATCH__SETTLE_SECONDS": "0.5"}
        started = time.monotonic()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "curated", "run", "--once"], env=environment, stdout=subprocess.DEVNULL
        )
        samples_ = list(_watch(daemon))
        wall = time.monotonic() - started
        status = json.loads(
            subprocess.run(
                [sys.executable, "-m", "curated", "status", "--json"], env=environment, check=True, capture_output=True
            ).stdout
        )
    done = status["total"]
    cpu = sum(max(times) for times in _by_process(samples_).values())
    cores = len(os.sched_getaffinity(0))
    memory = [kib / 1024 for _, _, _, kib, is_daemon in samples_ if is_daemon]
    quarter = max(1, len(memory) // 4)
    print(f"{done} pictures in {wall:.1f} s: {done * 60 / wall:.0f} a minute, exit {daemon.returncode}")
    print(f"cores busy: {100 * cpu / wall / cores:.0f} % of {cores}")
    early, late = max(memory[:quarter]), max(memory[-quarter:])
    print(f"daemon's memory: {early:.0f} MiB in the first quarter, {late:.0f} MiB in the last (resident, peak)")
    print(f"outcomes: {status['counts']}")


def make_pictures(folder: Path, count: int) -> None:
    """Pictures that look different from one another, cut and tinted from the demo's."""
    chance = random.Random(0)
    sources = [
        Image.open(io.BytesIO(each.data)).convert("RGB")
        for each in samples()
        if each.purpose.count("/") and not each.purpose.startswith("made")
    ]
    folder.mkdir(parents=True)
    for number in range(count):
        source = sources[number % len(sources)]
        width, height = (round(side * chance.uniform(0.35, 0.8)) for side in source.size)
        left, top = chance.randint(0, source.width - width), chance.randint(0, source.height - height)
        part = source.crop((left, top, left + width, top + height)).resize((1600, round(1600 * height / width)))
        part = ImageEnhance.Color(part).enhance(chance.uniform(0.3, 1.8))
        part.save(folder / f"IMG_{number:05}.jpg", quality=88)


def _watch(daemon: subprocess.Popen[bytes]):
    """(moment, process, CPU seconds, resident KiB, whether it is the daemon) twice a second until it ends."""
    while daemon.poll() is None:
        for process in (daemon.pid, *_children(daemon.pid)):
            try:
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            seconds = (int(fields[11]) + int(fields[12])) / _TICK
            resident = int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
            yield time.monotonic(), process, seconds, resident, process == daemon.pid
        time.sleep(0.5)


def _children(process: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _by_process(samples_) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for _, process, seconds, _, _ in samples_:
        found.setdefault(process, []).append(seconds)
    return found
