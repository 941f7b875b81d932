"""The database against the disk, both ways, by content. Repair changes rows; it never touches a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curated.config import Folders
from curated.domain import Photo, Status
from curated.errors import NotFound
from curated.files import Disk, Identity, is_temporary
from curated.filing.names import renamed
from curated.filing.recovery import filing_lock, recover
from curated.filing.whereabouts import files_below
from curated.state.database import Database
from curated.state.journal import Columns, Journal, Placed
from curated.state.rows import companions_to_text
from curated.state.store import Store

Trouble = Literal["missing", "changed", "moved", "unknown", "stray", "open", "paused", "unreadable"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing on which database and disk do not agree.

    `missing`: a row's file, or one that goes with it, is nowhere. `changed`: it has other content. `moved`: it was
    found at `path`, moved by hand. `unknown`: a library file no row names. `stray`: an unfinished copy of ours that no
    open move names. `open`: a move left half done. `paused`: a folder is not there, so nothing below it was judged.
    `unreadable`: the disk would not read it.
    """

    trouble: Trouble
    path: Path
    photo_id: int | None
    detail: str
    repaired: bool = False


def check(
    database: Database, disk: Disk, folders: Folders, *, repair: bool = False, progress: Progress | None = None
) -> list[Problem]:
    """Every disagreement between the database and the disk.

    Reads every file that is known. `repair` closes open moves, relinks files moved by hand, and marks rows missing
    whose file is nowhere; `progress(done, all)` is called after each picture. Safe beside a daemon at work: what that
    changes meanwhile is neither reported nor repaired.
    """
    return _Check(database, disk, folders, repair).run(progress)


