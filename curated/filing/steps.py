"""The single steps of a move and what they leave to be known: the part that both ways share."""

from __future__ import annotations

import errno
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from curated.domain import Move, MoveFile, MoveState
from curated.errors import FilingError, SourceChanged
from curated.files import FLAG_REFUSED, Disk, Entry
from curated.filing.legs import Leg, Place, drop_old_name
from curated.filing.whereabouts import has_content
from curated.state.journal import Journal

Token = Callable[[], str]

# What a rename or link answers that has certainly done nothing.
_NOT_DONE = frozenset({errno.EEXIST, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT})


def random_token() -> str:
    """A part of a name that nothing else has."""
    return secrets.token_hex(8)


class NameTaken(FileExistsError):
    """The target's name is not free after all."""


class NeedsCopy(Exception):
    """The target turned out to be on another file system."""


class Steps:
    """A move's legs, and the steps that change where they are."""

    def __init__(
        self, journal: Journal, disk: Disk, move: Move, legs: Sequence[Leg] | None = None, token: Token = random_token
    ) -> None:
        self.journal = journal
        self.disk = disk
        self.move = move
        self.legs = list(legs if legs is not None else map(Leg, move.files))
        self.token = token
        self.notes: list[str] = []
        self.refused: set[Path] = set()
        self._unsynced: dict[Path, None] = {}
        self.released = False

    def doubt(self) -> None:
        """Sync every folder before the move is closed: the process that changed names there may not have."""
        self.unsync(path.parent for leg in self.legs for path in (leg.file.target, leg.file.source) if not leg.stays)

    def put(self, index: int, old: Path, new: Path) -> None:
        """Rename without overwriting, by the best means the file system has; the caller then says where the leg is."""
        before = self.legs[index]
        self.legs[index] = replace(before, place=Place.UNSURE)
        self.unsync([new.parent, old.parent])
        try:
            self.disk.rename(old, new)
        except OSError as error:
            if error.errno in FLAG_REFUSED | _NOT_DONE:
                self.legs[index] = before
            if error.errno not in FLAG_REFUSED:
                self._give_way(index, error, new)
                raise
            self._put_by_link(index, old, new)

    def _put_by_link(self, index: int, old: Path, new: Path) -> None:
        file = replace(self.legs[index].file, state=MoveState.LANDING)
        if file != self.legs[index].file:
            self.journal.set_files([file])
        before = replace(self.legs[index], file=file)
        self.legs[index] = replace(before, place=Place.UNSURE)
        try:
            self.disk.link(old, new)
        except OSError as error:
            # NFS may answer a repeated request, the first of which it has carried out, with EEXIST.
            if error.errno != errno.EEXIST or not self._same_file(old, new):
                if error.errno in FLAG_REFUSED | _NOT_DONE:
                    self.legs[index] = before
                self._give_way(index, error, new)
                if error.errno in FLAG_REFUSED | {errno.EPERM}:
                    raise FilingError(
                        old, f"the file system of {new.parent} can neither rename without overwriting nor link"
                    ) from error
                raise
        # Two names outlast a power cut better than none.
        self.disk.sync_folder(new.parent)
        drop_old_name(self.disk, old, new)

    def _give_way(self, index: int, error: OSError, new: Path) -> None:
        """Say what a refused rename or link asks for: another name, or a copy."""
        leg = self.legs[index]
        if error.errno == errno.EEXIST:
            self.refused.add(new)
            raise NameTaken from None
        if error.errno == errno.EXDEV and leg.place is Place.SOURCE and not leg.crosses:
            self.legs[index] = replace(leg, crosses=True)
            raise NeedsCopy from None

    def check_source(self, leg: Leg) -> Entry:
        """The source, which must be what it was when it was read. Raises SourceChanged."""
        entry = self.disk.look(leg.file.source)
        if entry is None:
            raise SourceChanged(leg.file.source, "no longer there")
        if not entry.regular or entry.identity != leg.identity:
            raise SourceChanged(leg.file.source, "no longer the file that was read")
        return entry

    def source_stands(self, leg: Leg) -> bool:
        """Whether the source is there, unchanged."""
        entry = self.disk.look(leg.file.source)
        return entry is not None and entry.identity == leg.identity

    def still_there(self, leg: Leg) -> bool:
        """Whether what was put under the target's name is there, unchanged."""
        return leg.arrived is not None and self.disk.look(leg.file.target) == leg.arrived

    def primary(self) -> Leg | None:
        """The leg of the picture itself."""
        return next((leg for leg in self.legs if leg.file.role == "primary"), None)

    def commit_state(self, place: Place, state: MoveState) -> None:
        """Commit that every leg at this place has come so far."""
        changed = []
        for index, leg in enumerate(self.legs):
            if leg.place is place and leg.file.state is not state:
                self.legs[index] = replace(leg, file=replace(leg.file, state=state))
                changed.append(self.legs[index].file)
        if changed:
            self.journal.set_files(changed)

    def is_still_it(self, file: MoveFile, arrived: Entry | None) -> bool:
        """Whether only its number changed: some file systems (FUSE, overlays) give a renamed file another."""
        if arrived is None or not arrived.regular:
            return False
        at = arrived.identity
        return (at.size, at.mtime_ns) == (file.size, file.mtime_ns) and has_content(self.disk, file, file.target)

    def _same_file(self, old: Path, new: Path) -> bool:
        entry = self.disk.look(old)
        return entry is not None and entry.same_file(self.disk.look(new))

    def unsync(self, folders: Iterable[Path]) -> None:
        """Remember that names in these folders change."""
        self._unsynced |= dict.fromkeys(folders)

    def sync(self) -> None:
        """Make every name that changed last, before the journal says so."""
        # In the order of change, targets first: after a power cut a file may have two names, but never none.
        for folder in list(self._unsynced):
            if self.disk.folder(folder) is not None:
                self.disk.sync_folder(folder)
            del self._unsynced[folder]
