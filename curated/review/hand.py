"""Judging a picture, filing it elsewhere, renaming it, having it tried again; every change of place is a move."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from curated.config import Config
from curated.domain import Photo, Purpose, Status, Verdict
from curated.errors import FilingError, NotFound
from curated.filing import Filer, UndoSelection, undo
from curated.filing.filed import present_files
from curated.filing.trash import restore, trash_photo, trashed_since
from curated.intake.assets import companion_target
from curated.naming import safe_name
from curated.pictures.sniff import PICTURE_EXTENSIONS, RAW_EXTENSIONS
from curated.state.journal import Columns
from curated.state.rows import printable, to_text
from curated.state.store import Attempt, Store

PROTECTED = "is protected; take the protection away first"


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of one file that is to be tried again; `taken` says whether it will be, `detail` why not."""

    path: Path
    photo_id: int | None
    taken: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Trashed:
    """A picture in the trash: since when, and what emptying would remove; `since` None where a person put it there."""

    photo: Photo
    since: datetime | None
    files: int
    size: int


class Review:
    """A person's hand on the library; every method returns the picture as it is afterwards.

    All raise FilingError, with every file where it was, if a file cannot be moved, and StateError if the database
    cannot be written.
    """

    def __init__(self, config: Config, filer: Filer) -> None:
        self._config = config
        self._filer = filer
        self._store = Store(filer.database)

    def mark(self, photo: Photo, verdict: Verdict | None) -> Photo:
        """Judge a picture: "trash" moves it to the trash, anything else brings it back from there."""
        self.place_by(photo, verdict)
        self._store.set_verdict(photo.id, verdict, self._filer.clock())
        return self._store.get(photo.id)

    def place_by(self, photo: Photo, verdict: Verdict | None, before: Columns | None = None) -> None:
        """Move a picture to where one with that verdict belongs: into the trash, or out of it.

        `before` are columns that taking the move back restores, in place of what the row has now. Raises FilingError
        for one that is protected.
        """
        _check_settled(photo)
        if verdict == "trash" and photo.protected:
            raise FilingError(photo.path, PROTECTED)
        if verdict == "trash" and photo.status is not Status.TRASHED:
            trash_photo(self._filer, photo, self._config.folders, before=before)
        elif verdict != "trash" and photo.status is Status.TRASHED:
            # Not the verdict that it had before it was trashed.
            after = {"verdict": verdict}
            restore(self._filer, photo, reason=f"marked {verdict or 'undecided'}", after=after, before=before)

    def file_as(self, photo: Photo, category: str, *, new: bool = False, before: Columns | None = None) -> Photo:
        """File a picture under another category, with its name; out of the trash it is undecided again.

        `before` are columns that taking it back restores, in place of what the row has now. Raises NotFound, naming
        the nearest one, if the configuration has no such category and it may not be a `new` one.
        """
        _check_settled(photo)
        name, folder = (category_place if new else find_category)(self._config, category)
        now = self._filer.clock()
        status = Status.REVIEW if name == self._config.folders.review else Status.FILED
        after: dict[str, str | None] = {
            "status": status.value,
            "category": name,
            "reason": f"filed as {name} by hand",
            "filed_at": to_text(photo.filed_at or now),
            "confirmed": to_text(confirmed_at(photo, name, now)),
        }
        untrashed = photo.status is Status.TRASHED
        if untrashed:
            after["verdict"] = None
        target = self._config.folders.library_path / folder / photo.path.name
        self._move(photo, target, after, f"filed as {name}", before)
        if untrashed:
            self._store.set_verdict(photo.id, None, now)
        return self._store.get(photo.id)

    def rename(self, photo: Photo, name: str) -> Photo:
        """Give a picture another name; its extension stays, whether or not the name has one."""
        _check_settled(photo)
        stem, dot, extension = name.rpartition(".")
        if dot and f".{extension.lower()}" in {photo.path.suffix.lower()} | PICTURE_EXTENSIONS | RAW_EXTENSIONS:
            name = stem
        new = safe_name(name, self._config.naming.max_bytes, "")
        if not new:
            raise FilingError(photo.path, f"no file can be called {name!r}; give a name with letters or digits")
        target = photo.path.with_name(new + photo.path.suffix)
        if target != photo.path:
            self._move(photo, target, {}, f"renamed by hand, before: {printable(photo.path.name)}")
        return self._store.get(photo.id)

    def retry(self, photos: Sequence[Photo], waiting: Sequence[Attempt] = ()) -> Iterator[Retried]:
        """Have failed and undone pictures, and files that wait for another try, taken as new by the daemon.

        What failed is moved back to where it came from. Quarantined content is given to the models again.
        """
        for attempt in waiting:
            self._store.clear_attempt(attempt.path)
            yield Retried(attempt.path, None, True, "waits no longer")
        for photo in photos:
            if photo.status is Status.FAILED:
                yield self._retry_failed(photo)
            elif photo.status is Status.UNDONE:
                yield self._retry_undone(photo)
            else:
                yield Retried(photo.path, photo.id, False, f"it is {photo.status}: there is nothing to try again")

    def _retry_failed(self, photo: Photo) -> Retried:
        journal = self._filer.journal
        failed = journal.last(photo.id, Purpose.FAIL)
        moves = journal.in_force("photo_id = ? AND id >= ?", photo.id, failed.id) if failed else []
        if not moves:
            return Retried(photo.path, photo.id, False, "it was put there by hand; move it to the unsorted folder")
        report = undo(self._filer, UndoSelection(move_ids=tuple(move.id for move in moves)))
        if report.undone < len(moves):
            step = next(step for step in report.steps if not step.taken_back)
            return Retried(photo.path, photo.id, False, step.detail)
        return self._retry_undone(self._store.get(photo.id))

    def _retry_undone(self, photo: Photo) -> Retried:
        if self._filer.disk.look(photo.path) is None:
            return Retried(photo.path, photo.id, False, "its file is gone; `curated fsck --repair` looks for it")
        if not photo.path.is_relative_to(self._config.folders.unsorted_path):
            return Retried(photo.path, photo.id, False, "it is not in the unsorted folder; move it there")
        self._store.release(photo.sha256)
        self._store.clear_attempt(photo.path)
        # An undone picture is left alone until its file changes. No file has this time, so that it counts as changed,
        # and the row keeps its id, verdict and history.
        self._filer.journal.apply_columns(photo.id, {"mtime_ns": "-1", "reason": "to be filed again"})
        return Retried(photo.path, photo.id, True, "to be filed again")

    def trashed(self) -> list[Trashed]:
        """What is in the trash, the newest first."""
        found = []
        for photo in self._store.photos(status=Status.TRASHED):
            since = trashed_since(self._filer.journal, photo.id)
            entries = [self._filer.disk.look(path) for path in (photo.path, *photo.companions)]
            sizes = [entry.identity.size for entry in entries if entry is not None]
            found.append(Trashed(photo, since, len(sizes), sum(sizes)))
        return sorted(found, key=lambda each: each.since.timestamp() if each.since else 0.0, reverse=True)

    def _move(self, photo: Photo, target: Path, after: Columns, reason: str, before: Columns | None = None) -> None:
        places = beside(photo, target)
        self._filer.move(
            present_files(self._filer.disk, photo, places.__getitem__),
            purpose=Purpose.CORRECT,
            photo_id=photo.id,
            after=after,
            before=before,
            reason=reason,
        )


