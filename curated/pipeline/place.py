"""The last stage: twin or not, which category, which name; then the move, and the row that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from curated.config import Config
from curated.decide import decide
from curated.domain import Arrival, Decision, Photo, Purpose, Reading, Status, Twin
from curated.duplicates import TwinIndex, TwinMatch, better_of, contender, fingerprint_of
from curated.errors import FilingError, FolderUnusable, PictureChanged, PictureError, SourceChanged
from curated.filing import Filer, PlannedFile
from curated.filing.filed import present_files
from curated.intake.assets import companion_target
from curated.naming import is_human_name, safe_name
from curated.pipeline.outcomes import Blocked, Candidate, Failed, Filed, Outcome, Returned
from curated.pipeline.retries import Retries
from curated.state.rows import photo_from_arrival, printable, to_text, with_reading
from curated.state.store import Store

_IN_LIBRARY = (Status.FILED, Status.REVIEW)


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
        photo = self._row(candidate, reading)
        match = TwinMatch(_exact(same)) if same else self._index.find(fingerprint_of(photo))
        keeper = self._keeper(match.twin)
        if match.twin is None or keeper is None:
            decision = self._decide(photo, reading, match.suspicion)
            filed = self._file(candidate, photo, reading, decision)
            return Filed(candidate.path, filed)
        new_is_better, why = better_of(contender(keeper), contender(photo))
        if new_is_better and _may_make_way(keeper) and same is None:
            filed = self._file(candidate, photo, reading, self._decide(photo, reading, None))
            return Filed(candidate.path, filed, self._demote(keeper, filed, match.twin, why))
        filed = self._file_duplicate(candidate, photo, reading, keeper, match.twin, why)
        return Filed(candidate.path, filed)

    def _row(self, candidate: Candidate, reading: Reading) -> Photo:
        photo = photo_from_arrival(candidate.asset.primary, candidate.sha256, self._filer.clock())
        if candidate.photo_id is not None:
            before = self._store.get(candidate.photo_id)
            photo = replace(photo, id=before.id, original_path=before.original_path, verdict=before.verdict)
        companions = tuple(each.path for each in candidate.asset.companions)
        return replace(with_reading(photo, reading), companions=companions)

    def _decide(self, photo: Photo, reading: Reading, suspicion: Twin | None) -> Decision:
        decision = decide(reading, photo.original_path, self._config)
        if suspicion is None:
            return decision
        return replace(decision, reason=f"{decision.reason}; {suspicion.reason}")

    def _file(self, candidate: Candidate, photo: Photo, reading: Reading, decision: Decision) -> Photo:
        after = {
            "status": decision.status.value,
            "category": decision.category,
            "reason": decision.reason,
            "filed_at": to_text(self._filer.clock()),
        }
        target = self._library / decision.folder / f"{decision.name}{decision.extension}"
        return self._move(candidate, photo, reading, target, Purpose.FILE, after)

    def _keeper(self, twin: Twin | None) -> Photo | None:
        """The one that is duplicated, followed to the head of its group; None if it is not there any more."""
        seen: set[int] = set()
        photo_id = twin.photo_id if twin else None
        while photo_id is not None and photo_id not in seen:
            seen.add(photo_id)
            photo = self._store.get(photo_id)
            if photo.status is not Status.DUPLICATE or photo.twin_of is None:
                return photo if self._filer.disk.look(photo.path) is not None else None
            photo_id = photo.twin_of
        return None

    def _file_duplicate(
        self, candidate: Candidate, photo: Photo, reading: Reading, keeper: Photo, twin: Twin, why: str
    ) -> Photo:
        stands = "is in the trash" if keeper.status is Status.TRASHED else f"stays: {why}"
        reason = f"{twin.reason}; #{keeper.id} {stands}"
        duplicate = replace(photo, twin_of=keeper.id, twin_kind=twin.kind, twin_distance=twin.distance)
        after = {
            "status": Status.DUPLICATE.value,
            "category": None,
            "reason": reason,
            "filed_at": to_text(self._filer.clock()),
        }
        target = self._duplicates / f"{self._duplicate_name(photo, keeper)}{photo.extension or photo.path.suffix}"
        return self._move(candidate, duplicate, reading, target, Purpose.DUPLICATE, after)

    def _demote(self, keeper: Photo, better: Photo, twin: Twin, why: str) -> Photo | None:
        """Move the lesser of two twins out of the library; None if that cannot be done now, which loses nothing."""
        after = {
            "status": Status.DUPLICATE.value,
            "category": None,
            "reason": f"like #{better.id}, which is better: {why}",
            "twin_of": str(better.id),
            "twin_kind": twin.kind,
            "twin_distance": str(twin.distance),
        }
        target = self._duplicates / f"{self._duplicate_name(keeper, better)}{keeper.path.suffix}"
        try:
            files = present_files(self._filer.disk, keeper, lambda path: self._beside(keeper.path, target, path))
            self._filer.move(
                files, purpose=Purpose.DUPLICATE, photo_id=keeper.id, after=after, reason=str(after["reason"])
            )
        except FilingError as error:
            reason = f"{keeper.reason}; a better twin is #{better.id}, but it could not be put aside: {error}"
            self._store.set_status(keeper.id, keeper.status, reason)
            return None
        self._store.set_twin(keeper.id, better.id, twin.kind, twin.distance)
        return self._store.get(keeper.id)

    def _duplicate_name(self, photo: Photo, keeper: Photo) -> str:
        """Its own name if a person gave it, else its keeper's."""
        own = photo.original_path.stem
        if self._config.naming.keep_human_names and is_human_name(own):
            return safe_name(own, self._config.naming.max_bytes)
        return safe_name(keeper.path.stem, self._config.naming.max_bytes)

    @property
    def _duplicates(self) -> Path:
        return self._library / self._config.folders.duplicates

    # -- what could not be judged ------------------------------------------------------------------------

    def _fail(self, candidate: Candidate, error: PictureError, quarantine: bool) -> Outcome:
        if quarantine:
            self._store.quarantine(candidate.sha256, error.reason, self._filer.clock())
        if error.transient and (again := self._retries.again(candidate.asset.primary, error.reason)):
            return again
        photo = photo_from_arrival(candidate.asset.primary, candidate.sha256, self._filer.clock())
        if candidate.photo_id is not None:
            photo = replace(photo, id=candidate.photo_id)
        after = {
            "status": Status.FAILED.value,
            "category": None,
            "reason": printable(error.reason),
            "filed_at": to_text(self._filer.clock()),
        }
        target = self._library / self._config.folders.failed / candidate.path.name
        return Failed(candidate.path, self._move(candidate, photo, None, target, Purpose.FAIL, after))

    # -- both --------------------------------------------------------------------------------------------

    def _move(
        self,
        candidate: Candidate,
        photo: Photo,
        reading: Reading | None,
        target: Path,
        purpose: Purpose,
        after: Mapping[str, str | None],
    ) -> Photo:
        """The row first, then the move; a row whose file did not move is taken back."""
        embedding = (reading.findings.models["embedder"], reading.findings.embedding) if reading else None
        if embedding and not embedding[1]:
            embedding = None
        before = self._store.get(photo.id) if photo.id else None
        if before is not None:
            self._store.update(photo, embedding)
        else:
            photo = replace(photo, id=self._store.add(photo, embedding))
        try:
            self._filer.move(
                self._planned(candidate, target),
                purpose=purpose,
                photo_id=photo.id,
                after=after,
                reason=after["reason"] or "",
            )
        except FilingError:
            if before is not None:
                self._store.update(before)
            else:
                self._store.forget(photo.id)
            raise
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
            place = _untaken(self._beside(primary.path, target, each.path), each.path, target, taken)
            taken.add(place)
            files.append(PlannedFile.of(each, place, sha256, "companion"))
        return files

    @staticmethod
    def _beside(old: Path, new: Path, companion: Path) -> Path:
        return new if companion == old else companion_target(old, new, companion)


def _untaken(place: Path, companion: Path, target: Path, taken: set[Path]) -> Path:
    """The companion's place, or one that keeps its own name behind the picture's, where two would share one."""
    return place if place not in taken else target.with_name(f"{target.stem} {companion.name}")


def _exact(same: Photo) -> Twin:
    return Twin(same.id, "exact", 0, f"the same bytes as #{same.id}")


def _may_make_way(keeper: Photo) -> bool:
    """Whether the program may put a picture aside: not one that a person has judged, nor one out of the library."""
    return keeper.status in _IN_LIBRARY and keeper.verdict is None
