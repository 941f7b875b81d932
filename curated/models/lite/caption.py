"""A caption composed of what is known: text in the picture, ImageNet label, people, date, in this order of trust."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from curated.domain import Kind
from curated.models.lite.labels import preposition, usable_label
from curated.models.lite.reading import Line

_NUMBERS = {1: "person", 2: "two people", 3: "three people", 4: "four people", 5: "five people"}
_MOST_WORDS = 9
_MOST_LETTERS = 64
_CERTAIN = 0.8
# A sentence that ends after as many words is name enough.
_SHORT_SENTENCE = 3
# A name that breaks off should not end on these.
_DANGLING = frozenset(
    "a an and are as at be but by for from has have his her i if in is it its me my not of on or our so than that the "
    "their then this to was were when which who whose will with you your".split()
)
# Words of buttons, menus and columns: a title of nothing else says nothing of the picture.
_INTERFACE = frozenset(
    "about add admin advanced all application applications apply back bookmarks cancel channel clear close columns "
    "copy cut date delete details done edit exit export file files filter folder format forward go grouped help "
    "history home "
    "import insert install list login menu menubar mode more name new next no none ok open options paste preferences "
    "preview print properties quit redo refresh reload remove reset save search select settings show size sort start "
    "stop system tab table toolbar tools tree type undo update updates user value view window yes".split()
)
_ODD = re.compile(r"[=^\\|~<>{}]|[(\[]{2}|[)\]]{2}")
_MARKS = " .,;:!?\"'-–—_|/\\()[]{}<>*#~"
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
    *,
    close: bool = False,
) -> str:
    """A caption, or "" where nothing is known that is worth saying. `close`: a face fills much of the picture."""
    if lines and kind != "photo":
        title = text_title(kind, lines)
        if title:
            return title
    count = people or 0
    label = usable_label(labels, label_confidence, count) if kind in ("photo", "illustration") else None
    said = people_phrase(count)
    date = taken_at.strftime("%Y-%m-%d") if taken_at else ""
    if label and said:
        return f"{said} {preposition(label)} {label}"
    if label:
        return label
    if count == 1:
        said = "portrait" if close else "person" if date else ""
    if said and date:
        return f"{said} {date}"
    if kind == "photo" and not count and date:
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
    paper = paper_kind("\n".join(line.text for line in lines)) if kind == "document" else ""
    if not good:
        return paper
    if kind == "meme":
        return _joined([line.text for line in good])
    usual = median(line.height for line in good)
    best = max(range(len(good)), key=lambda index: _prominence(good[index], usual, kind))
    block = _block(good, best)
    title = _joined(block)
    if _ODD.search(" ".join(block)) or not _is_title(title, kind):
        return paper
    return f"{title} {paper}" if paper and paper not in title.lower() else title


def _is_title(title: str, kind: Kind) -> bool:
    """Whether the words may stand as a name: no fragment of a sentence, no formula, not only a menu's words."""
    words = re.findall(r"[^\W\d_]+", title.lower())
    if not words or title.count("(") != title.count(")"):
        return False
    if kind in ("document", "screenshot") and title[0].islower():
        return False
    if sum(len(word) == 1 and word not in "ai" for word in words) > len(words) / 3:
        return False
    if kind in ("screenshot", "illustration"):  # one word there is a button, or half a logo
        return len(words) > 1 and not all(word in _INTERFACE or len(word) < 3 for word in words)
    return True


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
    """The most prominent line with what stands before it, if it goes on from there, and what follows it."""
    first = best
    while first > 0 and lines[first].text[:1].islower() and _goes_on(lines[first - 1], lines[first]):
        first -= 1
    block = [lines[first].text]
    for before, after in zip(lines[first:], lines[first + 1 :], strict=False):
        if not _goes_on(before, after) or len(" ".join(block).split()) >= _MOST_WORDS:
            break
        block.append(after.text)
    return block


def _goes_on(before: Line, after: Line) -> bool:
    """Whether two lines are one text: close, of one size, one below the other."""
    near = after.top - before.bottom < 0.8 * before.height
    alike = abs(after.height - before.height) < 0.25 * before.height
    under = after.left < before.right and before.left < after.right and after.top > before.top + 0.3 * before.height
    return near and alike and under


def _joined(texts: Sequence[str]) -> str:
    words = [word for text in texts for word in text.replace('"', " ").split() if any(char.isalnum() for char in word)]
    # "Mr." ends no sentence.
    ends = (
        number for number, word in enumerate(words, 1) if number >= _SHORT_SENTENCE and re.search(r"\w{3}[.?!]$", word)
    )
    words = words[: next(ends, None)]
    kept: list[str] = []
    for word in words:
        if len(kept) == _MOST_WORDS or len(" ".join([*kept, word])) > _MOST_LETTERS:
            break
        kept.append(word)
    while len(kept) > 2 and len(kept) < len(words) and kept[-1].lower().strip(_MARKS) in _DANGLING:
        kept.pop()
    while len(kept) > 2 and kept[-1].lower().strip(_MARKS) in ("for", "of", "the", "and", "to", "a"):
        kept.pop()
    text = " ".join(kept).strip(_MARKS)
    if text.count("(") > text.count(")"):
        text += ")" if len(kept) == len(words) and text.rfind("(") < len(text) - 3 else ""
    letters = [char for char in text if char.isalpha()]
    if letters and sum(char.isupper() for char in letters) > 0.7 * len(letters) and len(text.split()) > 1:
        text = text.capitalize()
    return text
