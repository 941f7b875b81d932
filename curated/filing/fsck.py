"""The database against the disk, both ways, by content. Repair changes rows; it never touches a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curated.config import Folders
from curated.domain import Photo, Status
from curated.files import Disk, is_temporary
from curated.filing.recovery import recover
from curated.filing.whereabouts import files_below
from curated.state.database import Database
from curated.state.journal import Journal, Placed
from curated.state.store import Store

Trouble = Literal["missing", "changed", "moved", "unknown", "stray", "open", "paused", "unreadable"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing on which database and disk do not agree.

    `missing`: a row's file is nowhere. `changed`: it has other content. `moved`: it was found at `path`, moved by
    hand. `unknown`: a library file no row names. `stray`: an unfinished copy of ours that no open move names.
    `open`: a move left half done. `paused`: a folder is not there, so nothing below it was judged.
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
    whose file is nowhere; `progress(done, all)` is called after each picture.
    """
    problems = list(_open_moves(database, disk, repair))
    journal, store = Journal(database), Store(database)
    library, unsorted = folders.library_path, folders.unsorted_path
    everything = [*store.photos(), *store.photos(status=Status.MISSING)]
    photos = list({photo.id: photo for photo in everything}.values())
    present = [photo for photo in photos if photo.status is not Status.MISSING]
    paused = [root for root in (library, unsorted) if disk.folder(root) is None]
    if library not in paused and _is_bare(library, present):
        paused.append(library)
    problems += [Problem("paused", root, None, "is not there; is its disk mounted?") for root in paused]

    lost: list[Photo] = [photo for photo in photos if photo.status is Status.MISSING]
    for done, photo in enumerate(present, 1):
        if not any(photo.path.is_relative_to(root) for root in paused):
            found = _check_photo(disk, photo)
            if isinstance(found, Problem):
                problems.append(found)
            elif not found:
                lost.append(photo)
        if progress:
            progress(done, len(present))

    open_temporaries = {file.temporary for move in journal.open_moves() for file in move.files}
    known = {path for photo in present for path in (photo.path, *photo.companions)}
    strangers: list[Path] = []
    for root in (library, unsorted):
        if root in paused:
            continue
        for path in files_below(root):
            if is_temporary(path.name):
                if path not in open_temporaries:
                    problems.append(Problem("stray", path, None, "an unfinished copy; its original was not touched"))
            elif path not in known:
                strangers.append(path)
    problems += _match(journal, disk, folders, lost, strangers, repair)
    return problems


def _open_moves(database: Database, disk: Disk, repair: bool) -> Iterator[Problem]:
    before = Journal(database).open_moves()
    if repair and before:
        recover(database, disk)
    still = {move.id for move in Journal(database).open_moves()}
    for move in before:
        path = move.files[0].source
        yield Problem("open", path, move.photo_id, f"move {move.id} was not finished", move.id not in still)


def _is_bare(root: Path, photos: Sequence[Photo]) -> bool:
    """Whether nothing is left below the folder: then it is the empty place where its disk should be mounted."""
    below = (photo for photo in photos if photo.path.is_relative_to(root))
    return next(below, None) is not None and next(files_below(root), None) is None


def _check_photo(disk: Disk, photo: Photo) -> Problem | bool:
    """Whether the file is there, or what is wrong with it."""
    if disk.look(photo.path) is None:
        return False
    try:
        digest = disk.digest(photo.path)
    except FileNotFoundError:
        return False
    except OSError as error:
        return Problem("unreadable", photo.path, photo.id, error.strerror or str(error))
    if digest.sha256 != photo.sha256:
        return Problem("changed", photo.path, photo.id, "its content is no longer what was read")
    return True


def _match(
    journal: Journal, disk: Disk, folders: Folders, lost: Sequence[Photo], strangers: Sequence[Path], repair: bool
) -> Iterator[Problem]:
    """Bring together rows without a file and files without a row, by content."""
    waiting: dict[str, list[Photo]] = defaultdict(list)
    for photo in sorted(lost, key=lambda photo: photo.status is Status.MISSING, reverse=True):
        waiting[photo.sha256].append(photo)
    sizes = {photo.size for photo in lost}
    for path in strangers:
        entry = disk.look(path)
        if entry is None:
            continue
        digest = None
        if entry.identity.size in sizes:
            try:
                digest = disk.digest(path)
            except OSError as error:
                yield Problem("unreadable", path, None, error.strerror or str(error))
                continue
        if digest is not None and waiting.get(digest.sha256):
            photo = waiting[digest.sha256].pop()
            if repair:
                at = digest.identity
                placed = Placed(path, at.device, at.inode, at.size, at.mtime_ns, photo.companions)
                status = status_at(path, folders).value
                journal.apply_columns(photo.id, {**placed.columns(), "status": status})
            yield Problem("moved", path, photo.id, f"was at {photo.path}", repair)
        elif path.is_relative_to(folders.library_path):
            yield Problem("unknown", path, None, "no picture in the database has this file")
    for photo in (photo for photos in waiting.values() for photo in photos):
        if photo.status is Status.MISSING:
            continue
        if repair:
            journal.apply_columns(photo.id, {"status": Status.MISSING.value})
        yield Problem("missing", photo.path, photo.id, "its file is nowhere", repair)


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
