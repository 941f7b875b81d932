"""Trash is a folder of the library. Only `empty` ever removes a user's file, and only when called."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from curated.config import Folders
from curated.domain import Move, MoveFile, Photo, Purpose, Status
from curated.errors import FilingError, NotFound, StateError
from curated.files import Identity
from curated.filing.filed import companions, present_files, unchanged
from curated.filing.filer import Filer, PlannedFile
from curated.state.journal import NewFile
from curated.state.rows import to_text
from curated.state.store import Store


@dataclass(frozen=True, slots=True)
class Removed:
    """A file that `empty` removed for good, as the journal has it too."""

    photo_id: int
    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Emptied:
    """What `empty` removed, and what it left alone and why."""

    removed: tuple[Removed, ...]
    left: tuple[tuple[Path, str], ...]


def trash_photo(filer: Filer, photo: Photo, folders: Folders, *, reason: str = "marked trash") -> Move:
    """Move a picture and its companions into the trash, under the folder they had in the library.

    Raises FilingError (see Filer.move); one in the trash already is moved nowhere.
    """
    library, trash = folders.library_path, folders.library_path / folders.trash

    def place(path: Path) -> Path:
        if path.is_relative_to(trash):
            return path
        return trash / path.relative_to(library) if path.is_relative_to(library) else trash / path.name

    # The verdict travels with the move, so that taking the move back takes the verdict back.
    after = {"status": Status.TRASHED.value, "reason": reason, "verdict": "trash"}
    return filer.move(
        present_files(filer.disk, photo, place),
        purpose=Purpose.TRASH,
        photo_id=photo.id,
        after=after,
        reason=reason,
    )


def restore(filer: Filer, photo: Photo, *, reason: str = "restored from the trash") -> Move:
    """Move a trashed picture back to where it was, with the row it had; the closed move.

    Raises NotFound if it is not in the trash, FilingError as Filer.move does.
    """
    trashed = filer.journal.last(photo.id, Purpose.TRASH)
    if photo.status is not Status.TRASHED or trashed is None:
        raise NotFound(f"picture {photo.id} is not in the trash")
    expected = Identity(photo.device, photo.inode, photo.size, photo.mtime_ns)
    primary, others = trashed.files[0], trashed.files[1:]
    files = [unchanged(filer.disk, photo.path, primary.source, expected, photo.sha256)]
    there = photo.companions if len(photo.companions) == len(others) else tuple(file.target for file in others)
    files += companions(filer.disk, [(path, file.source) for path, file in zip(there, others, strict=True)])
    return filer.move(
        files,
        purpose=Purpose.RESTORE,
        photo_id=photo.id,
        after=trashed.before,
        reason=reason,
        undoes=trashed.id if trashed.undone_by is None else None,
    )


def empty(filer: Filer, folders: Folders, older_than: timedelta = timedelta(0)) -> Emptied:
    """Remove for good what has been in the trash for that long; what was removed and what was left.

    The journal keeps each file's path, sha256 and time. A picture whose file is not exactly the one its row names,
    or lies outside the trash, is left alone. The rows stay, as missing.
    """
    trash = folders.library_path / folders.trash
    latest = filer.clock() - older_than
    removed: list[Removed] = []
    left: list[tuple[Path, str]] = []
    with filer.alone():
        for photo in list(Store(filer.database).photos(status=Status.TRASHED)):
            trashed = filer.journal.last(photo.id, Purpose.TRASH)
            if trashed is None or trashed.created_at > latest:
                continue
            try:
                removed += _remove(filer, photo, trash)
            except FilingError as error:
                left.append((photo.path, error.reason))
    return Emptied(tuple(removed), tuple(left))


def _remove(filer: Filer, photo: Photo, trash: Path) -> list[Removed]:
    paths = (photo.path, *photo.companions)
    if outside := [path for path in paths if not path.is_relative_to(trash)]:
        raise FilingError(outside[0], "not in the trash")
    files = present_files(filer.disk, photo, lambda path: path)
    known = Identity(photo.device, photo.inode, photo.size, photo.mtime_ns)
    if files[0].identity != known:
        raise FilingError(photo.path, "not exactly the file that was trashed")
    rows = [_row(file) for file in files]
    at = to_text(filer.clock())
    after = {"status": Status.MISSING.value, "reason": f"removed from the trash at {at}"}
    move = filer.journal.plan(Purpose.EMPTY, photo.id, rows, {}, after, "trash emptied")
    gone: list[MoveFile] = []
    try:
        # The picture last: as long as it is there, a crash leaves it in the trash with its row.
        for file in reversed(move.files):
            _unlink(filer, file)
            gone.append(file)
        for folder in {file.source.parent for file in gone}:
            filer.disk.sync_folder(folder)
        filer.journal.finish(move, None)
    except sqlite3.Error as error:
        raise StateError(f"{filer.database.path}: cannot be written: {error}") from error
    except OSError as error:
        note = f"{len(gone)} of {len(move.files)} files were removed: {error.strerror}"
        if move.files[0] in gone:
            filer.journal.finish(move, None, note)
        else:
            filer.journal.abort(move, note)
        raise FilingError(photo.path, note) from error
    return [Removed(photo.id, file.source, file.sha256, file.size) for file in gone]


def _unlink(filer: Filer, file: MoveFile) -> None:
    entry = filer.disk.look(file.source)
    if entry is None or entry.identity != Identity(file.device, file.inode, file.size, file.mtime_ns):
        raise OSError(0, "it changed at the last moment", str(file.source))
    filer.disk.unlink(file.source)


def _row(file: PlannedFile) -> NewFile:
    at = file.identity
    return NewFile(file.role, file.source, file.target, at.device, at.inode, at.size, at.mtime_ns, file.sha256)
