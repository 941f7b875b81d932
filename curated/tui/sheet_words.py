"""The contact sheet's lines of words. Pure."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content

from curated.config.settings import Keys
from curated.review import Seen
from curated.tui.keys import first_key
from curated.tui.review.lists import ORDER_WORDS
from curated.tui.sitting import Sitting
from curated.tui.words import fitting, plain


def title(sitting: Sitting, looked_at: int, width: int) -> Content:
    """What list this is, where the cursor is in it, and how much of it was seen."""
    total = len(sitting.ids)
    at = f"{sitting.position + 1:,} of {total:,}" if total else ""
    seen = f"seen {looked_at:,} of {total:,}" if total else ""
    marked = f"{len(sitting.marked):,} marked" if sitting.marked else ""
    right = " · ".join(filter(None, (at, seen, marked)))
    left = fitting(f"Contact sheet · {_list(sitting)}", max(10, width - len(right) - 2))
    gap = " " * max(1, width - cell_len(left) - len(right))
    return Content.assemble((left, "bold"), gap, right)


def _list(sitting: Sitting) -> str:
    if sitting.listing.title:
        return plain(sitting.listing.title)
    which = sitting.which
    parts = [which.category, which.kind, which.status.value if which.status else None]
    named = [plain(part) for part in parts if part] + (["unreviewed"] if which.unreviewed else [])
    return " · ".join([*(named or ["all"]), ORDER_WORDS[sitting.order]])


def about(seen: Seen | None) -> str:
    """The picture under the cursor in one line."""
    if seen is None:
        return ""
    photo = seen.photo
    return " · ".join(filter(None, (plain(photo.name), plain(photo.category or ""), plain(photo.caption or ""))))


def foot(keys: Keys) -> str:
    """The keys, in the 79 cells of a small terminal."""
    key = {
        name: first_key(keys, name)
        for name in ("mark", "category", "trash", "keep", "confirm", "sweep", "undo", "sheet")
    }
    parts = (
        f"{key['mark']} mark",
        f"1-9{key['category']} file",
        f"{key['trash']} trash",
        f"{key['keep']} keep",
        f"{key['confirm']} confirm seen",
        f"{key['sweep']} sweep",
        f"{key['undo']} undo",
        f"{key['sheet']} back",
    )
    return "  ".join(parts)


def inviting(keys: Keys) -> str:
    """What stands in place of an empty list."""
    back, others = first_key(keys, "sheet"), first_key(keys, "filter")
    return f"No picture is in this list.\n\n{back} or Esc goes back; {others} there shows other pictures."
