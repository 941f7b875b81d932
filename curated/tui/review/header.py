"""The line above the picture and the line of keys below."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from curated.config.settings import Keys
from curated.tui.keys import MEANINGS, first_key
from curated.tui.review.lists import ORDER_WORDS, filter_words
from curated.tui.sitting import Sitting
from curated.tui.words import fitting, plain

# As many as fit, the first ones first; the help is never left out.
_FOOTER = (
    "keep", "trash", "undecided", "undo", "confirm", "category", "rename", "mark", "search", "filter", "sort",
    "why", "sheet", "duplicates", "full_screen", "like", "dashboard", "protect", "open",
)  # fmt: skip


def header(sitting: Sitting, width: int) -> Text:
    """Progress at the left; what is shown, how it is sorted, and the place in it at the right."""
    total = len(sitting.ids)
    more = "" if sitting.listing.whole else "+"
    place = f"{sitting.position + 1:,}/{total:,}{more}" if total else "0"
    if sitting.side_list:
        what = plain(sitting.listing.title)
    else:
        what = f"{plain(filter_words(sitting.which))} · {ORDER_WORDS[sitting.order]}"
    right = f"{what} · {place}"
    if sitting.marked:
        right = f"* {len(sitting.marked):,} marked · {right}"
    if not sitting.auto_advance:
        right = f"stays · {right}"
    room = width - 2
    right = fitting(right, max(10, room - 12))
    left = sitting.progress(max(0, room - cell_len(right) - 2))
    gap = " " * max(1, room - cell_len(left) - cell_len(right))
    return Text.assemble((left, "bold"), gap, right)


def footer(keys: Keys, width: int) -> Text:
    """The keys that matter most, as many as fit."""
    room = width - 2
    text = Text()
    last = _entry(keys, "help")
    for action in ("next", *_FOOTER):
        entry = _entry(keys, action)
        if cell_len(text.plain) + 2 + cell_len(entry.plain) + 2 + cell_len(last.plain) > room:
            break
        if text:
            text.append("  ")
        text.append_text(entry)
    text.append("  ")
    return text.append_text(last)


def _entry(keys: Keys, action: str) -> Text:
    if action == "next":
        both = first_key(keys, "previous") + first_key(keys, "next")
        return Text.assemble((both, "bold cyan"), " move")
    return Text.assemble((first_key(keys, action), "bold cyan"), " ", MEANINGS[action].word)
