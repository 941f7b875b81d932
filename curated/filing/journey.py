"""One move on its way over the disk: forward to its targets, or back to where its files were.

Each file is a leg with a place, and every step brings one leg from one place to the next:

    SOURCE --rename--> TARGET                                       on one file system
    SOURCE --copy--> COPIED --rename--> LANDED --unlink--> TARGET   from one file system to another

Up to LANDED the source is untouched, so the whole move can be taken back; once every leg is LANDED and that is
committed and the first source is gone, it can only go forward. A step that raised is UNSURE: the disk is asked how
far it came. Nothing is ever removed while it might be the last copy: a copy only beside its unchanged source, a
source only beside its verified copy.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace

from curated.domain import Move, MoveState
from curated.errors import FilingError, FolderUnusable, SourceChanged
from curated.files import TEMPORARY_PREFIX, TEMPORARY_SUFFIX
from curated.filing.legs import Leg, Place, ensure_folder, free_targets
from curated.filing.steps import NameTaken, NeedsCopy, Steps
from curated.filing.whereabouts import find
from curated.state.journal import Placed

_SPACE_LEFT_FREE = 1 << 20


class Journey(Steps):
    """The only code that moves a file. What it raises leaves the files somewhere in between: call `back`."""

    # -- forward -----------------------------------------------------------------------------------------

    def forward(self) -> Move:
        """Bring every file to its target and close the move as done; the closed move.

        Raises FilingError, OSError or sqlite3.Error, with `back` still to be called unless `released` is set: then a
        source is gone, and only recovery may go on.
        """
        while True:
            try:
                self._prepare()
                self._land()
            except NameTaken:
                self._withdraw()
                self._choose_names()
            except NeedsCopy:
                self._withdraw()
            else:
                break
        self.sync()
        self._release()
        return self.journal.finish(self.move, self._placed(), "; ".join(self.notes))

    def _prepare(self) -> None:
        """Make the folders, and a verified copy of every file that has to cross."""
        for index, leg in enumerate(self.legs):
            if leg.place not in (Place.SOURCE, Place.PARTIAL) or leg.stays:
                continue
            folder = leg.file.target.parent
            device = ensure_folder(self.disk, folder)
            entry = self.check_source(leg)
            if leg.crosses or entry.identity.device != device:
                self.legs[index] = replace(leg, crosses=True)
        crossing = [leg for leg in self.legs if leg.crosses and leg.place in (Place.SOURCE, Place.PARTIAL)]
        if not crossing:
            return
        self._check_room(crossing)
        for index, leg in enumerate(self.legs):
            if leg in crossing:
                self._copy(index)
        self.commit_state(Place.COPIED, MoveState.LANDING)

    def _check_room(self, crossing: Sequence[Leg]) -> None:
        for folder in {leg.file.target.parent for leg in crossing}:
            needed = sum(leg.file.size for leg in crossing if leg.file.target.parent == folder) + _SPACE_LEFT_FREE
            free = self.disk.free_space(folder)
            if free < needed:
                raise FolderUnusable(folder, f"{needed:,} bytes are needed and {free:,} are free")
        for leg in crossing:
            if not self.disk.writable(leg.file.source.parent):
                raise FilingError(leg.file.source, "its folder does not let files be taken out (no write permission)")

    def _copy(self, index: int) -> None:
        if self.legs[index].place is Place.PARTIAL:
            self._discard(index)
        file = self.legs[index].file
        temporary = file.target.parent / f"{TEMPORARY_PREFIX}{self.token()}{TEMPORARY_SUFFIX}"
        file = replace(file, temporary=temporary, state=MoveState.COPYING)
        self.journal.set_files([file])
        self.legs[index] = leg = replace(self.legs[index], file=file, place=Place.PARTIAL)
        try:
            self.disk.create(temporary)
        except FileExistsError:
            self.legs[index] = replace(leg, place=Place.SOURCE)
            raise
        read = self.disk.copy(file.source, temporary)
        if read.identity != leg.identity or read.sha256 != file.sha256:
            raise SourceChanged(file.source, "no longer the file that was read")
        if self.disk.digest(temporary).sha256 != file.sha256:
            raise FilingError(file.source, f"its copy in {temporary.parent} reads back differently; is the disk sound?")
        # Gone is no reason to stop: then the copy is the last one, and worth filing.
        if self.disk.look(file.source) is not None:
            self.check_source(leg)
        self.legs[index] = replace(leg, place=Place.COPIED)

    def _land(self) -> None:
        """Give every file its name in the library."""
        for index, leg in enumerate(self.legs):
            file = leg.file
            if leg.place is Place.COPIED and file.temporary is not None:
                copy = self.disk.look(file.temporary)
                self.put(index, file.temporary, file.target)
                self.legs[index] = replace(self.legs[index], place=Place.LANDED, arrived=copy)
            elif leg.place is Place.SOURCE:
                checked = self.check_source(leg)
                if not leg.stays:
                    self.put(index, file.source, file.target)
                arrived = self.disk.look(file.target)
                self.legs[index] = replace(self.legs[index], place=Place.TARGET, arrived=arrived)
                # Between the check and the rename another file may have taken the source's name.
                if arrived != checked and not self.is_still_it(file, arrived):
                    raise SourceChanged(file.source, "replaced or altered while it was being moved")

    def _choose_names(self) -> None:
        """Commit the next free name for every file that is not on its target, before any is tried."""
        waiting = [leg for leg in self.legs if leg.place in (Place.SOURCE, Place.COPIED)]
        wanted = [(leg.file.source, leg.wanted or leg.file.target) for leg in waiting]
        targets = free_targets(self.disk, wanted, self.refused)
        chosen = dict(zip((leg.file.id for leg in waiting), targets, strict=True))
        self.legs = [
            replace(leg, file=replace(leg.file, target=chosen.get(leg.file.id, leg.file.target))) for leg in self.legs
        ]
        self.journal.set_files(leg.file for leg in self.legs)

    def _release(self) -> None:
        """Commit that all copies stand, then take the sources away."""
        landed = [index for index, leg in enumerate(self.legs) if leg.place is Place.LANDED]
        if not landed:
            return
        for index in landed:
            if not self.still_there(self.legs[index]):
                raise FilingError(self.legs[index].file.target, "altered as soon as it was there")
        self.commit_state(Place.LANDED, MoveState.LANDED)
        for index in landed:
            self._remove_source(self.legs[index])
        for index in landed:
            self.legs[index] = replace(self.legs[index], place=Place.TARGET)
        try:
            self.sync()
        except OSError as error:
            # No way back from here; after a power cut a source may be there again, as a duplicate.
            self.notes.append(f"the folder it was in could not be synced: {error.strerror}")

    def _remove_source(self, leg: Leg) -> None:
        source = leg.file.source
        try:
            stands = self.still_there(leg)
            # Looked at last: what takes this name from here on cannot be told apart any more.
            entry = self.disk.look(source)
            if entry is not None and entry.identity == leg.identity:
                if not stands:
                    raise OSError(errno.ESTALE, f"{leg.file.target} was altered as soon as it was there")
                self.unsync([source.parent])
                self.disk.unlink(source)
        except OSError as error:
            # Removed although the disk said no (a reply that got lost): as good as any other.
            if self.disk.look(source) is None:
                self.released = True
                return
            # The first one that cannot be removed takes everything back; after that there is no way back.
            if not self.released:
                raise
            self.notes.append(f"{source} was copied but stays there too: {error.strerror}")
        else:
            if entry is not None and entry.identity != leg.identity:
                self.notes.append(f"{source} changed after it was copied and stays there")
            self.released = True

    def _placed(self) -> Placed | None:
        primary = self.primary()
        arrived = primary.arrived if primary else None
        if primary is None or arrived is None:
            return None
        found = arrived.identity
        companions = tuple(leg.file.target for leg in self.legs if leg.file.role == "companion")
        return Placed(primary.file.target, found.device, found.inode, found.size, found.mtime_ns, companions)

    # -- back --------------------------------------------------------------------------------------------

    def back(self, reason: str) -> Move:
        """Bring every file to where it was and close the move as not made; the closed move.

        A file whose old name was taken meanwhile gets the next free one there, which the closed move says.
        What raises here (OSError, sqlite3.Error) leaves the move open for recovery.
        """
        self._ask()
        self._withdraw()
        for index, leg in enumerate(self.legs):
            if leg.place in (Place.PARTIAL, Place.COPIED):
                self._discard(index)
        self.sync()
        return self.journal.abort(self.move, "; ".join([reason, *self.notes]), self._elsewhere())

    def _ask(self) -> None:
        """Find on the disk every file whose step was cut short."""
        asked = []
        for leg in self.legs:
            found: Leg | None = leg
            if leg.place is Place.UNSURE:
                found = find(self.disk, leg.file)
            if found is None:
                self.notes.append(f"found neither in its old nor in its new place: {leg.file.source}")
            else:
                asked.append(replace(found, crosses=found.crosses or leg.crosses, wanted=leg.wanted))
        self.legs = asked

    def _elsewhere(self) -> Placed | None:
        """Where the files are if that is not where they were when the move was planned."""
        original = {file.id: file.source for file in self.move.files}
        places = {
            leg.file.id: leg.file.target
            if leg.place is Place.LANDED and not self.source_stands(leg)
            else leg.file.source
            for leg in self.legs
        }
        primary = self.primary()
        if primary is None or all(original[number] == path for number, path in places.items()):
            return None
        path = places[primary.file.id]
        entry = self.disk.look(path)
        if entry is None:
            return None
        # As it was put there: what another program has made of it since is not what the row describes.
        at = (primary.arrived or entry).identity
        companions = tuple(path for number, path in places.items() if number != primary.file.id)
        return Placed(path, at.device, at.inode, at.size, at.mtime_ns, companions)

    def _withdraw(self) -> None:
        """Take every file off its target: back to the source, or a copy back to its hidden name."""
        for index in reversed(range(len(self.legs))):
            leg = self.legs[index]
            file = leg.file
            if leg.place is Place.LANDED and file.temporary is not None:
                if not self.still_there(leg):
                    self.notes.append(f"{file.target} is no longer what was put there, and stays")
                    # Where names are given by linking, the hidden one may be left; what it holds is not to be trusted.
                    if self.source_stands(leg) and self.disk.look(file.temporary) is not None:
                        self.legs[index] = replace(leg, place=Place.PARTIAL)
                elif self.source_stands(leg):
                    self.put(index, file.target, file.temporary)
                    self.legs[index] = replace(self.legs[index], place=Place.COPIED)
                else:
                    self.notes.append(f"{file.target} stays there: {file.source} is gone or has changed")
            elif leg.place is Place.TARGET and not leg.stays:
                self._return(index)
            elif leg.place is Place.TARGET:
                self.legs[index] = replace(leg, place=Place.SOURCE)

    def _return(self, index: int) -> None:
        file = self.legs[index].file
        arrived = self.legs[index].arrived
        if arrived is None or not arrived.same_file(self.disk.look(file.target)):
            self.notes.append(f"{file.target} is no longer what was put there, and stays")
            return
        ensure_folder(self.disk, file.source.parent)
        while True:
            try:
                self.put(index, file.target, file.source)
            except NameTaken:
                wanted = [(file.target, file.source)]
                file = replace(self.legs[index].file, source=free_targets(self.disk, wanted, self.refused)[0])
                self.journal.set_files([file])
                self.legs[index] = replace(self.legs[index], file=file)
                self.notes.append(f"put back as {file.source}, its old name having been taken")
            else:
                break
        self.legs[index] = replace(self.legs[index], place=Place.SOURCE)

    def _discard(self, index: int) -> None:
        """Remove our own copy, if the file it was made of is still there in some form or nothing was copied yet."""
        leg = self.legs[index]
        temporary = leg.file.temporary
        if temporary is None:
            return
        # Committed first: from `copying` recovery knows that a missing copy was never given the target's name.
        file = replace(leg.file, state=MoveState.COPYING)
        if file.state != leg.file.state:
            self.journal.set_files([file])
        copy = self.disk.look(temporary)
        # Half a film is better than none; nothing of it is nothing.
        if copy is not None and copy.identity.size and self.disk.look(file.source) is None:
            self.notes.append(f"{temporary} stays there: {file.source} is gone")
        elif copy is not None:
            self.unsync([temporary.parent])
            self.disk.unlink(temporary)
        self.legs[index] = replace(leg, file=file, place=Place.SOURCE)
