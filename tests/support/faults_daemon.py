"""The whole daemon, killed at any moment while files arrive: its own process, its worker, its folders.

Run as a program (`python -m tests.support.faults_daemon FOLDER [--once]`) it is `curated run` with plain models.
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from curated.config import Config, from_dict
from curated.daemon import build_daemon
from curated.errors import StateError
from curated.files import is_temporary
from curated.state.schema import open_database
from tests.support.clock import wait_until
from tests.support.faults_ground import Figures
from tests.support.filing_world import World
from tests.support.plain_models import FACTORY

_ROOT = Path(__file__).parents[2]
_COLOURS = ((200, 20, 20), (20, 200, 20), (20, 20, 200))


def config_for(base: Path) -> Config:
    """What the daemon over this folder is run with."""
    places = {name: str(base / name) for name in ("state", "cache")}
    places |= {"unsorted": str(base / "Unsorted"), "library": str(base / "Library")}
    watch = {"settle_seconds": 0.1, "retry_seconds": 0.1, "rescan_seconds": 60.0}
    return from_dict({"folders": places, "watch": watch, "models": {"profile": "lite", "batch_size": 4}}, "test")


def killed_daemons(folder: Path, count: int, seed: int) -> Figures:
    """So many lives of the daemon over one pair of folders, each with new files and a sudden end."""
    figures = Figures("kills of the whole daemon")
    rng = Random(seed)
    base = folder / "daemon"
    shutil.rmtree(base, ignore_errors=True)
    unsorted = base / "Unsorted"
    unsorted.mkdir(parents=True)
    inputs: dict[str, str] = {}
    mine = base / "Library" / "Photos" / "Red things.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_text("of someone else")
    for life in range(count):
        for number in range(rng.randint(4, 10)):
            _arrives(unsorted, f"IMG_{life}_{number}", rng, inputs)
        moves = _moves(base)
        process = _start(base)
        # Some die while they start or before the first picture is judged, most while they file.
        longest = 1.0
        if rng.random() > 0.25:
            wait_until(lambda before=moves: _moves(base) > before, "the daemon to begin to file", seconds=60)
            longest = 0.25
        until = time.monotonic() + longest * rng.random()
        while time.monotonic() < until:
            if rng.random() < 0.2:
                _arrives(unsorted, f"IMG_{life}_late_{rng.getrandbits(32)}", rng, inputs)
            time.sleep(min(0.02, max(0.0, until - time.monotonic())))
        process.send_signal(signal.SIGKILL)
        process.wait()
        figures.tried += 1
        figures.covered[_open_moves(base)] += 1
    last = subprocess.run(
        [sys.executable, "-m", __name__, str(base), "--once"], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    figures.violations += [] if last.returncode == 0 else [f"the last run failed: {last.stdout} {last.stderr}"]
    figures.violations += _problems(base, inputs, mine)
    return figures


def _problems(base: Path, inputs: dict[str, str], mine: Path) -> list[str]:
    where: dict[str, list[Path]] = {}
    roots = [base / "Unsorted", base / "Library"]
    for path in (path for root in roots for path in root.rglob("*") if path.is_file()):
        where.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(path)
    found = [
        f"{name} exists {len(where.get(digest, []))} times"
        for digest, name in inputs.items()
        if len(where.get(digest, [])) != 1
    ]
    found += [f"{path} is left over" for paths in where.values() for path in paths if is_temporary(path.name)]
    if mine.read_text() != "of someone else":
        found.append("a file of someone else was touched")
    for digest, name in inputs.items():
        path = where.get(digest, [base])[0]
        if name.endswith(".jpg") and not path.is_relative_to(base / "Library"):
            found.append(f"{name} was not filed")
        if name.endswith(".xmp"):
            picture = where.get(next(d for d, n in inputs.items() if n == f"{name[:-4]}.jpg"), [base])[0]
            if picture.parent != path.parent or picture.stem != path.stem:
                found.append(f"{name} is at {path}, its picture at {picture}")
    world = World(base)
    found += world.problems()
    world.close()
    return found


def _open_moves(base: Path) -> str:
    if not (base / "state" / "curated.db").exists():
        return "died before there was a database"
    with open_database(base / "state" / "curated.db", read_only=True) as database:
        return (
            "died in a move" if database.execute("SELECT 1 FROM move WHERE open").fetchone() else "died between moves"
        )


def _moves(base: Path) -> int:
    """How many moves there have been."""
    if not (base / "state" / "curated.db").exists():
        return 0
    try:
        with open_database(base / "state" / "curated.db", read_only=True) as database:
            return int(database.execute("SELECT coalesce(max(id), 0) FROM move").fetchone()[0])
    except StateError:  # it is being made
        return 0


def _arrives(unsorted: Path, stem: str, rng: Random, inputs: dict[str, str]) -> None:
    """A picture, or a picture with its sidecar, the sidecar first."""
    pixels = np.full((96, 128, 3), rng.choice(_COLOURS), np.uint8).astype(int)
    pixels += np.random.default_rng(rng.getrandbits(32)).integers(-20, 56, (6, 8, 1)).repeat(16, 0).repeat(16, 1)
    temporary = unsorted / f".{stem}"
    if rng.random() < 0.4:
        (unsorted / f"{stem}.xmp").write_text(f"sidecar of {stem}")
        inputs[hashlib.sha256(f"sidecar of {stem}".encode()).hexdigest()] = f"{stem}.xmp"
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(temporary, "JPEG")
    inputs[hashlib.sha256(temporary.read_bytes()).hexdigest()] = f"{stem}.jpg"
    temporary.rename(unsorted / f"{stem}.jpg")


def _start(base: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", __name__, str(base)], cwd=_ROOT)


def main() -> None:
    base, *options = sys.argv[1:]
    with build_daemon(config_for(Path(base)), lambda event: None, once="--once" in options, factory=FACTORY) as daemon:
        sys.exit(0 if daemon.run() else 1)


if __name__ == "__main__":
    main()
