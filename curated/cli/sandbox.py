"""What the system unit is let see of the disk: the folders of the configuration, and the program itself."""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path

import curated
from curated.config import Config, config_path
from curated.errors import ConfigError
from curated.models.places import captioner_file, data_folder, detector_file, embedder_file

# What ProtectHome= hides, and PrivateTmp=.
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))
# Too much to be given away for the sake of two folders in it.
_BROAD = {
    Path(each) for each in ("/", "/mnt", "/media", "/srv", "/var", "/data", "/opt", "/usr", "/home", "/run/media")
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Absolute paths: `pictures` are the folders in use; those below a home, which is hidden, are made visible.

    `renames` says that unsorted folder and library lie below one writable folder: files are renamed, not copied.
    """

    pictures: tuple[Path, ...]
    writable: tuple[Path, ...]
    hidden_writable: tuple[Path, ...]
    hidden_readable: tuple[Path, ...]
    renames: bool


def sandbox(config: Config) -> Sandbox:
    """The least that the daemon needs. Raises ConfigError for folders that a sandboxed service cannot have."""
    folders = config.folders
    # Mounts are made where links lead to.
    pictures = tuple(path.resolve() for path in (folders.unsorted_path, folders.library_path))
    own = tuple(path.resolve() for path in (folders.state_path, folders.cache_path))
    for path in (*pictures, *own):
        if _below(path, _TEMPORARY):
            raise ConfigError(f"folders: {path} is temporary, and the service has a /tmp of its own; choose another")
        if ":" in str(path):
            raise ConfigError(f"folders: {path}: a system unit cannot name a folder with a colon; choose another")
    shared = _shared(*pictures)
    writable = _outermost([*([shared] if shared else pictures), *own])
    program = [Path(sys.prefix), Path(sys.base_prefix), Path(curated.__file__).parents[1], *_weights(config)]
    if (file := config_path()).exists():
        program.append(file)
    for path in program:
        if _below(path, _TEMPORARY):
            raise ConfigError(f"{path} is temporary, and the service has a /tmp of its own; move it elsewhere")
    readable = [path for path in program if _below(path, _HOMES) and not _below(path, writable)]
    return Sandbox(
        pictures=pictures,
        writable=tuple(writable),
        hidden_writable=tuple(path for path in writable if _below(path, _HOMES)),
        hidden_readable=tuple(_outermost(readable)),
        renames=shared is not None or pictures[0].stat().st_dev != _existing(pictures[1]).stat().st_dev,
    )


def check_rights(config: Config, install: str) -> None:
    """Raises ConfigError where root's service could not write: in the sandbox it has none of root's privileges.

    `install` is the command for whose folders they are.
    """
    folders = config.folders
    for key, path in (("unsorted", folders.unsorted_path), ("library", folders.library_path)):
        there = _existing(path).stat()
        mine, ours = there.st_uid == 0, there.st_gid in {os.getegid(), *os.getgroups()}
        wanted = 0o300 if mine else 0o030 if ours else 0o003
        if there.st_mode & wanted != wanted:
            owner = _name_of(there.st_uid)
            raise ConfigError(
                f"folders.{key}: {path} is {owner}'s, and root's service has none of root's privileges; run it as "
                f"{owner}: `{install}`"
            )


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _weights(config: Config) -> list[Path]:
    """The folders of the weights that are on disk, and of what they are links to, as in the hub's cache."""
    full = config.models.full
    files = [file for file in (detector_file(full), embedder_file(full), captioner_file(full)) if file]
    return [data_folder(), *(place for file in files for place in (file.parent, file.resolve().parent))]


def _shared(unsorted: Path, library: Path) -> Path | None:
    """The folder to make writable for both: each writable folder is a mount, and no rename crosses from one to another.

    None where that would be somebody's whole home or more, or where they are on two file systems anyway.
    """
    common = Path(os.path.commonpath([unsorted, library]))
    if common in _BROAD or common == Path.home() or common.parent == Path("/home"):
        return None
    return common if unsorted.stat().st_dev == _existing(library).stat().st_dev else None


def _outermost(paths: list[Path]) -> list[Path]:
    """Without those that lie within others."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not _below(path, kept):
            kept.append(path)
    return kept


def _below(path: Path, folders: tuple[Path, ...] | list[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())
