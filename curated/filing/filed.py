"""The files of a picture as they are on disk now, ready to be moved again."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from curated.domain import Photo
from curated.errors import FilingError, SourceChanged
from curated.files import Disk, Identity
from curated.filing.filer import PlannedFile
from curated.state.store import Store

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR})
_NOT_IT = _GONE | {errno.ESTALE, errno.ELOOP, errno.EINVAL}


def present_files(disk: Disk, photo: Photo, place: Callable[[Path], Path]) -> list[PlannedFile]:
    """The photo's file and its companions that are there, each bound for `place(path)`.

    Raises SourceChanged if the main file is gone or no longer has the content of its row. A companion that is gone
    is left out; one that changed (an edited sidecar) goes along as it is.
    """
    expected = Identity(photo.device, photo.inode, photo.size, photo.mtime_ns)
    files = [unchanged(disk, photo.path, place(photo.path), expected, photo.sha256)]
    return files + companions(disk, [(path, place(path)) for path in photo.companions])


def unchanged(disk: Disk, path: Path, target: Path, expected: Identity, sha256: str) -> PlannedFile:
    """The main file, bound for `target`; read only if its identity is not the expected one.

    Raises SourceChanged if it is gone or has other content, FilingError if the disk will not say.
    """
    try:
        entry = disk.look(path)
        if entry is None:
            raise SourceChanged(path, "no longer there")
        identity = entry.identity
        digest = None if entry.regular and identity == expected else disk.digest(path)
    except OSError as error:
        kind = SourceChanged if error.errno in _NOT_IT else FilingError
        raise kind(path, f"cannot be read: {error.strerror}") from error
    if digest is not None:
        if digest.sha256 != sha256:
            raise SourceChanged(path, "its content has changed since")
        identity = digest.identity
    return PlannedFile("primary", path, target, identity, sha256)


def companions(disk: Disk, paths: Sequence[tuple[Path, Path]]) -> list[PlannedFile]:
    """The companions that are there, as they are now, from (path, target) pairs. Raises FilingError."""
    found = []
    for path, target in paths:
        try:
            digest = disk.digest(path)
        except OSError as error:
            if error.errno in _GONE:
                continue
            raise FilingError(path, f"cannot be read: {error.strerror}") from error
        found.append(PlannedFile("companion", path, target, digest.identity, digest.sha256))
    return found


def unmounted(library: Path, store: Store) -> str:
    """Why the library looks as if its disk were not mounted: gone or empty, though pictures were filed there; or ""."""
    try:
        with os.scandir(library) as entries:
            empty = next(entries, None) is None
    except OSError:
        empty = True
    if empty and store.any_below(library):
        return (
            "is empty, but pictures were filed there; is its disk mounted? (If it should be empty, put any file there.)"
        )
    return ""
