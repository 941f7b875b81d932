"""What a person says of duplicates: which one is the keeper, and which are none; both are decisions like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from curated.config import Config
from curated.decide import decide
from curated.domain import Move, Photo, Purpose, Status
from curated.duplicates import best_of, better_of, contender
from curated.errors import FilingError, NotFound
from curated.filing import Filer
from curated.filing.filed import present_files
from curated.naming import safe_name
from curated.review.hand import beside
from curated.state.decisions import Decisions, MadeDecision, Marks, NewDecision, as_columns
from curated.state.journal import Columns
from curated.state.pairs import Group, Pairs
from curated.state.rows import printable, reading_from_photo, to_text
from curated.state.store import Store

if TYPE_CHECKING:
    from curated.review.desk import Decided, Desk

ALONE = "has no duplicates"
_UNDER_WAY = "is in a group whose files still follow an earlier choice; try again in a moment"
# Others have been trashed, taken back or lost since it was decided.
_TAKES_PART = (Status.FILED, Status.REVIEW, Status.DUPLICATE)
_ALONE_COLUMNS: Columns = {"twin_of": None, "twin_kind": None, "twin_distance": None}


def choose_keeper(desk: Desk, photo_id: int) -> Decided:
    """Make a picture the keeper of its group, as one step: it takes the keeper's place, which goes to Duplicates.

    What is the keeper already is only remembered as chosen, so that no better one takes its place by itself.
    """
    from curated.review.desk import Decided

    photo = desk.store.get(photo_id)
    group = Pairs(desk.store.database).group(photo_id)
    if group is None or not group.duplicates:
        return Decided(None, ((photo_id, ALONE),))
    if photo.status is Status.ARRIVING:
        return Decided(None, ((photo_id, "is being filed right now; try again in a moment"),))
    if _under_way(desk, group):
        return Decided(None, ((photo_id, _UNDER_WAY),))
    chosen = _marked(photo, {"chosen": 1}, moves=photo.status is Status.DUPLICATE)
    new = [chosen]
    former = group.keeper
    if former.id != photo_id and former.status in (Status.FILED, Status.REVIEW):
        # It leaves its place first, so that the other finds it free.
        new = [_marked(former, {"chosen": 0}, moves=True), chosen]
    step = desk.decisions.add("keeper", str(photo_id), new, desk.clock())
    return Decided(step)


def separate(desk: Desk, photo_ids: Sequence[int]) -> Decided:
    """Say that pictures are no duplicates of the others in their group, for ever: each is filed by its findings.

    Of a keeper it is said by saying it of its duplicates. What was taken in one burst is only no longer linked. Of
    pictures of several groups it is said in each group by itself; nothing is said of two that were in none together.
    """
    from curated.review.desk import Decided

    new: list[NewDecision] = []
    refused: list[tuple[int, str]] = []
    for photo_id in dict.fromkeys(photo_ids):
        try:
            photo = desk.store.get(photo_id)
        except NotFound as error:
            refused.append((photo_id, str(error)))
            continue
        group = Pairs(desk.store.database).group(photo_id)
        if group is None or photo.twin_of is None:
            refused.append((photo_id, "is the keeper: say it of its duplicates" if group else ALONE))
            continue
        if _under_way(desk, group):
            refused.append((photo_id, _UNDER_WAY))
            continue
        contents = {each.sha256 for each in (group.keeper, *group.duplicates, *group.burst, photo)}
        if photo.sha256 == group.keeper.sha256:
            contents = {photo.sha256}  # what its bytes are like is said of the keeper
        unlinked: Marks = {}
        if photo.status is not Status.DUPLICATE:
            unlinked = {"twin_of": None, "twin_kind": None, "twin_distance": None}
        new.append(replace(_marked(photo, unlinked, moves=True), argument=" ".join(sorted(contents))))
    return Decided(desk.decisions.add("distinct", None, new, desk.clock()) if new else None, tuple(refused))


def _under_way(desk: Desk, group: Group) -> bool:
    """Whether what was said of the group before is not carried out: its rows do not show it yet."""
    members = (group.keeper, *group.duplicates, *group.burst)
    owed = (made for member in members for made in desk.decisions.owed(member.id))
    return any(made.action in ("keeper", "distinct") for made in owed)


def suggestion(group: Group) -> tuple[Photo, str]:
    """(the picture of the group that is to be its keeper, why in words)."""
    members = [photo for photo in (group.keeper, *group.duplicates) if photo.status is not Status.MISSING]
    best = best_of(members or [group.keeper], group.bordered)
    others = [photo for photo in members if photo.id != best.id]
    if not others:
        return best, "it is the only one left"
    return best, better_of(*(contender(each, group.bordered) for each in (best_of(others, group.bordered), best)))[1]


class TwinHand:
    """Carries out what was said of duplicates, one picture at a time; see Carrier."""

    def __init__(self, config: Config, filer: Filer) -> None:
        self._config = config
        self._filer = filer
        self._store = Store(filer.database)
        self._pairs = Pairs(filer.database)
        self._decisions = Decisions(filer.database)

    def keeper(self, made: MadeDecision, photo: Photo) -> None:
        """Bring the former keeper to Duplicates, or the chosen one to its place. Raises FilingError, NotFound."""
        chosen = int(made.argument or 0)
        if photo.status not in _TAKES_PART:
            raise FilingError(photo.path, f"is {photo.status} since; it is left as it is")
        if photo.id != chosen:
            keeper = self._store.get(chosen)
            if keeper.status not in _TAKES_PART:
                raise FilingError(
                    photo.path, f"stays the keeper: #{chosen}, which was chosen, is {keeper.status} since"
                )
            if photo.status is not Status.DUPLICATE:
                self._pairs.gather(photo.id)
                self._demote(made, photo, keeper)
            return
        if photo.status is Status.DUPLICATE:
            self._check_made_way(photo)
            self._promote(made, photo)
        if (former := self._left(made, photo)) is not None:
            self._pairs.repoint(former, chosen)

    def keeper_back(self, made: MadeDecision) -> None:
        """After the files are back: the group follows its keeper."""
        photo = self._store.get(made.photo_id)
        if photo.id == int(made.argument or 0) and photo.twin_of is not None:
            self._pairs.repoint(photo.id, photo.twin_of)

    def distinct(self, made: MadeDecision, photo: Photo) -> None:
        """File the picture by its own findings, and remember the pairs. Raises FilingError, with none remembered."""
        if photo.status is Status.DUPLICATE:
            self._file(photo, "no duplicate, by a person's word", made)
        if (former := self._left(made, photo)) is not None:
            self._pairs.take_along(photo, former)
        others = _others(made.argument, photo.sha256)
        self._pairs.set_distinct(photo.sha256, others, self._filer.clock())

    def check_way_back(self, made: MadeDecision, move: Move) -> None:
        """Raises FilingError if taking this back brought two together that another word says are no duplicates.

        Since then others may have come to the picture that were said to be none of those that it would go back to.
        """
        photo = self._store.get(made.photo_id)
        if (former := move.before.get("twin_of")) is None:
            return
        head = self._pairs.head(int(former))
        there = set(self._pairs.contents(head).values())
        for member, sha256 in self._pairs.contents(photo.id).items():
            apart = self._pairs.distinct_from(sha256) - {sha256}
            if sha256 == photo.sha256:
                apart -= set(self._only_said_by(made, photo.sha256))
            if apart & there:
                raise FilingError(photo.path, f"stays: #{member} was said to be no duplicate of those of #{head}")

    def distinct_back(self, made: MadeDecision) -> None:
        """Forget the pairs again, but those that another decision in force says as well."""
        photo = self._store.get(made.photo_id)
        self._pairs.forget_distinct(photo.sha256, self._only_said_by(made, photo.sha256))
        # Its keeper may have been put aside for a better one since, and its copies came with it.
        self._pairs.gather(photo.id)

    def not_taken_back(self, made: MadeDecision, photo: Photo) -> None:
        """It could not be taken back and is in force again: so are its pairs, whatever was taken back with it."""
        self._pairs.set_distinct(photo.sha256, _others(made.argument, photo.sha256), self._filer.clock())

    def _only_said_by(self, made: MadeDecision, sha256: str) -> list[str]:
        """The contents of which no other decision in force says that this one is no duplicate of them."""
        others = _others(made.argument, sha256)
        said = self._decisions.in_force("distinct", {sha256, *others}, besides=made.id)
        still = {frozenset((one, other)) for one, argument in said for other in _others(argument, one)}
        return [other for other in others if frozenset((sha256, other)) not in still]

    def _left(self, made: MadeDecision, photo: Photo) -> int | None:
        """The keeper that a picture was moved away from for this decision; `photo` as it was before.

        By what the move left behind, as a program may have been killed right after it.
        """
        moved = self._filer.journal.last(photo.id, Purpose.CORRECT)
        if moved is None or not (photo.status is Status.DUPLICATE or moved.id > (made.base or moved.id)):
            return None
        former = moved.before.get("twin_of")
        return None if former is None else int(former)

    def _check_made_way(self, photo: Photo) -> None:
        """Raises FilingError while the keeper is still in its place: two pictures would be in the library for one."""
        former = self._store.get(self._pairs.head(photo.id))
        # Nor has a better one that the daemon is about to put into its place.
        if former.status not in (Status.FILED, Status.REVIEW, Status.ARRIVING):
            return
        try:
            gone = self._filer.disk.look(former.path) is None
        except OSError:
            gone = False  # the disk does not answer for it
        if not gone:
            raise FilingError(photo.path, f"stays a duplicate: #{former.id}, the keeper, did not make way for it")

    def _demote(self, made: MadeDecision, former: Photo, chosen: Photo) -> None:
        reason = f"like #{chosen.id}, which a person chose as the keeper"
        folder = self._config.folders.library_path / self._config.folders.duplicates
        kind, distance = chosen.twin_kind or "near", chosen.twin_distance or 0
        after: dict[str, str | None] = {
            "status": Status.DUPLICATE.value,
            "category": None,
            "reason": reason,
            "twin_of": str(chosen.id),
            "twin_kind": kind,
            "twin_distance": str(distance),
        }
        self._filer.move(
            present_files(self._filer.disk, former, lambda path: folder / path.name),
            purpose=Purpose.DUPLICATE,
            photo_id=former.id,
            after=after | as_columns(made.after),
            before=as_columns(made.before),
            reason=reason,
        )

    def _promote(self, made: MadeDecision, photo: Photo) -> None:
        """Into the place that the former keeper has just left; where there is none, where its own findings say."""
        former = self._store.get(photo.twin_of) if photo.twin_of is not None else None
        left = self._filer.journal.last(former.id, Purpose.DUPLICATE) if former is not None else None
        made_way = former is not None and former.status is Status.DUPLICATE
        if former is None or left is None or not made_way or left.before.get("category") is None:
            self._file(photo, "chosen as the keeper by a person", made)
            return
        place = left.files[0].source
        after = {
            "status": left.before.get("status") or Status.FILED.value,
            "category": left.before.get("category"),
            "reason": f"chosen as the keeper by a person, in place of #{former.id}",
            "filed_at": to_text(photo.filed_at or self._filer.clock()),
        }
        self._move(photo, place.with_name(place.stem + photo.path.suffix), after, made)

    def _file(self, photo: Photo, why: str, made: MadeDecision) -> None:
        reading = reading_from_photo(photo)
        if reading is None:
            raise FilingError(photo.path, "was never judged, so nobody knows where it belongs; file it by hand")
        decision = decide(reading, photo.original_path, self._config)
        name = safe_name(decision.name, self._config.naming.max_bytes)
        target = self._config.folders.library_path / decision.folder / f"{name}{decision.extension}"
        after = {
            "status": decision.status.value,
            "category": decision.category,
            "reason": f"{why}; {printable(decision.reason)}",
            "filed_at": to_text(photo.filed_at or self._filer.clock()),
        }
        self._move(photo, target, after, made)

    def _move(self, photo: Photo, target: Path, after: Columns, made: MadeDecision) -> None:
        places = beside(photo, target)
        self._filer.move(
            present_files(self._filer.disk, photo, places.__getitem__),
            purpose=Purpose.CORRECT,
            photo_id=photo.id,
            after={**after, **_ALONE_COLUMNS, **as_columns(made.after)},
            before=as_columns(made.before),
            reason=after["reason"] or "",
        )


def _marked(photo: Photo, after: Marks, *, moves: bool) -> NewDecision:
    before: dict[str, str | int | None] = {
        "chosen": int(photo.chosen),
        "twin_of": photo.twin_of,
        "twin_kind": photo.twin_kind,
        "twin_distance": photo.twin_distance,
    }
    return NewDecision(photo.id, {name: before[name] for name in after}, after, moves)


def _others(argument: str | None, sha256: str) -> list[str]:
    """The contents that a picture with this one is no duplicate of: those of its group but its own.

    A copy of the same bytes is no duplicate of itself then: it is filed each time it comes.
    """
    contents = (argument or "").split()
    return [each for each in contents if each != sha256] or [sha256]