def confirmed_at(photo: Photo, category: str | None, now: datetime) -> datetime:
    """Since when a person says that the picture belongs there: saying so again is no new word."""
    return photo.confirmed if photo.confirmed and photo.category == category else now


def find_category(config: Config, wanted: str) -> tuple[str, str]:
    """(name, folder) of a category, in whatever case it is written; raises NotFound, naming the nearest one."""
    folders = config.category_folders
    for name, folder in folders.items():
        if name.casefold() == wanted.casefold():
            return name, folder
    lowered = {name.casefold(): name for name in folders}
    near = lowered[difflib.get_close_matches(wanted.casefold(), lowered, n=1, cutoff=0.0)[0]]
    raise NotFound(f"no category is called {wanted!r}; the nearest is {near!r}, all are: {', '.join(folders)}")


def category_place(config: Config, wanted: str) -> tuple[str, str]:
    """(name, folder) of a category of the configuration, or of a new one by that name below the library.

    Raises NotFound where no folder can be called so, or it is one that the library needs for something else.
    """
    folders = config.category_folders
    if any(name.casefold() == wanted.strip().casefold() for name in folders):
        return find_category(config, wanted.strip())
    parts = [safe_name(part, config.naming.max_bytes, "") for part in wanted.split("/")]
    if not all(parts):
        raise NotFound(f"no category can be called {wanted!r}; give a name with letters or digits")
    name = "/".join(parts)
    taken = {config.folders.duplicates, config.folders.failed, config.folders.trash}
    if parts[0].casefold() in {each.casefold() for each in taken}:
        raise NotFound(f"no category can be called {wanted!r}: {parts[0]} is a folder of the library's own")
    return name, name


def beside(photo: Photo, target: Path) -> dict[Path, Path]:
    """Where the picture's files go if the picture goes to `target`; no two to one place."""
    places = {photo.path: target}
    for companion in photo.companions:
        place = companion_target(photo.path, target, companion)
        if place in places.values():
            place = target.with_name(f"{target.stem} {companion.name}")
        places[companion] = place
    return places


def _check_settled(photo: Photo) -> None:
    if photo.status is Status.ARRIVING:
        raise FilingError(photo.path, "is being filed right now; try again in a moment")
