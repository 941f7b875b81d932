"""Trash is a folder of the library. Only `empty` ever removes a user's file, and only when called."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from curated.config import Folders
from curated.domain import Move, MoveFile, Photo, Purpose, Status
from curated.errors import FilingError, NotFound, StateError
from curated.files import Identity
from curated.filing.filed import companions, present_files, unchanged
from curated.filing.filer import Filer, PlannedFile
from curated.filing.legs import identity_of
from curated.filing.recovery import close_removal
from curated.state.journal import Columns, Journal, NewFile
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


def trash_photo(
    filer: Filer, photo: Photo, folders: Folders, *, reason: str = "marked trash", before: Columns | None = None
) -> Move:
    """Move a picture and its companions into the trash, under the folder they had in the library.

    One in the trash already is not moved; the move that brought it there comes back. `before` are columns that taking
    the move back restores, in place of what the row has now. Raises FilingError (see Filer.move).
    """
    if photo.status is Status.TRASHED and (earlier := filer.journal.last(photo.id, Purpose.TRASH)):
        return earlier
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
        before=before,
        reason=reason,
    )


def restore(
    filer: Filer,
    photo: Photo,
    *,
    reason: str = "restored from the trash",
    after: Columns | None = None,
    before: Columns | None = None,
) -> Move:
    """Move a trashed picture back to where it was, with the row it had but for the columns `after`; the closed move.

    `before` are columns that taking the move back restores, in place of what the row has now. Raises NotFound if it is
    not in the trash, FilingError as Filer.move does.
    """
    if photo.status is not Status.TRASHED:
        raise NotFound(f"picture {photo.id} is not in the trash")
    trashed = filer.journal.last(photo.id, Purpose.TRASH)
    if trashed is None:
        raise NotFound(f"picture {photo.id} was put into the trash by hand; move it out by hand or file it anew")
    expected = Identity(photo.device, photo.inode, photo.size, photo.mtime_ns)
    primary, others = trashed.files[0], trashed.files[1:]
    files = [unchanged(filer.disk, photo.path, primary.source, expected, photo.sha256)]
    there = photo.companions if len(photo.companions) == len(others) else tuple(file.target for file in others)
    files += companions(filer.disk, [(path, file.source) for path, file in zip(there, others, strict=True)])
    return filer.move(
        files,
        purpose=Purpose.RESTORE,
        photo_id=photo.id,
        after={**trashed.before, **(after or {})},
        before=before,
        reason=reason,
        undoes=trashed.id if trashed.undone_by is None else None,
    )


def empty(filer: Filer, folders: Folders, older_than: timedelta = timedelta(0)) -> Emptied:
    """Remove for good what has been in the trash for that long; what was removed and what was left.

    The journal keeps each file's path, sha256 and time. A picture whose file is not exactly the one its row names,
    lies outside the trash, or came there by hand is left alone. The rows stay, as missing.
    """
    trash = folders.library_path / folders.trash
    latest = filer.clock() - older_than
    removed: list[Removed] = []
    left: list[tuple[Path, str]] = []
    with filer.alone():
        for photo in list(Store(filer.database).photos(status=Status.TRASHED)):
            since = trashed_since(filer.journal, photo.id)
            if since is not None and since > latest:
                continue
            try:
                if since is None:
                    raise FilingError(photo.path, "it was put there by hand, nobody knows when")
                removed += _remove(filer, photo, trash)
            except FilingError as error:
                left.append((error.path, error.reason))
    return Emptied(tuple(removed), tuple(left))


def trashed_since(journal: Journal, photo_id: int) -> datetime | None:
    """When the picture last came into the trash; None if no move brought it there."""
    if journal.last(photo_id, Purpose.TRASH) is None:
        return None
    # Not that one's own time: it may have been taken back and, today, brought into force again.
    newest = journal.last(photo_id)
    return newest.created_at if newest else None


def _remove(filer: Filer, photo: Photo, trash: Path) -> list[Removed]:
    rows = _removable(filer, photo, trash)
    after = {"status": Status.MISSING.value, "reason": f"removed from the trash at {to_text(filer.clock())}"}
    gone: list[MoveFile] = []
    try:
        move = filer.journal.plan(Purpose.EMPTY, photo.id, rows, {}, after, "trash emptied")
        problem = ""
        try:
            # The picture last: as long as it is there, a crash leaves it in the trash with its row.
            for file in reversed(move.files):
                _unlink(filer, file)
                gone.append(file)
            for folder in {file.source.parent for file in gone}:
                filer.disk.sync_folder(folder)
        except OSError as error:
            problem = f"{len(gone)} of {len(move.files)} files were removed: {error.strerror}"
        close_removal(filer.journal, filer.disk, move, problem)
    except sqlite3.Error as error:
        raise StateError(f"{filer.database.path}: cannot be written: {error}") from error
    except OSError as error:
        raise FilingError(photo.path, f"{error.strerror}; the next start will see what is left") from error
    if problem and move.files[0] not in gone:
        raise FilingError(photo.path, problem)
    return [Removed(photo.id, file.source, file.sha256, file.size) for file in gone]


def _removable(filer: Filer, photo: Photo, trash: Path) -> list[NewFile]:
    """The picture's files as they are in the trash, read once more. Raises FilingError if anything is not as it was."""
    root = os.path.realpath(trash)
    for path in (photo.path, *photo.companions):
        # By its real place: a folder in the trash may have become a link to somewhere else.
        if not path.is_relative_to(trash) or not Path(os.path.realpath(path.parent)).is_relative_to(root):
            raise FilingError(path, "not in the trash")
    # What is removed for good is compared by content; the numbers of a file may change with every mount.
    try:
        digest = filer.disk.digest(photo.path)
    except OSError as error:
        raise FilingError(photo.path, f"cannot be read: {error.strerror}") from error
    if digest.sha256 != photo.sha256:
        raise FilingError(photo.path, "its content has changed since")
    primary = PlannedFile("primary", photo.path, photo.path, digest.identity, digest.sha256)
    trashed = filer.journal.last(photo.id)
    known = {file.target: file.sha256 for file in trashed.files} if trashed else {}
    others = companions(filer.disk, [(path, path) for path in photo.companions])
    if changed := [other.source for other in others if known.get(other.source, other.sha256) != other.sha256]:
        raise FilingError(changed[0], "its content has changed since")
    return [_row(file) for file in (primary, *others)]


def _unlink(filer: Filer, file: MoveFile) -> None:
    entry = filer.disk.look(file.source)
    if entry is None or entry.identity != identity_of(file):
        raise OSError(0, "it changed at the last moment", str(file.source))
    filer.disk.unlink(file.source)


def _row(file: PlannedFile) -> NewFile:
    at = file.identity
    return NewFile(file.role, file.source, file.target, at.device, at.inode, at.size, at.mtime_ns, file.sha256)
