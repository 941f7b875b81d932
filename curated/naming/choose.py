"""Which name a picture gets, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from curated.config import Naming
from curated.naming.dates import date_from_name
from curated.naming.filler import caption_words
from curated.naming.human import is_human_name
from curated.naming.safe import safe_name
from curated.naming.template import Value, render


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
    if naming.keep_human_names and is_human_name(facts.original):
        return safe_name(facts.original, naming.max_bytes), "the name it came with is a person's"
    caption = caption_words(facts.caption)
    original = safe_name(facts.original, naming.max_bytes)
    values: dict[str, Value] = {
        "caption": _sentence(caption),
        "date": facts.taken_at or date_from_name(facts.original),
        "people": str(facts.people) if facts.people else None,
        "category": facts.category.replace("/", " "),
        "kind": facts.kind,
        "original": original,
        "camera": facts.camera,
        "text": " ".join(facts.text.split()[:8]),
        "hash": facts.sha256[:8],
    }
    if "{caption" in naming.template and not caption:
        if naming.template.strip() == "{caption}":
            return original, "nothing better is known than the name it came with"
        values["caption"] = None
    name = render(naming.template, values)
    if not any(char.isalnum() for char in name):
        return original, "nothing better is known than the name it came with"
    return safe_name(name, naming.max_bytes, original), f"named by {naming.template}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
