"""A small library with pictures, companions and files of others in the way, and what must hold of it after a fault."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curated.config import Config, from_dict
from curated.domain import Photo
from curated.files import Disk, RealDisk
from curated.filing import recover
from curated.filing.recovery import RecoveryReport
from curated.review import Carrier
from tests.support.filing_world import World, sha256

ASSETS: tuple[tuple[str, ...], ...] = (
    ("IMG_0.HEIC", "IMG_0.MOV", "IMG_0.HEIC.xmp"),
    ("IMG_1.jpg",),
    ("IMG_2.jpg", "IMG_2.xmp"),
    ("IMG_3.png",),
    ("IMG_4.jpg", "IMG_4.jpg.json"),
)
# They stand where pictures want to go, so that numbers are given all the time.
IN_THE_WAY = ("Library/Photos/cat.jpg", "Library/Pets/cat.jpg", "Library/Photos/cat 2.MOV", "Unsorted/notes.txt")


@dataclass
class Figures:
    """What one part of the fault tests did and found; `covered` counts by name what was hit.

    `zeros` are counts that are promised to be none; `measured` are (value, the most it may be) by name.
    """

    part: str
    tried: int = 0
    violations: list[str] = field(default_factory=list)
    covered: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    zeros: Counter[str] = field(default_factory=Counter)
    measured: dict[str, tuple[float, float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """What JSON can hold of it."""
        return {
            "part": self.part,
            "tried": self.tried,
            "violations": self.violations,
            "covered": dict(self.covered),
            "seconds": round(self.seconds, 1),
            "zeros": dict(self.zeros),
            "measured": self.measured,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Figures:
        """The same again."""
        figures = cls(found["part"], found["tried"], list(found["violations"]), Counter(found["covered"]))
        figures.seconds = found["seconds"]
        figures.zeros = Counter(found["zeros"])
        figures.measured = {name: (value, most) for name, (value, most) in found["measured"].items()}
        return figures

    def too_much(self) -> list[str]:
        """What was measured and is more than it may be."""
        over = [(name, value, most) for name, (value, most) in self.measured.items() if value > most]
        return [f"{name}: {value:g}, and {most:g} at most" for name, value, most in over]

    def add(self, other: Figures) -> None:
        """Count the other's in."""
        self.tried += other.tried
        self.violations += other.violations
        self.covered += other.covered
        self.zeros.update(other.zeros)  # not `+`, which forgets what is 0
        for name, (value, most) in other.measured.items():
            self.measured[name] = (max(value, self.measured.get(name, (value, most))[0]), most)


