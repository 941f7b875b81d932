"""The last stage: twin or not, which category, which name; then the move, and the row that says so."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from curated.config import Config
from curated.domain import Arrival, Move, Photo, Purpose, Reading, Status, Twin
from curated.duplicates import TwinIndex, TwinMatch, better_of, contender, fingerprint_of, likeness_of
from curated.errors import FilingError, FolderUnusable, PictureChanged, PictureError, SourceChanged
from curated.filing import Filer, PlannedFile, UndoSelection, undo
from curated.filing.filed import present_files
from curated.intake.assets import companion_target
from curated.naming import is_human_name, safe_name
from curated.pipeline.groups import Groups, Head, Settled, settle
from curated.pipeline.judgement import Judgement
from curated.pipeline.outcomes import Blocked, Candidate, Failed, Filed, Outcome, Returned
from curated.pipeline.retries import Retries
from curated.state.pairs import NO_LIKENESS, Likeness, Pairs
from curated.state.rows import photo_from_arrival, printable, to_text, with_reading
from curated.state.store import Store

log = logging.getLogger(__name__)

# What is said of a keeper that a person threw away: its duplicate is not filed as if it were new.
_TOLD = {Status.TRASHED: "is in the trash", Status.MISSING: "was trashed and removed for good"}


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
        self._judgement = Judgement(config, store.database)
        self._config = config
        self._store = store
        self._filer = filer
        self._retries = retries
        self._index = index
        self._pairs = Pairs(store.database)
        self._groups = Groups(store, filer.disk)
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
        likeness = self._likeness(reading, same)
        match = self._match(photo, likeness, same)
        heads = self._groups.heads(photo.sha256, match.twins)
        if not heads:
            with self._row(photo, reading, likeness) as row:
                filed = self._move(candidate, row, self._by_rules(row, reading, match.remark))
            self._groups.join_burst(filed, match.bursts)
            return Filed(candidate.path, self._store.get(filed.id))
        bordered = self._pairs.bordered([head.photo.id for head in heads])
        if likeness.inner and photo.kind == "photo":
            bordered |= {photo.id}
        settled = settle(photo, heads, may_replace=same is None, bordered=bordered)
        if settled.keeper is None:
            return self._replace(candidate, photo, reading, likeness, settled)
        keeper = settled.keeper
        twin, why = keeper.twin, settled.why
        duplicate = replace(photo, twin_of=keeper.photo.id, twin_kind=twin.kind, twin_distance=twin.distance)
        with self._row(duplicate, reading, likeness) as row:
            filed = self._move(candidate, row, self._to_duplicates(row, keeper.photo, twin, why))
        demoted = self._put_aside(settled.lesser, keeper.photo)
        return Filed(candidate.path, filed, demoted)

    def _match(self, photo: Photo, likeness: Likeness, same: Photo | None) -> TwinMatch:
        if same is None:
            return self._index.find(fingerprint_of(photo, likeness))
        if same.sha256 in self._pairs.distinct_from(photo.sha256):
            return TwinMatch()
        return TwinMatch((Twin(same.id, "exact", 0, f"the same bytes as #{same.id}"),))

    def _likeness(self, reading: Reading, same: Photo | None) -> Likeness:
        """What is kept to lay the picture over others; of the same bytes it is known already."""
        if same is not None and (known := self._pairs.likeness(same.id)) is not None:
            return known
        return likeness_of(reading)

    def _photo(self, candidate: Candidate, reading: Reading | None) -> Photo:
        """The row as it will be written; one that was taken back by undo keeps its id, first name and verdict."""
        photo = photo_from_arrival(candidate.asset.primary, candidate.sha256, self._filer.clock())
        if candidate.photo_id is not None:
            before = self._store.get(candidate.photo_id)
            photo = replace(
                photo,
                id=before.id,
                original_path=before.original_path,
                verdict=before.verdict,
                protected=before.protected,
            )
        photo = replace(photo, companions=tuple(each.path for each in candidate.asset.companions))
        return with_reading(photo, reading) if reading else photo

    def _replace(
        self, candidate: Candidate, photo: Photo, reading: Reading, likeness: Likeness, settled: Settled
    ) -> Outcome:
        """File the better of two twins in the library, after the lesser one has made way for it and its name."""
        first, *others = settled.lesser
        with self._row(photo, reading, likeness) as better:
            try:
                demotion = self._demote(first.photo, better, first.twin, settled.why)
            except FilingError as error:  # the new one is filed all the same; both are there, and the reason says so
                doubt = replace(
                    first.twin, reason=f"better than #{first.photo.id}, which could not be put aside: {error.reason}"
                )
                return Filed(candidate.path, self._move(candidate, better, self._by_rules(better, reading, doubt)))
            try:
                filed = self._move(candidate, better, self._by_rules(better, reading, None))
            except FilingError:
                undo(self._filer, UndoSelection(move_ids=(demotion.id,)))
                raise
        self._groups.lead(filed, first.photo, first.twin)
        self._put_aside(others, filed)
        return Filed(candidate.path, self._store.get(filed.id), self._store.get(first.photo.id))

    def _put_aside(self, lesser: Sequence[Head], keeper: Photo) -> Photo | None:
        """The first of several filed pictures that turned out to be one: they are put aside for the best of them."""
        demoted = []
        for head in lesser:
            why = better_of(contender(head.photo), contender(keeper))[1]
            try:
                self._demote(head.photo, keeper, head.twin, why)
            except FilingError as error:
                log.warning("%s stays beside its twin %s: %s", head.photo.path, keeper.path, error.reason)
                continue
            self._groups.lead(keeper, head.photo, head.twin)
            demoted.append(self._store.get(head.photo.id))
        return demoted[0] if demoted else None

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
        decision = self._judgement.decide(reading, photo.original_path)
        reason = f"{decision.reason}; {doubt.reason}" if doubt else decision.reason
        target = self._library / decision.folder / f"{decision.name}{decision.extension}"
        return _Aim(target, Purpose.FILE, decision.status, decision.category, reason)

    def _to_duplicates(self, photo: Photo, keeper: Photo, twin: Twin, why: str) -> _Aim:
        """Beside its keeper's name, unless a person gave it its own."""
        stands = _TOLD.get(keeper.status, f"stays: {why}")
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
    def _row(self, photo: Photo, reading: Reading | None, likeness: Likeness = NO_LIKENESS) -> Iterator[Photo]:
        """The photo as a row of the database, taken back if its file could not be moved."""
        findings = reading.findings if reading else None
        embedding = (findings.models["embedder"], findings.embedding) if findings and findings.embedding else None
        before = None
        if photo.id:
            with self._store.database.write():
                before = self._store.get(photo.id)
                # What a person has said since the picture was looked up stays.
                photo = replace(
                    photo,
                    verdict=before.verdict,
                    # A category that was confirmed went with the filing that was taken back.
                    confirmed=before.confirmed if before.category else None,
                    protected=before.protected,
                    chosen=before.chosen,
                )
                self._store.update(photo, embedding)
        else:
            photo = replace(photo, id=self._store.add(photo, embedding))
        if likeness != NO_LIKENESS:
            self._pairs.set_likeness(photo.id, likeness)
        if reading is not None and photo.verdict is None:
            self._judgement.score(photo.id, reading)
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
            self._index.add(filed.id, filed.phash, self._pairs.likeness(filed.id) or NO_LIKENESS)
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
