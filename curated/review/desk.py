"""Decisions as rows, made in a millisecond and carried out later; undone and redone without limit.

key -> Desk.decide: one transaction (decision rows, and the marks on the pictures' rows)
    -> Carrier: the files follow, one after the other, by the journal's road
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from curated.config import Config
from curated.domain import Photo, Status
from curated.errors import NotFound
from curated.review.hand import PROTECTED, category_place, confirmed_at
from curated.review.twins import choose_keeper, separate
from curated.state.database import Database
from curated.state.decisions import Action, Decisions, MadeDecision, Marks, NewDecision, Step
from curated.state.journal import Clock, utc_now
from curated.state.rows import to_text
from curated.state.store import Store

# A verdict is a wish for a place, too: what is kept or undecided has no business in the trash.
_VERDICTS: dict[Action, str | None] = {"keep": "keep", "trash": "trash", "undecided": None}


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as it will be once everything decided is carried out; `file` is where it lies now.

    `owed` says that its file still has to move.
    """

    photo: Photo
    file: Path
    owed: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What a key press did: the step, None where no picture took part, and why others did not."""

    step: Step | None
    refused: tuple[tuple[int, str], ...] = ()


class Desk:
    """Takes decisions; may be used by several processes at once, all of which share one history."""

    def __init__(self, config: Config, database: Database, clock: Clock = utc_now) -> None:
        self._config = config
        self.clock = clock
        self.store = Store(database)
        self.decisions = Decisions(database)

    def see(self, photo_id: int) -> Seen:
        """The picture with what was decided on it. Raises NotFound."""
        # In this order: a file that follows between the two is then only thought of twice.
        owed = self.decisions.owed(photo_id)
        photo = self.store.get(photo_id)
        return Seen(_as_decided(photo, owed), photo.path, bool(owed))

    def decide(self, photo_ids: Sequence[int], action: Action, argument: str | None = None) -> Decided:
        """Decide the same of all these pictures, as one step.

        "file" needs a category as its argument, one of the configuration's or a new one; "rename" a name. "keeper"
        takes one picture, "distinct" pictures of one group (see curated.review.twins). What cannot take part (protected
        from the trash, being filed at the moment, gone) is refused by name, and the others go on.
        Raises NotFound for a category that cannot be one, StateError if the database cannot be written.
        """
        if action == "file":
            argument = category_place(self._config, argument or "")[0]
        # Looked at and decided on in one transaction: no file follows an earlier decision in between.
        with self.store.database.write():
            if action == "keeper":
                return choose_keeper(self, photo_ids[0])
            if action == "distinct":
                return separate(self, photo_ids)
            return self._decide_each(photo_ids, action, argument)

    def _decide_each(self, photo_ids: Sequence[int], action: Action, argument: str | None) -> Decided:
        new: list[NewDecision] = []
        refused: list[tuple[int, str]] = []
        for photo_id in dict.fromkeys(photo_ids):
            try:
                seen = self.see(photo_id)
            except NotFound as error:
                refused.append((photo_id, str(error)))
                continue
            if why := _refusal(seen.photo, action):
                refused.append((photo_id, why))
            else:
                new.append(self._decision(seen, action, argument))
        step = self.decisions.add(action, argument, new, self.clock()) if new else None
        return Decided(step, tuple(refused))

    def undo(self) -> Step | None:
        """Take back the last step, of whichever sitting; None where there is none left."""
        return self.decisions.undo(self.clock())

    def redo(self) -> Step | None:
        """Bring back the step that was undone last, unless something else was decided since."""
        return self.decisions.redo(self.clock())

    def _decision(self, seen: Seen, action: Action, category: str | None) -> NewDecision:
        photo = seen.photo
        after: dict[str, str | int | None] = {}
        moves = False
        if action in _VERDICTS:
            after["verdict"] = _VERDICTS[action]
            moves = (action == "trash") != (photo.status is Status.TRASHED)
        elif action == "confirm":
            after["confirmed"] = to_text(confirmed_at(photo, photo.category, self.clock()))
        elif action == "file":
            after["confirmed"] = to_text(confirmed_at(photo, category, self.clock()))
            if photo.status is Status.TRASHED:
                after["verdict"] = None
            moves = True
        elif action == "rename":
            moves = True
        else:
            after["protected"] = int(action == "protect")
        present: Marks = {
            "verdict": photo.verdict,
            "confirmed": to_text(photo.confirmed) if photo.confirmed else None,
            "protected": int(photo.protected),
        }
        return NewDecision(photo.id, {name: present[name] for name in after}, after, moves)


def _refusal(photo: Photo, action: Action) -> str:
    if photo.status is Status.ARRIVING:
        return "is being filed right now; try again in a moment"
    if photo.status is Status.MISSING:
        return "is gone from the disk; `curated fsck --repair` looks for it"
    if action == "trash" and photo.protected:
        return PROTECTED
    return ""


def _as_decided(photo: Photo, owed: Sequence[MadeDecision]) -> Photo:
    """The picture as its file will lie; of what is being taken back its row's marks tell the rest."""
    for made in owed:
        if not made.wanted:
            photo = replace(photo, status=_status_back(photo, made))
        elif made.action == "trash":
            photo = replace(photo, status=Status.TRASHED)
        elif made.action in ("keep", "undecided") and photo.status is Status.TRASHED:
            photo = replace(photo, status=Status.FILED)
        elif made.action == "file" and made.argument is not None:
            photo = replace(photo, category=made.argument, status=Status.FILED)
        elif made.action == "distinct" or (made.action == "keeper" and made.argument == str(photo.id)):
            photo = replace(photo, status=Status.FILED if photo.status is Status.DUPLICATE else photo.status)
        elif made.action == "keeper":
            photo = replace(photo, status=Status.DUPLICATE)
        elif made.action == "rename" and made.argument is not None:
            photo = replace(photo, name=made.argument)
    return photo


def _status_back(photo: Photo, made: MadeDecision) -> Status:
    """The status of the picture once the decision is taken back."""
    if made.action == "trash" or (made.action == "keeper" and made.argument != str(photo.id)):
        return Status.FILED
    if made.action == "keeper" or (made.action == "distinct" and not made.before):  # what it unlinked lay in its place
        return Status.DUPLICATE
    return photo.status


def categories(config: Config, database: Database) -> Iterator[str]:
    """Every category that a picture can be filed as or has been: the configuration's first, in its order."""
    known = dict.fromkeys(config.category_folders)
    rows = database.execute("SELECT DISTINCT category FROM photo WHERE category IS NOT NULL ORDER BY category")
    yield from dict.fromkeys([*known, *(row["category"] for row in rows.fetchall())])