class Ground:
    """Pictures with their companions in the unsorted folder, and files that nothing may ever touch."""

    def __init__(self, world: World, assets: tuple[tuple[str, ...], ...] = ASSETS, *, large: bool = False) -> None:
        self.world = world
        self.assets = assets
        self.inputs: dict[str, str] = {}
        for number, asset in enumerate(assets):
            for name in asset:
                # More than one chunk of a copy, where that is asked for.
                size = 1_200_000 if large and number == 1 else 3000 + 37 * len(self.inputs)
                content = (name.encode() * size)[:size]
                world.put(name, content)
                self.inputs[hashlib.sha256(content).hexdigest()] = name
        self.bystanders: dict[Path, tuple[int, int, str]] = {}
        for name in IN_THE_WAY:
            folder, _, rest = name.partition("/")
            path = world.put(rest, f"of someone else: {name}", below=getattr(world, folder.lower()))
            self.bystanders[path] = _state(path)

    @property
    def config(self) -> Config:
        """The configuration of these folders."""
        folders = self.world.folders
        places = {"unsorted": folders.unsorted, "library": folders.library, "state": folders.state}
        return from_dict({"folders": places}, "test")

    def digest_of(self, asset: tuple[str, ...]) -> str:
        """The sha256 of the asset's picture."""
        return next(digest for digest, name in self.inputs.items() if name == asset[0])

    def photo(self, asset: tuple[str, ...]) -> Photo | None:
        """The row of the asset's picture, if it has one."""
        row = self.world.database.execute(
            "SELECT id FROM photo WHERE sha256 = ? AND status <> 'missing'", (self.digest_of(asset),)
        ).fetchone()
        return self.world.store.get(row["id"]) if row else None

    def recover(self, disk: Disk) -> RecoveryReport:
        """What the daemon does at its start: recovery, and what was decided carried out."""
        report = recover(self.world.database, disk)
        self.world.store.forget_arriving()
        for _ in Carrier(self.config, self.world.filer(disk)).carry():
            pass
        return report

    def recover_and_judge(self, disk: Disk | None = None, *, extra: frozenset[str] = frozenset()) -> list[str]:
        """Recover, and say what is wrong after it: nothing, if the promise is kept."""
        disk = disk or RealDisk()
        report = self.recover(disk)
        found = [f"recovery left {len(report.stuck)} stuck: {report.stuck}"] if report.stuck else []
        found += [f"recovery left {len(report.waiting)} waiting"] if report.waiting else []
        found += self.judge(disk, extra=extra)
        again = recover(self.world.database, disk)
        if again.finished or again.aborted or again.stuck:
            found.append("a second recovery found something to do")
        return found

    def judge(self, disk: Disk | None = None, *, extra: frozenset[str] = frozenset()) -> list[str]:
        """Every input once, others' files untouched, rows true, nothing open or left over, no asset torn apart.

        `extra` are the sha256 of files that somebody else has added since.
        """
        disk = disk or RealDisk()
        found = self.world.problems(disk)
        present = dict(self._present())
        where: dict[str, list[Path]] = {}
        for path, digest in present.items():
            where.setdefault(digest, []).append(path)
        for digest, name in self.inputs.items():
            places = where.get(digest, [])
            if len(places) != 1:
                found.append(f"{name} exists {len(places)} times: {[str(path) for path in places]}")
        known = {*self.inputs, *extra, *(state[2] for state in self.bystanders.values())}
        found += [f"{path} holds what was never put there" for path, digest in present.items() if digest not in known]
        for path, state in self.bystanders.items():
            if path not in present or _state(path) != state:
                found.append(f"{path} of someone else was touched")
        for asset in self.assets:
            digests = [digest for digest, name in self.inputs.items() if name in asset]
            homes = {path.parent for digest in digests for path in where.get(digest, [])}
            stems = {path.name.partition(".")[0] for digest in digests for path in where.get(digest, [])}
            main = where.get(self.digest_of(asset), [])
            if any(path.is_relative_to(self.world.library) for path in main) and self.photo(asset) is None:
                found.append(f"{asset[0]} is in the library, and in no row")
            if len(homes) > 1 or len(stems) > 1:
                found.append(f"{asset[0]} was torn apart: {sorted(map(str, homes))} {sorted(stems)}")
        return found + self._journal_problems()

    def _journal_problems(self) -> list[str]:
        """Whether the newest done move of each picture says where its files are."""
        found = []
        journal = self.world.journal
        for row in self.world.database.execute("SELECT id FROM photo WHERE status <> 'missing'").fetchall():
            photo = self.world.store.get(row["id"])
            newest = journal.last(photo.id)
            if newest is None or newest.after.get("path") != os.fsdecode(photo.path):
                continue  # put elsewhere by a move that was taken back, which its row says
            for file in newest.files:
                if not file.target.exists():
                    found.append(f"done, but not there: {file.target}")
                elif sha256(file.target) != file.sha256:
                    found.append(f"done, but with other content: {file.target}")
        return found

    def _present(self) -> Iterator[tuple[Path, str]]:
        for root in (self.world.unsorted, self.world.library):
            for path in root.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    yield path, sha256(path)


def _state(path: Path) -> tuple[int, int, str]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, sha256(path)
