"""The keys that decide: each is a row at once, and the next picture is there."""

from __future__ import annotations

from collections.abc import Sequence

from curated.decide import candidates
from curated.domain import Photo, Status
from curated.errors import NotFound
from curated.review import Seen
from curated.state.decisions import Action, Step
from curated.state.rows import reading_from_photo
from curated.tui.review.lists import Lists
from curated.tui.words import said


class Deciding(Lists):
    """A screen whose keys decide on what is marked, or on the picture under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: Seen | None = None
        self._gone: set[int] = set()
        # What was read of the pictures around; forgotten as soon as anybody changes anything.
        self._known: dict[int | None, Seen | None] = {}
        self._said = ""

    def _read(self, photo_id: int | None) -> Seen | None:
        if photo_id is None:
            return None
        try:
            return self.app.desk.see(photo_id)
        except NotFound:
            return None

    def forget_known(self) -> None:
        self._known.clear()

    def _move(self, by: int) -> None:
        if self.sitting.move(by):
            self._said = ""
            self.show_current()
        elif self.sitting.current is not None:
            self.say("This is the last one." if by > 0 else "This is the first one.")

    def action_keep(self) -> None:
        self._decide("keep")

    def action_trash(self) -> None:
        self._decide("trash")

    def action_undecided(self) -> None:
        photo = self._seen.photo if self._seen else None
        if not self.sitting.marked and photo and photo.verdict is None and photo.status is not Status.TRASHED:
            self._move(1)  # it is undecided: there is nothing to take back later
        else:
            self._decide("undecided")

    def action_file(self, digit: int) -> None:
        rules = self.app.config.category
        if digit <= len(rules):
            self._decide("file", rules[digit - 1].name)
        else:
            self.say(f"There is no category {digit}.")

    def action_confirm(self) -> None:
        """The category is right; what waits in the review folder is filed as what it is most likely."""
        by_category: dict[str | None, list[int]] = {}
        for photo_id in self.sitting.subjects:
            seen = self._read(photo_id)
            if seen is not None:
                by_category.setdefault(self._first_choice(seen.photo), []).append(photo_id)
        if not by_category:
            return
        if len(by_category) == 1:
            category, _ = by_category.popitem()
            self._decide("confirm" if category is None else "file", category)
            return
        for category, photo_ids in by_category.items():
            self._record(photo_ids, "confirm" if category is None else "file", category)
        self._after(len(by_category))

    def _first_choice(self, photo: Photo) -> str | None:
        """What Enter files a picture of the review folder as; None where it confirms."""
        reading = reading_from_photo(photo) if photo.status is Status.REVIEW else None
        found = candidates(reading.findings, self.app.config) if reading else []
        return found[0][0] if found else None

    def action_protect(self) -> None:
        if self._seen is not None:
            self._decide("unprotect" if self._seen.photo.protected else "protect", advance=False)

    def _decide(self, action: Action, argument: str | None = None, *, advance: bool = True) -> None:
        """Decide on all that are marked, or on the picture that is shown, and go on."""
        subjects, marked = self.sitting.subjects, bool(self.sitting.marked)
        if not subjects or (self._seen is None and not marked):
            return
        subjects = [each for each in subjects if each not in self._gone]
        if not subjects:
            self.app.complain("The picture is gone from the disk; `curated fsck --repair` looks for it.")
            return
        step = self._record(subjects, action, argument)
        if step is None:
            self.show_current()
            return
        if marked or not advance:
            self.say(said(action, step.argument, len(step.photo_ids)).capitalize())
        self._after(1, advance=advance and not marked)

    def _record(self, photo_ids: Sequence[int], action: Action, argument: str | None) -> Step | None:
        """Write it down; the step, None where nothing came of it."""
        before = [self._read(each) for each in photo_ids] if self.sitting.marked else [self._seen]
        decided = self.app.decide(photo_ids, action, argument)
        if decided is None or decided.step is None:
            return None
        took_part = set(decided.step.photo_ids)
        for photo_id in took_part:
            self._known.pop(photo_id, None)
        reviewed = [
            bool(each.photo.verdict or each.photo.confirmed) for each in before if each and each.photo.id in took_part
        ]
        if action in ("keep", "trash", "confirm", "file"):
            self.sitting.count_decided(len(took_part), reviewed.count(False))
        return decided.step

    def _after(self, steps: int, *, advance: bool = False) -> None:
        """After a decision: the marks have done their work; on to the next picture, if that is wished."""
        self.sitting.clear_marks()
        if steps > 1:
            self.say(f"Decided in {steps} steps: undo takes them back one by one.")
        if advance and self.sitting.auto_advance:
            self._said = ""
            if not self.sitting.move(1):
                self.say("That was the last one.")
        self.show_current()

    def action_advance(self) -> None:
        self.sitting.auto_advance = not self.sitting.auto_advance
        self.say("After a decision: on to the next" if self.sitting.auto_advance else "After a decision: stay")
