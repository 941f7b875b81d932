"""The whole daemon, killed at any moment while files arrive and a person decides: its process, worker and folders.

Run as a program (`python -m tests.support.faults_daemon FOLDER LIBRARY`) it is `curated run` with plain models.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import cast

import numpy as np
from PIL import Image

from curated.config import Config, from_dict
from curated.daemon import build_daemon
from curated.domain import Status
from curated.errors import StateError
from curated.files import Disk, RealDisk, is_temporary
from curated.review import Desk
from curated.state.database import Database
from curated.state.decisions import Action, Decisions
from curated.state.schema import open_database
from tests.support.clock import wait_until
from tests.support.faults_ground import Figures
from tests.support.filing_disks import DyingDisk
from tests.support.filing_world import World
from tests.support.plain_models import FACTORY

_ROOT = Path(__file__).parents[2]
_COLOURS = ((200, 20, 20), (20, 200, 20), (20, 20, 200))


def config_for(base: Path, library: Path) -> Config:
    """What the daemon over these folders is run with."""
    places = {name: str(base / name) for name in ("state", "cache")}
    places |= {"unsorted": str(base / "Unsorted"), "library": str(library)}
    watch = {"settle_seconds": 0.1, "retry_seconds": 0.1, "rescan_seconds": 60.0}
    return from_dict({"folders": places, "watch": watch, "models": {"profile": "lite", "batch_size": 4}}, "test")


def killed_daemons(
    folder: Path, count: int, seed: int, *, decide: bool = False, library: Path | None = None
) -> Figures:
    """So many lives of the daemon over one pair of folders, each with new files and a sudden end.

    With `decide` a person decides all the time, too, and every other life ends at one of its first steps, which are
    those of the recovery where the life before it ended amid a move.
    """
    home = _Home(folder / "daemon", library or folder / "daemon" / "Library", Random(seed))
    while home.figures.tried < count:
        home.life(decide=decide)
        if decide and home.figures.tried < count:
            home.recovery()
    home.last_life()
    if decide:
        home.take_all_back()
    return home.figures


class _Home:
    """The daemon's folders, all that ever arrived in them, and the person who decides."""

    def __init__(self, base: Path, library: Path, rng: Random) -> None:
        self.figures = Figures("kills of the whole daemon")
        self._base = base
        self._library = library
        self._rng = rng
        self._inputs: dict[str, str] = {}
        self._pictures: list[Image.Image] = []
        shutil.rmtree(base, ignore_errors=True)
        (base / "Unsorted").mkdir(parents=True)
        self._mine = library / "Photos" / "Red things.jpg"
        self._mine.parent.mkdir(parents=True)
        self._mine.write_text("of someone else")

    def life(self, *, decide: bool) -> None:
        """One, killed at a random moment."""
        rng = self._rng
        for number in range(rng.randint(4, 10)):
            self._arrives(f"IMG_{self.figures.tried}_{number}")
        moves = self._moves()
        # Most that a person decides for die amid a move, all others whenever it is.
        at_a_step = decide and rng.random() < 0.6
        process = self._start(*(("--die-at", str(rng.randint(20, 200)), "after") if at_a_step else ()))
        # Some die while they start or before the first picture is judged, most while they file.
        longest = 1.0
        if rng.random() > 0.25:
            begun = lambda: self._moves() > moves or process.poll() is not None  # noqa: E731
            wait_until(begun, "the daemon to begin to file", seconds=60)
            longest = 0.5 if decide else 0.25
        until = time.monotonic() + longest * rng.random()
        while time.monotonic() < until:
            if rng.random() < 0.2:
                self._arrives(f"IMG_{self.figures.tried}_late_{rng.getrandbits(32)}")
            if decide and rng.random() < 0.7:
                self._decide()
            time.sleep(min(0.02, max(0.0, until - time.monotonic())))
        self._end(process, 3.0 if at_a_step else 0.0)
        self.figures.covered[self._died()] += 1

    def recovery(self) -> None:
        """One that dies of itself at one of its first steps, or is killed soon after them."""
        before = self._open_moves()
        for _ in range(self._rng.randint(0, 3)):
            self._decide()
        process = self._start("--die-at", str(self._rng.randint(0, 24)), self._rng.choice(("before", "after")))
        self._end(process, 3.0)
        self.figures.covered["died while it recovered" if before & self._open_moves() else self._died()] += 1

    def _end(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """Kill it, unless it does so itself within that time."""
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if process.returncode != -signal.SIGKILL:
            self.figures.violations.append(f"the daemon ended with {process.returncode} instead of dying")
        self.figures.tried += 1

    def last_life(self) -> None:
        """Left in peace, it files everything and carries out all that was decided."""
        for _ in range(4):
            last = subprocess.run(self._command("--once"), cwd=_ROOT, capture_output=True, text=True, check=False)
            if last.returncode or not self._owed():
                break
        self.figures.violations += [] if last.returncode == 0 else [f"the last run failed: {last.stdout} {last.stderr}"]
        self.figures.violations += self._problems()

    def take_all_back(self) -> None:
        """With every decision undone, nothing is left in the trash."""
        with self._database() as database:
            desk = Desk(config_for(self._base, self._library), database)
            undone = 0
            while desk.undo():
                undone += 1
        self.figures.covered["decisions undone at the end"] += undone
        self.last_life()
        if left := [path for path in (self._library / "Trash").rglob("*") if path.is_file()]:
            self.figures.violations.append(f"all taken back, and still in the trash: {left}")

    def _decide(self) -> None:
        if not (self._base / "state" / "curated.db").exists():
            return
        with self._database() as database:
            desk = Desk(config_for(self._base, self._library), database)
            ids = [row["id"] for row in database.execute("SELECT id FROM photo WHERE status <> 'missing'").fetchall()]
            twins = [row["id"] for row in database.execute("SELECT id FROM photo WHERE twin_of IS NOT NULL").fetchall()]
            if not ids:
                return
            what = self._rng.choice(("trash", "trash", "keep", "file", "rename", "keeper", "distinct", "undo", "redo"))
            if what in ("undo", "redo"):
                step = desk.undo() if what == "undo" else desk.redo()
            else:
                chosen = [self._rng.choice(twins if what in ("keeper", "distinct") and twins else ids)]
                argument = {"file": "Pets", "rename": f"name {self._rng.randint(0, 5)}"}.get(what)
                step = desk.decide(chosen, cast(Action, what), argument).step
            self.figures.covered[f"decided: {what}"] += step is not None

    # -- what is wrong -------------------------------------------------------------------------------------

    def _problems(self) -> list[str]:
        where: dict[str, list[Path]] = {}
        for path in (path for root in (self._unsorted, self._library) for path in root.rglob("*") if path.is_file()):
            where.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(path)
        found = [
            f"{name} exists {len(where.get(digest, []))} times"
            for digest, name in self._inputs.items()
            if len(where.get(digest, [])) != 1
        ]
        found += [f"{path} is left over" for paths in where.values() for path in paths if is_temporary(path.name)]
        if self._mine.read_text() != "of someone else":
            found.append("a file of someone else was touched")
        for digest, name in self._inputs.items():
            path = where.get(digest, [self._base])[0]
            if name.endswith(".jpg") and not path.is_relative_to(self._library):
                found.append(f"{name} was not filed")
            if name.endswith(".xmp"):
                own = next(d for d, n in self._inputs.items() if n == f"{name[:-4]}.jpg")
                picture = where.get(own, [self._base])[0]
                if picture.parent != path.parent or picture.stem != path.stem:
                    found.append(f"{name} is at {path}, its picture at {picture}")
        world = World(self._base, self._library)
        found += world.problems()
        decisions = Decisions(world.database)
        # Who chooses a keeper that is to be trashed by an earlier decision is told that it has been.
        given_up = [made for made in decisions.problems(99) if " since" not in (made.problem or "")]
        found += [f"decision {made.action} was given up: {made.problem}" for made in given_up]
        found += ["a decision is still owed"] if decisions.owed_count() else []
        found += [
            f"{photo.path} is {photo.status} and marked {photo.verdict}"
            for photo in world.store.photos()
            if (photo.verdict == "trash") != (photo.status is Status.TRASHED)
        ]
        world.close()
        return found

    def _died(self) -> str:
        if not (self._base / "state" / "curated.db").exists():
            return "died before there was a database"
        with self._database() as database:
            row = database.execute("SELECT purpose FROM move WHERE open").fetchone()
            if row is None:
                return "died between moves"
            decided = row["purpose"] in ("trash", "restore", "correct", "undo")
            return "died in a move that was decided" if decided else "died in a move"

    def _open_moves(self) -> set[int]:
        if not (self._base / "state" / "curated.db").exists():
            return set()
        with self._database() as database:
            return {row["id"] for row in database.execute("SELECT id FROM move WHERE open").fetchall()}

    def _moves(self) -> int:
        """How many moves there have been."""
        if not (self._base / "state" / "curated.db").exists():
            return 0
        try:
            with open_database(self._base / "state" / "curated.db", read_only=True) as database:
                return int(database.execute("SELECT coalesce(max(id), 0) FROM move").fetchone()[0])
        except StateError:  # it is being made
            return 0

    def _owed(self) -> int:
        with self._database() as database:
            return Decisions(database).owed_count()

    def _database(self) -> Database:
        return open_database(self._base / "state" / "curated.db")

    # -- what comes ----------------------------------------------------------------------------------------

    @property
    def _unsorted(self) -> Path:
        return self._base / "Unsorted"

    def _arrives(self, stem: str) -> None:
        """A picture, or a picture with its sidecar, the sidecar first; some are like one that came before."""
        rng = self._rng
        if self._pictures and rng.random() < 0.25:
            image, quality = rng.choice(self._pictures), rng.randint(40, 90)
        else:
            pixels = np.full((96, 128, 3), rng.choice(_COLOURS), np.uint8).astype(int)
            pixels += (
                np.random.default_rng(rng.getrandbits(32)).integers(-20, 56, (6, 8, 1)).repeat(16, 0).repeat(16, 1)
            )
            image, quality = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), 75
            self._pictures.append(image)
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        data = stream.getvalue() + stem.encode()  # no two have the same bytes
        if rng.random() < 0.4:
            (self._unsorted / f"{stem}.xmp").write_text(f"sidecar of {stem}")
            self._inputs[hashlib.sha256(f"sidecar of {stem}".encode()).hexdigest()] = f"{stem}.xmp"
        self._inputs[hashlib.sha256(data).hexdigest()] = f"{stem}.jpg"
        temporary = self._unsorted / f".{stem}"
        temporary.write_bytes(data)
        temporary.rename(self._unsorted / f"{stem}.jpg")

    def _command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "tests.support.faults_daemon", str(self._base), str(self._library), *options]

    def _start(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command(*options), cwd=_ROOT)


def main() -> None:
    base, library, *options = sys.argv[1:]
    config = config_for(Path(base), Path(library))
    disk: Disk | None = None
    if "--die-at" in options:
        number, moment = options[options.index("--die-at") + 1 :][:2]
        disk = DyingDisk(int(number), moment, RealDisk())
    with build_daemon(config, lambda event: None, once="--once" in options, disk=disk, factory=FACTORY) as daemon:
        sys.exit(0 if daemon.run() else 1)


if __name__ == "__main__":
    main()
