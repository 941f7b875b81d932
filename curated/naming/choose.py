"""Which name a picture gets, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from curated.config import Naming
from curated.naming.dates import date_from_name
from curated.naming.filler import caption_words
from curated.naming.human import is_human_name
from curated.naming.safe import safe_name
from curated.naming.template import Value, render

_MOST_TEXT_WORDS = 8
# A caption that says no more than this.
_BARE = re.compile(
    r"^(photo|person|(?:two|three|four|five|six) people|group of \d+ people)( \d{4}-\d\d-\d\d)?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class NameFacts:
    """What a name can be made of; `original` is the stem the file came with."""

    original: str
    caption: str = ""
    taken_at: datetime | None = None
    people: int | None = None
    category: str = ""
    kind: str = ""
    camera: str | None = None
    text: str = ""
    sha256: str = ""


def choose_name(facts: NameFacts, naming: Naming) -> tuple[str, str]:
    """(name without extension, why): the person's own, else the template's, else the original."""
    original = safe_name(facts.original, naming.max_bytes)
    if naming.keep_human_names and is_human_name(facts.original):
        return original, "name kept (a person's)"
    moment = facts.taken_at or date_from_name(facts.original)
    caption = _telling(_read_aloud(facts), moment, dated="{date" in naming.template)
    values: dict[str, Value] = {
        "caption": _sentence(caption),
        "date": moment,
        "people": str(facts.people) if facts.people else None,
        "category": facts.category.replace("/", " "),
        "kind": facts.kind,
        "original": original,
        "camera": facts.camera,
        "text": " ".join(facts.text.split()[:_MOST_TEXT_WORDS]),
        "hash": facts.sha256[:8],
    }
    name = render(naming.template, values)
    if not any(char.isalnum() for char in name):
        return original, "name kept (nothing better known)"
    how = "its caption" if naming.template.strip() == "{caption}" else f"naming.template {naming.template!r}"
    return safe_name(name, naming.max_bytes, original), f"named by {how}"


def _read_aloud(facts: NameFacts) -> str:
    """The caption without filler; but a title that was read in the picture stays whole ("This is fine")."""
    said, read = _words(facts.caption), set(_words(facts.text))
    # One word may be ours: what kind of paper it is.
    if said and read and sum(word not in read for word in said) <= (1 if len(said) > 2 else 0):
        return " ".join(facts.caption.split())
    return caption_words(facts.caption)


def _telling(caption: str, moment: datetime | None, *, dated: bool) -> str:
    """A caption that says no more than how many people there are, with its date and time; "" where there is none.

    "Person" alone is no better a name than the camera's. `dated` says that the template has the date elsewhere.
    """
    bare = _BARE.match(caption)
    if bare is None or dated:
        return caption
    if moment is None:
        return caption if bare[2] else ""
    return f"{bare[1]} {moment:%Y-%m-%d}" + (f" {moment:%H.%M}" if (moment.hour, moment.minute) != (0, 0) else "")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _sentence(text: str) -> str:
    first = text.split(" ", 1)[0]
    # "iPhone" and "eBay" are written so.
    return text[:1].upper() + text[1:] if first.islower() and len(text[:1].upper()) == 1 else text
