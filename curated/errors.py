"""Every error this program raises on purpose.

CuratedError                      stops the command with its one-line message
|-- ConfigError                   exit 78: the configuration is wrong; names the key and the mend
|-- StateError                    the database cannot be used (newer than the program, unreadable)
|-- AlreadyRunning                another daemon holds the lock
|-- NotFound                      no such picture, folder or move
|-- WeightsMissing                exit 78: a profile was asked for whose weights are not on disk
|-- WorkerBroken                  the model process cannot start or keeps dying
|-- FilingError                   a move could not be made; the file is where it was
|   |-- FolderUnusable            a whole folder cannot be written (read-only, full, no permission)
|   `-- SourceChanged             the file is no longer the one that was read: back to intake
`-- PictureError                  fails one picture, never the batch
    |-- PictureUnreadable         the data is broken, or is no picture at all
    |-- PictureTruncated          the data ends early: perhaps still being written
    |-- PictureTooLarge           more pixels than the limit allows
    |-- PictureChanged            replaced or removed while it was being read
    `-- PictureKillsWorker        quarantined: the model process died or hung on it
"""

from __future__ import annotations

from pathlib import Path

EXIT_FAILED = 1
EXIT_INTERRUPTED = 128 + 2  # what a shell reports of a program that SIGINT ended
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: systemd is told not to restart on it


class CuratedError(Exception):
    """An expected failure with a message for a person; `exit_code` is what the command ends with."""

    exit_code = EXIT_FAILED


class ConfigError(CuratedError):
    """The configuration cannot be used; the message names the key and how to mend it."""

    exit_code = EXIT_CONFIG


class StateError(CuratedError):
    """The database cannot be used."""


class AlreadyRunning(CuratedError):
    """Another daemon works on the same state."""


class NotFound(CuratedError):
    """What was asked for does not exist."""


class TooFewLabels(NotFound):
    """A person has said too little to learn from."""


class WeightsMissing(CuratedError):
    """Weights that the chosen profile needs are not on disk."""

    exit_code = EXIT_CONFIG


class WorkerBroken(CuratedError):
    """The model process cannot be started, or dies again and again with no picture to blame."""


class FilingError(CuratedError):
    """A move could not be made; every file is where it was."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class FolderUnusable(FilingError):
    """The target folder as a whole refuses files: read-only, full, or not ours to write."""


class SourceChanged(FilingError):
    """The source is no longer the file that was read."""


class PictureError(CuratedError):
    """One picture cannot be handled; `reason` is for a person, `transient` says a later try may succeed."""

    transient = False

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[PictureError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)


class PictureUnreadable(PictureError):
    """The data is broken or is no picture."""


class PictureTruncated(PictureError):
    """The data ends before the picture does."""

    transient = True


class PictureTooLarge(PictureError):
    """More pixels than `reading.pixel_limit`."""


class PictureChanged(PictureError):
    """The file was replaced, altered or removed while it was read."""

    transient = True


class PictureKillsWorker(PictureError):
    """The model process died or hung on this picture alone."""
