"""The last stage: twin or not, which category, which name; then the move, and the row that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from curated.config import Config
from curated.decide import decide
from curated.domain import JUDGED, Arrival, Move, Photo, Purpose, Reading, Status, Twin
from curated.duplicates import TwinIndex, TwinMatch, better_of, contender, fingerprint_of
from curated.errors import FilingError, FolderUnusable, PictureChanged, PictureError, SourceChanged
from curated.filing import Filer, PlannedFile, UndoSelection, undo
from curated.filing.filed import present_files
from curated.intake.assets import companion_target
from curated.naming import is_human_name, safe_name
from curated.pipeline.outcomes import Blocked, Candidate, Failed, Filed, Outcome, Returned
from curated.pipeline.retries import Retries
from curated.state.rows import photo_from_arrival, printable, to_text, with_reading
from curated.state.store import Store


@dataclass(frozen=True, slots=True)
class _Aim:
    """Where a picture goes, what it is there, and why."""

    target: Path
    purpose: Purpose
    status: Status
    category: str | None
    reason: str


class Place:
    """Files what was judged, and what could not be judged."""

    def __init__(self, config: Config, store: Store, filer: Filer, retries: Retries, index: TwinIndex) -> None:
        self._config = config
        self._store = store
        self._filer = filer
        self._retries = retries
        self._index = index
        self._library = config.folders.library_path

    def __call__(
        self,
        candidate: Candidate,
        answer: Reading | PictureError,
        twin: Photo | None = None,
        *,
        quarantine: bool = False,
    ) -> Outcome:
        """Bring a candidate to where it belongs. `twin` has the same bytes and has been judged before.

        Raises StateError where the database cannot be written; every file is then where it was.
        """
        if isinstance(answer, PictureChanged):
            return Returned(candidate.path, answer.reason)
        try:
            if isinstance(answer, PictureError):
                return self._fail(candidate, answer, quarantine)
            return self._place(candidate, answer, twin)
        except SourceChanged as error:
            return Returned(candidate.path, error.reason)
        except FolderUnusable as error:
            return Blocked(candidate.path, error.path, error.reason)
        except FilingError as error:
            return self.cannot_read(candidate.asset.primary, error.reason)

    def now(self) -> datetime:
        """The time by which retries are due."""
        return self._filer.clock()

    def cannot_read(self, arrival: Arrival, reason: str) -> Outcome:
        """It can neither be filed nor moved to the failed folder, so it is tried again for ever, ever less often."""
        again = self._retries.again(arrival, reason, endless=True)
        assert again is not None  # endless
        return again

    # -- what was judged ---------------------------------------------------------------------------------

    def _place(self, candidate: Candidate, reading: Reading, same: Photo | None) -> Outcome:
        photo = self._photo(candidate, reading)
        match = TwinMatch(_exact(same)) if same else self._index.find(fingerprint_of(photo))
        keeper = self._keeper(match.twin)
        if match.twin is None or keeper is None:
            with self._row(photo, reading) as row:
                filed = self._move(candidate, row, self._by_rules(row, reading, match.suspicion))
            return Filed(candidate.path, filed)
        new_is_better, why = better_of(contender(keeper), contender(photo))
        if new_is_better and same is None and _may_make_way(keeper):
            return self._replace(candidate, photo, reading, keeper, match.twin, why)
        duplicate = replace(photo, twin_of=keeper.id, twin_kind=match.twin.kind, twin_distance=match.twin.distance)
        with self._row(duplicate, reading) as row:
            filed = self._move(candidate, row, self._to_duplicates(row, keeper, match.twin, why))
        return Filed(candidate.path, filed)

    def _photo(self, candidate: Candidate, reading: Reading | None) -> Photo:
        """The row as it will be written; one that was taken back by undo keeps its id, first name and verdict."""
        photo = photo_from_arrival(candidate.asset.primary, candidate.sha256, self._filer.clock())
        if candidate.photo_id is not None:
            before = self._store.get(candidate.photo_id)
            photo = replace(photo, id=before.id, original_path=before.original_path, verdict=before.verdict)
        photo = replace(photo, companions=tuple(each.path for each in candidate.asset.companions))
        return with_reading(photo, reading) if reading else photo

    def _keeper(self, twin: Twin | None) -> Photo | None:
        """The one that is duplicated, followed to the head of its group; None if it is not there any more."""
        seen: set[int] = set()
        photo_id = twin.photo_id if twin else None
        while photo_id is not None and photo_id not in seen:
            seen.add(photo_id)
            photo = self._store.get(photo_id)
            if photo.status is not Status.DUPLICATE or photo.twin_of is None:
                return photo if self._stands(photo) else None
            photo_id = photo.twin_of
        return None

    def _stands(self, photo: Photo) -> bool:
        """Whether it is in the library, and not, say, taken back by undo: else its copies would be all there is."""
        if photo.status not in JUDGED:
            return False
        try:
            return self._filer.disk.look(photo.path) is not None
        except OSError:
            return False  # the disk does not answer for it

    def _replace(
        self, candidate: Candidate, photo: Photo, reading: Reading, keeper: Photo, twin: Twin, why: str
    ) -> Outcome:
        """File the better of two twins in the library, after the lesser one has made way for it and its name."""
        with self._row(photo, reading) as better:
            try:
                demotion = self._demote(keeper, better, twin, why)
            except FilingError as error:  # the new one is filed all the same; both are there, and the reason says so
                doubt = replace(twin, reason=f"better than #{keeper.id}, which could not be put aside: {error.reason}")
                return Filed(candidate.path, self._move(candidate, better, self._by_rules(better, reading, doubt)))
            try:
                filed = self._move(candidate, better, self._by_rules(better, reading, None))
            except FilingError:
                undo(self._filer, UndoSelection(move_ids=(demotion.id,)))
                raise
        self._store.set_twin(keeper.id, filed.id, twin.kind, twin.distance)
        return Filed(candidate.path, filed, self._store.get(keeper.id))

    def _demote(self, keeper: Photo, better: Photo, twin: Twin, why: str) -> Move:
        reason = f"like #{better.id}, which is better: {why}"
        columns = {"twin_of": str(better.id), "twin_kind": twin.kind, "twin_distance": str(twin.distance)}
        return self._filer.move(
            present_files(self._filer.disk, keeper, lambda path: self._duplicates / path.name),
            purpose=Purpose.DUPLICATE,
            photo_id=keeper.id,
            after={"status": Status.DUPLICATE.value, "category": None, "reason": reason, **columns},
            reason=reason,
        )

    # -- where to ----------------------------------------------------------------------------------------

    def _by_rules(self, photo: Photo, reading: Reading, doubt: Twin | None) -> _Aim:
        decision = decide(reading, photo.original_path, self._config)
        reason = f"{decision.reason}; {doubt.reason}" if doubt else decision.reason
        target = self._library / decision.folder / f"{decision.name}{decision.extension}"
        return _Aim(target, Purpose.FILE, decision.status, decision.category, reason)

    def _to_duplicates(self, photo: Photo, keeper: Photo, twin: Twin, why: str) -> _Aim:
        """Beside its keeper's name, unless a person gave it its own."""
        stands = "is in the trash" if keeper.status is Status.TRASHED else f"stays: {why}"
        own = photo.original_path.stem
        by_person = self._config.naming.keep_human_names and is_human_name(own)
        name = safe_name(own if by_person else keeper.path.stem, self._config.naming.max_bytes)
        target = self._duplicates / f"{name}{photo.extension or photo.path.suffix}"
        return _Aim(target, Purpose.DUPLICATE, Status.DUPLICATE, None, f"{twin.reason}; #{keeper.id} {stands}")

    @property
    def _duplicates(self) -> Path:
        return self._library / self._config.folders.duplicates

    # -- what could not be judged ------------------------------------------------------------------------

    def _fail(self, candidate: Candidate, error: PictureError, quarantine: bool) -> Outcome:
        if quarantine:
            self._store.quarantine(candidate.sha256, error.reason, self._filer.clock())
        if error.transient and (again := self._retries.again(candidate.asset.primary, error.reason)):
            return again
        target = self._library / self._config.folders.failed / candidate.path.name
        aim = _Aim(target, Purpose.FAIL, Status.FAILED, None, printable(error.reason))
        with self._row(self._photo(candidate, None), None) as row:
            return Failed(candidate.path, self._move(candidate, row, aim))

    # -- both --------------------------------------------------------------------------------------------

    @contextmanager
    def _row(self, photo: Photo, reading: Reading | None) -> Iterator[Photo]:
        """The photo as a row of the database, taken back if its file could not be moved."""
        findings = reading.findings if reading else None
        embedding = (findings.models["embedder"], findings.embedding) if findings and findings.embedding else None
        before = self._store.get(photo.id) if photo.id else None
        if before is not None:
            self._store.update(photo, embedding)
        else:
            photo = replace(photo, id=self._store.add(photo, embedding))
        try:
            yield photo
        except FilingError:
            if before is not None:
                self._store.update(before)
            else:
                self._store.forget(photo.id)
            raise

    def _move(self, candidate: Candidate, photo: Photo, aim: _Aim) -> Photo:
        """The photo after its files were moved."""
        self._filer.move(
            self._planned(candidate, aim.target),
            purpose=aim.purpose,
            photo_id=photo.id,
            after={
                "status": aim.status.value,
                "category": aim.category,
                "reason": aim.reason,
                "filed_at": to_text(self._filer.clock()),
            },
            reason=aim.reason,
        )
        self._retries.forget(candidate.path)
        filed = self._store.get(photo.id)
        if filed.phash is not None:
            self._index.add(filed.id, filed.phash)
        return filed

    def _planned(self, candidate: Candidate, target: Path) -> list[PlannedFile]:
        primary, others = candidate.asset.primary, candidate.asset.companions
        files = [PlannedFile.of(primary, target, candidate.sha256)]
        taken = {target}
        for each, sha256 in zip(others, candidate.companions, strict=True):
            place = _untaken(companion_target(primary.path, target, each.path), each.path, target, taken)
            taken.add(place)
            files.append(PlannedFile.of(each, place, sha256, "companion"))
        return files


def _untaken(place: Path, companion: Path, target: Path, taken: set[Path]) -> Path:
    """The companion's place, or one that keeps its own name behind the picture's, where two would share one."""
    return place if place not in taken else target.with_name(f"{target.stem} {companion.name}")


def _exact(same: Photo) -> Twin:
    return Twin(same.id, "exact", 0, f"the same bytes as #{same.id}")


def _may_make_way(keeper: Photo) -> bool:
    """Whether the program may put a picture aside: not one that a person has judged, nor one in the trash."""
    return keeper.status is not Status.TRASHED and keeper.verdict is None
