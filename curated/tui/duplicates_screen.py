"""Groups of duplicates side by side: in what they differ, which should be the keeper and why; a key each to say so."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key, Resize
from textual.message import Message
from textual.widgets import Static

from curated.errors import NotFound
from curated.review.twins import suggestion
from curated.state.decisions import Action
from curated.state.pairs import Group, Pairs
from curated.tui.base import SideScreen
from curated.tui.duplicates_look import Member, differences, facts, members, short_name
from curated.tui.keys import bindings, first_key
from curated.tui.picture import PictureView
from curated.tui.words import said

if TYPE_CHECKING:
    from curated.domain import Photo
    from curated.tui.app import Changed

SLOTS = 4
_LEAST_WIDTH = 26


class Listed(Message):
    """The groups were read: the keeper's id of each."""

    def __init__(self, heads: Sequence[int]) -> None:
        super().__init__()
        self.heads = heads


class DuplicatesScreen(SideScreen):
    """One group at a time, two to four of its pictures beside each other."""

    CSS_PATH = "duplicates_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("first", "last", "page_down", "page_up", "keep", "confirm", "trash", "not_duplicates", "clear"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._heads: list[int] | None = None
        self._place = 0
        self._page = 0
        self._group: Group | None = None
        self._members: list[Member] = []
        self._decided_on: dict[int, Group] = {}  # by picture, the group that it was in when it was decided on here
        self._coming_back: dict[int, Group] = {}  # by keeper, groups as they will be when their files have followed
        self._waited_for: set[int] = set()

    @cached_property
    def _pairs(self) -> Pairs:
        return Pairs(self._review.database)

    def compose(self) -> ComposeResult:
        yield Static("", id="title", markup=False)
        yield Static("", id="suggestion", markup=False)
        yield Static("", id="differ", markup=False)
        with Horizontal(id="group"):
            for _ in range(SLOTS):
                with Vertical(classes="slot"):
                    yield Static("", classes="role", markup=False)
                    yield PictureView()
                    yield Static("", classes="facts", markup=False)
        yield Static("", id="empty", markup=False)
        yield Static("", id="word", markup=False)
        yield Static("", id="foot", markup=False)

    def on_mount(self) -> None:
        keys = self._review.config.review.keys
        key = {
            name: first_key(keys, name)
            for name in ("keep", "not_duplicates", "trash", "next", "previous", "undo", "duplicates")
        }
        foot = (
            f"1-9 keeper  {key['keep']} as suggested  {key['not_duplicates']} no twins  {key['trash']} trash  "
            f"{key['previous']} {key['next']} group  {key['undo']} undo  {key['duplicates']} back"
        )
        self.query_one("#foot", Static).update(Content(foot))
        self.query_one("#empty", Static).update(
            Content(
                "No duplicates.\n\n"
                "What arrives and is a copy of what is there is put into the library's folder\n"
                f"{self._review.config.folders.duplicates} beside its keeper's name, and shown here."
            )
        )
        self._draw()
        self._read()

    # -- reading -----------------------------------------------------------------------------------------

    @work(thread=True, group="read", exclusive=True, exit_on_error=False)
    def _read(self) -> None:
        try:
            heads = self._pairs.heads()
        except sqlite3.Error as error:
            self.app.call_from_thread(self.say, f"The groups cannot be read just now: {error}")
            return
        self.post_message(Listed(heads))

    def on_listed(self, message: Listed) -> None:
        """Show the first group."""
        self._heads = list(message.heads)
        self._place = 0
        self._load()

    def on_changed(self, message: Changed) -> None:
        """A decision was made, taken back or carried out: what is shown is read anew, or the group it was about."""
        if message.undone is not None:
            self._waited_for |= set(message.photo_ids)
            self._go_to(message.undone)
            return
        followed = set(message.photo_ids)
        shown = {member.photo.id for member in self._members}
        back = self._waited_for & followed
        self._waited_for -= back
        fewer = self._recount(followed)
        if back - shown:
            self._go_to(min(back - shown))
        elif fewer or shown & followed:
            self._load(page=self._page)

    def _recount(self, followed: set[int]) -> bool:
        """Whether groups had to go from the list because they are none any more, now that these files have followed."""
        decided_on = [group for photo_id in followed if (group := self._decided_on.get(photo_id)) is not None]
        touched = {photo.id for group in decided_on for photo in _all_of(group)}
        heads = self._heads or []
        gone = {head for head in heads if head in touched and self._read_group(head) is None}
        self._place -= sum(head in gone for head in heads[: self._place])
        self._heads = [head for head in heads if head not in gone]
        return bool(gone)

    def _go_to(self, photo_id: int) -> None:
        """Show the group of that picture, wherever in the list it is, be its file still on the way back to it."""
        heads = self._heads or []
        group = self._pairs.group(photo_id)
        if group is None and (group := self._decided_on.get(photo_id)) is not None:
            self._coming_back[group.keeper.id] = group
        ids = {photo_id} | {photo.id for photo in (_all_of(group) if group else ())}
        at = next((place for place, head in enumerate(heads) if head in ids), None)
        if at is None and group is not None:
            heads.insert(self._place, group.keeper.id)
            self._heads = heads
        elif at is not None:
            self._place = at
        self._load()

    def _load(self, page: int = 0) -> None:
        """Read the group in place; those that are none any more are passed over."""
        self._group, self._page = None, page
        while self._heads and self._group is None:
            self._place = max(0, min(self._place, len(self._heads) - 1))
            self._group = self._read_group(self._heads[self._place])
            if self._group is None:
                del self._heads[self._place]
        coming = self._group is not None and self._group.keeper.id in self._coming_back
        self._members = members(self._group, (lambda photo: photo) if coming else self._decided) if self._group else []
        self._draw()

    def _read_group(self, head: int) -> Group | None:
        """The group as it is; one that was taken back, as it will be, until its files have followed or cannot."""
        coming = self._coming_back.get(head)
        if coming is not None:
            if any(self._review.desk.decisions.owed(photo.id) for photo in (*coming.duplicates, *coming.burst)):
                return coming
            del self._coming_back[head]
        return self._pairs.group(head)

    def _decided(self, photo: Photo) -> Photo:
        try:
            return self._review.desk.see(photo.id).photo
        except NotFound:
            return photo

    # -- what is shown -----------------------------------------------------------------------------------

    @property
    def _room(self) -> int:
        """How many pictures there is room for."""
        return max(2, min(SLOTS, self.size.width // _LEAST_WIDTH))

    def on_resize(self, _: Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        heads = self._heads
        self.set_class(heads is not None and not heads, "-empty")
        title = ["Duplicates"]
        if heads is None:
            title.append("reading…")
        elif self._group is not None:
            title.append(f"group {self._place + 1:,} of {len(heads):,}")
            title.append(f"{len(self._members)} pictures")
            pages = -(-len(self._members) // self._room)
            if pages > 1:
                title.append(f"page {self._page + 1} of {pages} (PgDn)")
        self.query_one("#title", Static).update(Content(" · ".join(title)))
        self.query_one("#suggestion", Static).update(Content(self._suggested()))
        photos = [member.photo for member in self._members]
        differ = f"They differ in: {differences(photos)}. * is the best of them." if photos else ""
        self.query_one("#differ", Static).update(Content(differ))
        start = self._page * self._room
        shown = self._members[start : start + self._room]
        for place, slot in enumerate(self.query(".slot")):
            slot.set_class(place >= len(shown), "-unused")
            view = slot.query_one(PictureView)
            if place >= len(shown):
                view.show(None, None)
                continue
            member = shown[place]
            number = f"{member.number}  " if member.number is not None else ""
            slot.query_one(".role", Static).update(Content(f"{number}{member.role}"))
            view.show(member.photo, member.photo.path)
            lines = [short_name(member.photo), *facts(member.photo, photos).shown()]
            slot.query_one(".facts", Static).update(Content("\n".join(lines)))

    def _suggested(self) -> str:
        if self._group is None:
            return ""
        if not self._group.duplicates:
            return "Photos of one burst: all of them are kept, they are only linked."
        best, why = suggestion(self._group)
        number = next((member.number for member in self._members if member.photo.id == best.id), None)
        return f"Suggested keeper: {number or best.name}, {why}."

    def say(self, text: str) -> None:
        """A word on what was just done, until the next key."""
        self.query_one("#word", Static).update(Content(text))

    # -- keys --------------------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """Digits choose the keeper; the keys that go from picture to picture go from group to group."""
        self.say("")
        keys = self._review.config.review.keys
        if event.key.isdigit() and event.key != "0":
            self._choose(int(event.key))
        elif event.key in keys.next:
            self._go(self._place + 1)
        elif event.key in keys.previous or event.key == "up":
            self._go(self._place - 1)
        else:
            return
        event.stop()

    def _go(self, place: int) -> None:
        self._waited_for.clear()
        if self._heads:
            self._place = max(0, min(place, len(self._heads) - 1))
            self._load()

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._heads or ()) - 1)

    def action_page_down(self) -> None:
        self._turn(1)

    def action_page_up(self) -> None:
        self._turn(-1)

    def _turn(self, pages: int) -> None:
        last = max(0, -(-len(self._members) // self._room) - 1)
        self._page = max(0, min(self._page + pages, last))
        self._draw()

    def action_clear(self) -> None:
        self.app.pop_screen()

    def _choose(self, number: int) -> None:
        member = next((each for each in self._members if each.number == number), None)
        if member is None:
            self.say(f"There is no picture {number} to choose here.")
        elif self._decide([member.photo.id], "keeper", member.photo.name):
            self._load(page=self._page)

    def action_keep(self) -> None:
        """As suggested, and on to the next group."""
        if self._group is None:
            return
        if not self._group.duplicates:
            self._go(self._place + 1)
            return
        best, _ = suggestion(self._group)
        if self._decide([best.id], "keeper", best.name):
            self._go(self._place + 1)

    def action_confirm(self) -> None:
        self.action_keep()

    def action_not_duplicates(self) -> None:
        """None of these is a duplicate of the others, for ever."""
        group = self._group
        if group is None:
            return
        ids = [photo.id for photo in (group.duplicates or group.burst) if photo.twin_of is not None]
        if ids and self._decide(ids, "distinct"):
            self._go(self._place + 1)

    def action_trash(self) -> None:
        """Put the duplicates into the trash; the keeper stays."""
        group = self._group
        if group is None:
            return
        ids = [photo.id for photo in group.duplicates if self._decided(photo).status.value == "duplicate"]
        if not ids:
            self.say("There is no duplicate to trash here; what is of one burst is trashed in the review.")
        elif self._decide(ids, "trash"):
            self._go(self._place + 1)

    def _decide(self, ids: Sequence[int], action: Action, name: str = "") -> bool:
        decided = self._review.decide(ids, action)
        if decided is None or decided.step is None:
            return False
        if self._group is not None:
            self._decided_on |= dict.fromkeys(ids, self._group)
        undo = first_key(self._review.config.review.keys, "undo")
        self.say(f"{said(action, None, len(decided.step.photo_ids) if not name else 1, name)}. {undo} takes it back.")
        return True


def _all_of(group: Group) -> tuple[Photo, ...]:
    return (group.keeper, *group.duplicates, *group.burst)