class _Check:
    def __init__(self, database: Database, disk: Disk, folders: Folders, repair: bool) -> None:
        self.database = database
        self.disk = disk
        self.folders = folders
        self.repair = repair
        self.journal = Journal(database)
        self.store = Store(database)
        self.lock = filing_lock(database)
        self.roots = (folders.library_path, folders.unsorted_path)

    def run(self, progress: Progress | None) -> list[Problem]:
        """Every problem found."""
        problems = list(self._open_moves())
        photos = list(self.store.with_status(*(status for status in Status if status is not Status.ARRIVING)))
        present = [photo for photo in photos if photo.status is not Status.MISSING]
        lost = [photo for photo in photos if photo.status is Status.MISSING]
        paused = [root for root in self.roots if self._is_paused(root, present)]
        problems += [Problem("paused", root, None, "is not there; is its disk mounted?") for root in paused]
        orphaned: list[Photo] = []
        for done, photo in enumerate(present, 1):
            if not any(photo.path.is_relative_to(root) for root in paused):
                found = _check_photo(self.disk, photo)
                if isinstance(found, Problem):
                    problems.append(found)
                elif not found:
                    lost.append(photo)
                elif any(self.disk.look(path) is None for path in photo.companions):
                    orphaned.append(photo)
            if progress:
                progress(done, len(present))
        known = {path for photo in present for path in (photo.path, *photo.companions)}
        below = (path for root in self.roots if root not in paused for path in files_below(root))
        strangers = [path for path in below if path not in known]
        problems += self._match(lost, [path for path in strangers if not is_temporary(path.name)])
        problems += self._strays([path for path in strangers if is_temporary(path.name)])
        problems += [problem for photo in orphaned for problem in self._companions(photo)]
        return problems

    def _open_moves(self) -> Iterator[Problem]:
        with self.lock.held():  # a move that is open while this is held was left over
            before = self.journal.open_moves()
        if self.repair and before:
            recover(self.database, self.disk, roots=self.roots)
        still = {move.id for move in self.journal.open_moves()}
        for move in before:
            path = move.files[0].source
            yield Problem("open", path, move.photo_id, f"move {move.id} was not finished", move.id not in still)

    def _is_paused(self, root: Path, photos: Sequence[Photo]) -> bool:
        """Whether the folder is away; with nothing left below it, it is the place where its disk should be mounted."""
        if self.disk.folder(root) is None:
            return True
        return any(photo.path.is_relative_to(root) for photo in photos) and next(files_below(root), None) is None

    def _match(self, lost: Sequence[Photo], strangers: Sequence[Path]) -> Iterator[Problem]:
        """Bring together rows without a file and files without a row, by content."""
        waiting: dict[str, list[Photo]] = defaultdict(list)
        for photo in sorted(lost, key=lambda photo: photo.status is Status.MISSING, reverse=True):
            waiting[photo.sha256].append(photo)
        sizes = {photo.size for photo in lost}
        unknown: list[Path] = []
        for path in strangers:
            entry = self.disk.look(path)
            if entry is None:
                continue
            digest = None
            if entry.identity.size in sizes:
                try:
                    digest = self.disk.digest(path)
                except OSError as error:
                    yield Problem("unreadable", path, None, error.strerror or str(error))
                    continue
            rows = waiting.get(digest.sha256, []) if digest else []
            in_library = path.is_relative_to(self.folders.library_path)
            # In Unsorted it is a new arrival, unless it has just been moved out of the library.
            if digest and rows and (in_library or rows[-1].status is not Status.MISSING):
                photo = rows.pop()
                if not self._is_as_it_was(photo):
                    continue
                placed = self._placed(photo, path, digest.identity)
                columns = {**placed.columns(), "status": status_at(path, self.folders).value}
                yield Problem("moved", path, photo.id, f"was at {photo.path}", self._repaired(photo, columns))
            elif in_library:
                unknown.append(path)
        for photo in (photo for photos in waiting.values() for photo in photos):
            if photo.status is not Status.MISSING and self._is_nowhere(photo):
                columns = {"status": Status.MISSING.value}
                yield Problem("missing", photo.path, photo.id, "its file is nowhere", self._repaired(photo, columns))
        named = self._named() if unknown else set()
        for path in unknown:
            if path not in named:
                yield Problem("unknown", path, None, "no picture in the database has this file")

    def _named(self) -> set[Path]:
        """Every path that the database has by now, for pictures were perhaps filed since the check began."""
        photos = self.store.with_status(*(status for status in Status if status is not Status.MISSING))
        targets = {file.target for move in self.journal.open_moves() for file in move.files}
        return targets.union(path for photo in photos for path in (photo.path, *photo.companions))

    def _placed(self, photo: Photo, path: Path, at: Identity) -> Placed:
        """The picture at its new place, with the companions that came along."""
        there = []
        for companion in photo.companions:
            beside = path.with_name(companion.name)
            places = (companion, beside, renamed(beside, photo.path.stem, path.stem))
            there += [place for place in places if self.disk.look(place) is not None][:1]
        return Placed(path, at.device, at.inode, at.size, at.mtime_ns, tuple(there))

    def _strays(self, temporaries: Sequence[Path]) -> Iterator[Problem]:
        ours = {file.temporary for move in self.journal.open_moves() for file in move.files}
        for path in temporaries:
            if path not in ours and self.disk.look(path) is not None:
                yield Problem("stray", path, None, "an unfinished copy of ours, which no open move names")

    def _companions(self, photo: Photo) -> Iterator[Problem]:
        """Companions that are gone while their picture is there."""
        if not self._is_as_it_was(photo):
            return
        there = tuple(path for path in photo.companions if self.disk.look(path) is not None)
        repaired = self._repaired(photo, {"companions": companions_to_text(there)})
        for path in photo.companions:
            if path not in there:
                yield Problem("missing", path, photo.id, f"it went with {photo.path.name}", repaired)

    def _repaired(self, photo: Photo, columns: Columns) -> bool:
        """Whether the row was changed: only if `repair` is asked for, and nothing has happened to it meanwhile."""
        if not self.repair:
            return False
        with self.lock.held():
            as_it_was = self._is_as_it_was(photo)
            if as_it_was:
                self.journal.apply_columns(photo.id, columns)
        return as_it_was

    def _is_as_it_was(self, photo: Photo) -> bool:
        try:
            now = self.store.get(photo.id)
        except NotFound:
            return False
        return (now.path, now.status, now.companions) == (photo.path, photo.status, photo.companions)

    def _is_nowhere(self, photo: Photo) -> bool:
        return self._is_as_it_was(photo) and self.disk.look(photo.path) is None


def _check_photo(disk: Disk, photo: Photo) -> Problem | bool:
    """Whether the file is there, or what is wrong with it."""
    try:
        if disk.look(photo.path) is None:
            return False
        digest = disk.digest(photo.path)
    except FileNotFoundError:
        return False
    except OSError as error:
        return Problem("unreadable", photo.path, photo.id, error.strerror or str(error))
    if digest.sha256 != photo.sha256:
        return Problem("changed", photo.path, photo.id, "its content is no longer what was read")
    return True


def status_at(path: Path, folders: Folders) -> Status:
    """Where a picture stands if its file lies there."""
    places = {
        folders.trash: Status.TRASHED,
        folders.duplicates: Status.DUPLICATE,
        folders.failed: Status.FAILED,
        folders.review: Status.REVIEW,
    }
    for name, status in places.items():
        if path.is_relative_to(folders.library_path / name):
            return status
    return Status.FILED if path.is_relative_to(folders.library_path) else Status.UNDONE
