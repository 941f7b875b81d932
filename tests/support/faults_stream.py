"""An endless stream of everything that moves files: filed, corrected, trashed, restored, undone, redone, decided."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from random import Random

from curated.domain import Photo, Purpose, Status
from curated.errors import FilingError, NotFound
from curated.files import Disk
from curated.filing import UndoSelection, undo
from curated.filing.filed import present_files
from curated.filing.trash import restore, trash_photo
from curated.review import Carrier, Desk
from curated.state.rows import photo_from_arrival, with_reading
from tests.support.faults_ground import Ground
from tests.support.filing_world import NOON, sha256
from tests.support.readings import reading

Tell = Callable[[str], None]
_FOLDERS = ("Photos", "Pets", "New/deep")


class Stream:
    """One act after the other on pictures taken at random; `tell` hears what is about to be done."""

    def __init__(self, ground: Ground, disk: Disk, rng: Random, tell: Tell = lambda act: None) -> None:
        self._ground = ground
        self._world = ground.world
        self._disk = disk
        self._rng = rng
        self._tell = tell
        self._desk = Desk(ground.config, ground.world.database)
        self._filer = ground.world.filer(disk)
        self._carrier = Carrier(ground.config, self._filer)

    def act(self) -> None:
        """Do one thing; what cannot be done is left alone, as it is for a person."""
        with contextlib.suppress(FilingError, NotFound):
            self._act()

    def decide(self) -> None:
        """Decide something, undo or redo it, and carry it out; what is not in the library arrives first."""
        with contextlib.suppress(FilingError, NotFound):
            asset = self._rng.choice(self._ground.assets)
            photo = self._ground.photo(asset)
            if photo is None or photo.status in (Status.ARRIVING, Status.UNDONE):
                self._arrive(asset)
            elif self._rng.random() < 0.3:
                self._turn_back()
            elif self._rng.random() < 0.4:
                self._decide_of_twins(photo)
            else:
                self._decide(photo)

    def _arrive(self, asset: tuple[str, ...]) -> None:
        """File it with what the models say of it, or put it aside as a duplicate of one that is filed."""
        self._tell("arrive")
        self._world.store.forget_arriving()
        paths = [self._world.unsorted / name for name in asset]
        digest = sha256(paths[0])
        seen = photo_from_arrival(self._world.arrival(paths[0]), digest, NOON)
        photo_id = self._world.store.add(with_reading(seen, reading(digest, caption="a cat")))
        after: dict[str, str | None] = {"status": "filed", "category": "Photos", "reason": "a photo"}
        folder, purpose = self._world.library / "Photos", Purpose.FILE
        heads = [each for each in self._world.store.photos() if each.status is Status.FILED and each.twin_of is None]
        if heads and self._rng.random() < 0.5:
            keeper = self._rng.choice(heads)
            after = {"status": "duplicate", "category": None, "reason": f"like #{keeper.id}"}
            after |= {"twin_of": str(keeper.id), "twin_kind": "near", "twin_distance": "2"}
            folder, purpose = self._world.library / "Duplicates", Purpose.DUPLICATE
        targets = [folder / f"cat{name.removeprefix(asset[0].partition('.')[0])}" for name in asset]
        plan = self._world.plan(paths, targets)
        self._filer.move(plan, purpose=purpose, photo_id=photo_id, after=after, reason=after["reason"] or "")

    def _decide_of_twins(self, photo: Photo) -> None:
        what = self._rng.choice(("keeper", "distinct"))
        self._tell(what)
        self._desk.decide([photo.id], what)
        self._carry(what)

    def _act(self) -> None:
        asset = self._rng.choice(self._ground.assets)
        photo = self._ground.photo(asset)
        if photo is None or photo.status in (Status.ARRIVING, Status.UNDONE):
            self._file(asset, photo)
        elif photo.status is Status.TRASHED:
            self._rng.choice((self._restore, self._undo, self._decide, self._restore))(photo)
        else:
            self._rng.choice((self._trash, self._correct, self._undo, self._undo_last, self._redo, self._decide))(photo)

    def _file(self, asset: tuple[str, ...], photo: Photo | None) -> None:
        self._tell("file")
        folder = self._world.library / self._rng.choice(_FOLDERS)
        if photo is not None and photo.status is Status.ARRIVING:
            self._world.store.forget_arriving()
            photo = None
        if photo is None:
            paths = [self._world.unsorted / name for name in asset]
            targets = [folder / f"cat{name.removeprefix(asset[0].partition('.')[0])}" for name in asset]
            self._world.file(paths, targets, filer=self._filer)
        else:
            self._move(photo, Purpose.FILE, "filed again")

    def _move(self, photo: Photo, purpose: Purpose, reason: str) -> None:
        folder = self._rng.choice(_FOLDERS)
        stem = photo.path.stem
        files = present_files(
            self._disk,
            photo,
            lambda path: self._world.library / folder / path.name.replace(stem, "cat"),
        )
        after = {"status": "filed", "category": folder, "reason": reason}
        self._filer.move(files, purpose=purpose, photo_id=photo.id, after=after, reason=reason)

    def _correct(self, photo: Photo) -> None:
        self._tell("correct")
        self._move(photo, Purpose.CORRECT, "by hand")

    def _trash(self, photo: Photo) -> None:
        self._tell("trash")
        trash_photo(self._filer, photo, self._world.folders)

    def _restore(self, photo: Photo) -> None:
        self._tell("restore")
        restore(self._filer, photo)

    def _undo(self, photo: Photo) -> None:
        self._tell("undo")
        undo(self._filer, UndoSelection(photo_ids=(photo.id,)))

    def _undo_last(self, photo: Photo) -> None:
        self._tell("undo last")
        undo(self._filer, UndoSelection(last=self._rng.randint(1, 3)))

    def _redo(self, photo: Photo) -> None:
        self._tell("redo")
        undone = [move.id for move in self._world.journal.in_force("purpose = 'undo'")]
        undo(self._filer, UndoSelection(move_ids=tuple(undone[:1]) or (0,)))

    def _decide(self, photo: Photo) -> None:
        self._tell("decide")
        what = self._rng.choice(("trash", "keep", "file", "rename", "undecided"))
        argument = {"file": self._rng.choice(_FOLDERS), "rename": self._rng.choice(("cat", "dog"))}.get(what)
        self._desk.decide([photo.id], what, argument)
        self._carry(what)

    def _turn_back(self) -> None:
        self._tell("undo or redo a decision")
        back = self._rng.random() < 0.6
        step = self._desk.undo() if back else self._desk.redo()
        self._carry(f"{step.action}, {'undone' if back else 'redone'}" if step else "nothing")

    def _carry(self, what: str) -> None:
        self._tell(f"carry {what}")
        for _ in self._carrier.carry():
            pass
