"""A caption composed of what is known: text in the picture, ImageNet label, people, date, in this order of trust."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from curated.domain import Kind
from curated.models.lite.labels import usable_label
from curated.models.lite.reading import Line

_NUMBERS = {1: "person", 2: "two people", 3: "three people", 4: "four people", 5: "five people"}
_MOST_WORDS = 9
_MOST_LETTERS = 64
_CERTAIN = 0.8
_VOWELS = frozenset("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüý")
_NOISE = re.compile(
    r"""https?://|www\.|@\w+\.|^[\W\d_]+$|^\d{1,2}[:.]\d{2}|%$|^(page|seite)\s*\d+$
    |^(file|edit|view|help|tools|search|menu|back|next|cancel|ok|yes|no|home|options|settings|window|format|go
    |bookmarks|history|insert|print|save|open|close|apply|done|share|reply|like|comment|follow)$""",
    re.IGNORECASE | re.VERBOSE,
)
# What a page is, by words that stand on it.
_PAPERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("invoice", re.compile(r"\b(tax )?invoice\b|\brechnung\b|\bfacture\b|\bfactuur\b", re.IGNORECASE)),
    (
        "receipt",
        re.compile(
            r"\breceipt\b|\bsub ?total\b|\bcash(ier)?\b.*\bchange\b|\bquittung\b|\bkassenbon\b|\bgst\b|\bmwst\b"
            r"|\btotal\b.*\b(visa|tax|change|cash)\b",
            re.IGNORECASE | re.DOTALL,
        ),
    ),
)


def compose(
    kind: Kind,
    lines: Sequence[Line],
    labels: Sequence[tuple[str, float]],
    people: int | None,
    taken_at: datetime | None,
    label_confidence: float,
) -> str:
    """A caption, or "" where nothing is known that is worth saying."""
    if lines and kind != "photo":
        title = text_title(kind, lines)
        if title:
            return title
    label = usable_label(labels, label_confidence, people or 0) if kind in ("photo", "illustration") else None
    said = people_phrase(people or 0)
    date = taken_at.strftime("%Y-%m-%d") if taken_at else ""
    if label and said:
        return f"{said} with {label}"
    if label:
        return label
    if said and date:
        return f"{said} {date}"
    if kind == "photo" and not said and date:
        return f"photo {date}"
    return said


def people_phrase(people: int) -> str:
    """ "person", "two people" … "group of 12 people"; "" for none."""
    if people < 1:
        return ""
    return _NUMBERS.get(people, f"group of {people} people")


def text_title(kind: Kind, lines: Sequence[Line]) -> str:
    """The words by which a person would name the picture: joke, heading or window title; "" if none is sure."""
    good = [line for line in lines if is_wordlike(line)]
    if not good:
        return ""
    if kind == "meme":
        return _joined([line.text for line in good])
    usual = median(line.height for line in good)
    best = max(range(len(good)), key=lambda index: _prominence(good[index], usual, kind))
    title = _joined(_block(good, best))
    if kind == "document":
        paper = paper_kind("\n".join(line.text for line in lines))
        if paper and paper not in title.lower():
            title = f"{title} {paper}"
    return title


def paper_kind(text: str) -> str:
    """ "invoice" or "receipt" if the words on a page say so, else ""."""
    return next((name for name, pattern in _PAPERS if pattern.search(text)), "")


def is_wordlike(line: Line) -> bool:
    """Whether a line reads as words: certain, mostly letters, with vowels, no menu entry, address or clock."""
    text = line.text.strip()
    letters = [char for char in text if char.isalpha()]
    if line.score < _CERTAIN or len(letters) < 4 or _NOISE.search(text):
        return False
    if len(letters) / len(text.replace(" ", "")) < 0.7:
        return False
    if all(ord(char) < 0x250 for char in letters):  # Latin script: real words have vowels, and not only them
        vowels = sum(char.lower() in _VOWELS for char in letters) / len(letters)
        if not 0.15 <= vowels <= 0.75:
            return False
        words = re.findall(r"[^\W\d_]+", text)
        if max(len(word) for word in words) < 3 or sum(len(word) for word in words) / len(words) < 2.2:
            return False
    return True


def _prominence(line: Line, usual: float, kind: Kind) -> float:
    size = min(line.height / max(usual, 1e-6), 4.0)
    words = len(line.text.split())
    fulness = 1.0 if 2 <= words <= 10 else 0.6 if words == 1 else 0.7
    early = 1.0 - (0.6 if kind == "document" else 0.3) * line.top
    return size * fulness * early


def _block(lines: Sequence[Line], best: int) -> list[str]:
    """The most prominent line with what follows it in the same size: a heading over several lines."""
    block = [lines[best].text]
    for before, after in zip(lines[best:], lines[best + 1 :], strict=False):
        near = after.top - before.bottom < 0.8 * before.height
        alike = abs(after.height - lines[best].height) < 0.2 * lines[best].height
        under = after.left < before.right and before.left < after.right
        if not (near and alike and under) or len(" ".join(block).split()) >= _MOST_WORDS:
            break
        block.append(after.text)
    return block


def _joined(texts: Sequence[str]) -> str:
    words = [word for text in texts for word in text.split() if any(char.isalnum() for char in word)]
    kept: list[str] = []
    for word in words:
        if len(kept) == _MOST_WORDS or len(" ".join([*kept, word])) > _MOST_LETTERS:
            break
        kept.append(word)
    text = " ".join(kept).strip(" .,;:!?\"'-–—_|/\\()[]{}<>*#~")
    letters = [char for char in text if char.isalpha()]
    if letters and sum(char.isupper() for char in letters) > 0.7 * len(letters) and len(text.split()) > 1:
        text = text.capitalize()
    return text
