"""A small Unsorted, Library and database, and what must always be true of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from curated.config import Folders
from curated.domain import Arrival, Move, Photo, Purpose, Status
from curated.files import Disk, RealDisk, is_temporary
from curated.filing import Filer, PlannedFile
from curated.state.database import Database
from curated.state.journal import Journal
from curated.state.rows import photo_from_arrival
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.trees import contents, tree

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class World:
    """Folders and a database below `base`; the library may be elsewhere, on another file system."""

    def __init__(self, base: Path, library: Path | None = None, template: Path | None = None) -> None:
        self.base = base
        self.unsorted = base / "Unsorted"
        self.library = library or base / "Library"
        for folder in (self.unsorted, self.library):
            folder.mkdir(parents=True, exist_ok=True)
        self.database_path = base / "state" / "curated.db"
        if template is not None and not self.database_path.exists():
            self.database_path.parent.mkdir(parents=True)
            shutil.copy(template, self.database_path)
        self._database: Database | None = None

    @property
    def folders(self) -> Folders:
        return Folders(unsorted=str(self.unsorted), library=str(self.library), state=str(self.database_path.parent))

    @property
    def database(self) -> Database:
        if self._database is None:
            self._database = open_database(self.database_path)
        return self._database

    @property
    def store(self) -> Store:
        return Store(self.database)

    @property
    def journal(self) -> Journal:
        return Journal(self.database)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def filer(self, disk: Disk | None = None, **options) -> Filer:
        return Filer(self.database, disk or RealDisk(), **options)

    def put(self, name: str, content: bytes | str, *, below: Path | None = None) -> Path:
        path = (below or self.unsorted) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def arrival(self, path: Path, disk: Disk | None = None) -> Arrival:
        entry = (disk or RealDisk()).look(path)
        assert entry is not None
        at = entry.identity
        return Arrival(path, at.size, at.mtime_ns, at.device, at.inode)

    def photo(self, *paths: Path, disk: Disk | None = None) -> Photo:
        """A row for the file, as intake makes it before the first move."""
        arrival = self.arrival(paths[0], disk)
        return self.store.get(self.store.add(photo_from_arrival(arrival, sha256(paths[0]), NOON)))

    def plan(self, sources: Sequence[Path], targets: Sequence[Path], disk: Disk | None = None) -> list[PlannedFile]:
        return [
            PlannedFile.of(self.arrival(source, disk), target, sha256(source), "companion" if index else "primary")
            for index, (source, target) in enumerate(zip(sources, targets, strict=True))
        ]

    def file(
        self,
        sources: Sequence[Path],
        targets: Sequence[Path],
        *,
        disk: Disk | None = None,
        filer: Filer | None = None,
        category: str = "Photos",
    ) -> tuple[Photo, Move]:
        """Make a row and file the asset; the row afterwards, and the move."""
        photo = self.photo(*sources, disk=disk)
        move = (filer or self.filer(disk)).move(
            self.plan(sources, targets, disk),
            purpose=Purpose.FILE,
            photo_id=photo.id,
            after={"status": "filed", "category": category, "reason": "a photo", "filed_at": NOON.isoformat()},
            reason="a photo",
        )
        return self.store.get(photo.id), move

    def contents(self) -> list[str]:
        return contents(self.unsorted, self.library)

    def files(self) -> dict[str, str]:
        return {
            **{f"Unsorted/{name}": digest for name, digest in tree(self.unsorted).items()},
            **{f"Library/{name}": digest for name, digest in tree(self.library).items()},
        }

    def problems(self, disk: Disk | None = None) -> list[str]:
        """What is wrong between database and disk: nothing, if filing keeps its promise."""
        disk = disk or RealDisk()
        found = [f"{move.id} is open" for move in self.journal.open_moves()]
        found += [
            f"{path} is left over"
            for folder in (self.unsorted, self.library)
            for path in folder.rglob("*")
            if is_temporary(path.name)
        ]
        for row in self.database.execute("SELECT id FROM photo WHERE status <> 'missing'").fetchall():
            found += self._photo_problems(self.store.get(row["id"]), disk)
        return found

    def _photo_problems(self, photo: Photo, disk: Disk) -> list[str]:
        entry = disk.look(photo.path)
        if entry is None:
            return [f"{photo.path} of row {photo.id} is not there"]
        at = entry.identity
        found = []
        if (photo.device, photo.inode, photo.size, photo.mtime_ns) != (at.device, at.inode, at.size, at.mtime_ns):
            found.append(f"row {photo.id} has another identity than {photo.path}")
        if sha256(photo.path) != photo.sha256:
            found.append(f"{photo.path} has other content than row {photo.id}")
        if (photo.status not in (Status.ARRIVING, Status.UNDONE)) != photo.path.is_relative_to(self.library):
            found.append(f"row {photo.id} is {photo.status} at {photo.path}")
        for path in photo.companions:
            if not path.exists():
                found.append(f"companion {path} is not there")
            elif path.parent != photo.path.parent or not path.name.startswith(photo.path.stem):
                found.append(f"companion {path} is not beside {photo.path}")
        return found
