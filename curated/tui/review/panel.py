"""What is known of a picture, as lines for the panel beside it; what matters least is left out where it is small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from curated.domain import KINDS, Photo, Status
from curated.review import Seen
from curated.tui.words import fitting, plain, size_in_words, wrap

# Signs are words or shapes first, colours second.
KEPT, TRASHED, CONFIRMED, MARKED = "✓", "✗", "=", "*"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LABEL = 7


@dataclass(frozen=True, slots=True)
class Facts:
    """A picture and what its row does not say.

    `candidates` are (category, score), best first; `categories` those of the digits 1 to 9; `twin` who its twin is;
    `origin` the folder it came from, in short; `trouble` why its file could not follow.
    """

    seen: Seen
    candidates: Sequence[tuple[str, float]] = ()
    categories: Sequence[str] = ()
    twin: str = ""
    origin: str = ""
    trouble: str = ""
    marked: bool = False
    gone: bool = False
    confirm_key: str = "Enter"


@dataclass(frozen=True, slots=True)
class _Line:
    text: Text
    weight: int  # the heaviest are left out first
    digits: bool = False


def panel(facts: Facts, width: int, height: int) -> Text:
    """The lines that fit, one below the other; the digits' categories at the lower edge, where the eye finds them."""
    width = max(12, width)
    lines = [*_lines(facts, width), *_digits(facts, width)]
    while len(lines) > height:
        heaviest = max(line.weight for line in lines)
        last = max(number for number, line in enumerate(lines) if line.weight == heaviest)
        del lines[last]
    below = sum(1 for line in lines if line.digits)
    blank = _Line(Text(), 9)
    lines[len(lines) - below : len(lines) - below] = [blank] * (height - len(lines))
    return Text("\n").join(line.text for line in lines)


def signs(photo: Photo, *, marked: bool = False, owed: bool = False) -> str:
    """What was decided on it as a character or two for a thumbnail's label; "" where nothing was."""
    verdict = TRASHED if photo.verdict == "trash" or photo.status is Status.TRASHED else ""
    verdict = verdict or (KEPT if photo.verdict == "keep" else CONFIRMED if photo.confirmed else "")
    return (MARKED if marked else "") + verdict + ("…" if owed and not verdict else "")


def _lines(facts: Facts, width: int) -> Iterator[_Line]:
    photo = facts.seen.photo
    yield from _wrapped(photo.name + (photo.extension or photo.path.suffix), width, (0, 0), "bold")
    yield from _badges(facts, width)
    if facts.gone:
        yield from _wrapped("Gone from the disk: decisions pass it by.", width, (0, 0, 0), "bold red")
    if facts.trouble:
        yield from _wrapped(facts.trouble, width, (0, 0, 1, 5, 6), "bold red")
    yield _Line(Text(), 9)
    yield from _category(facts, width)
    yield from _kinds(photo, width)
    if photo.people is not None and not (photo.people == 0 and photo.kind != "photo"):
        yield _labelled("people", str(photo.people) if photo.people else "none", width, 1)
    if photo.keep_score is not None:
        score = f"{photo.keep_score * 100:3.0f} % "
        bar = _bar(photo.keep_score, width - _LABEL - len(score))
        yield _Line(Text.assemble(("keep".ljust(_LABEL), "dim"), score, (bar, "green")), 1)
    yield _Line(Text(), 9)
    caption, text = _new(photo.caption, photo.name), _new(photo.text, photo.name)
    if caption:
        yield from _wrapped(caption, width, (1, 2, 6, 7), "italic")
    if text:
        yield from _wrapped(f"“{text[:600]}”", width, (2, 3, 6, 7, 8, 8), "")
    if caption or text:
        yield _Line(Text(), 9)
    yield from _file(facts, width)


def _new(said: str | None, name: str) -> str:
    """What is said, unless the name above says it already."""
    said = said or ""
    return "" if said.casefold().strip(" .") in name.casefold() else said


def _badges(facts: Facts, width: int) -> Iterator[_Line]:
    photo = facts.seen.photo
    badges: list[tuple[str, str]] = []
    if photo.verdict == "keep":
        badges.append((f" {KEPT} KEEP ", "bold black on green"))
    elif photo.verdict == "trash" or photo.status is Status.TRASHED:
        badges.append((f" {TRASHED} TRASH ", "bold white on red"))
    if photo.confirmed:
        badges.append((f"{CONFIRMED} confirmed", "green"))
    if photo.protected:
        badges.append(("! protected", "yellow"))
    if facts.marked:
        badges.append((f"{MARKED} marked", "bold cyan"))
    if photo.status not in (Status.FILED, Status.REVIEW, Status.TRASHED):
        badges.append((photo.status.value, "yellow"))
    if facts.seen.owed:
        badges.append(("… to be moved", "dim"))
    line = Text()
    for text, style in badges or [("undecided", "dim")]:
        if line and cell_len(line.plain) + 1 + cell_len(text) > width:
            yield _Line(line, 0)
            line = Text()
        if line:
            line.append(" ")
        line.append(text, style)
    yield _Line(line, 0)


def _category(facts: Facts, width: int) -> Iterator[_Line]:
    photo = facts.seen.photo
    scores = dict(facts.candidates)
    name = plain(photo.category or "no category")
    if photo.status is Status.REVIEW:
        yield _Line(Text(fitting(f"{name}: which one?", width), "bold yellow"), 0)
        for number, (category, score) in enumerate(facts.candidates[:2]):
            hint = f"  {facts.confirm_key}" if number == 0 else ""
            place = "best" if number == 0 else "next"
            text = fitting(f"{plain(category)} {score:.2f}{hint}", width - _LABEL)
            yield _labelled(place, text, width, 1 + number)
        return
    yield _Line(Text(fitting(name, width), "bold"), 0)
    others = [(category, score) for category, score in facts.candidates if category != photo.category]
    if others and photo.category is not None:
        other, score = others[0]
        margin = scores.get(photo.category, 0.0) - score
        text = f"{plain(other)} {score:.2f} ({margin:+.2f})"
        yield _Line(Text.assemble(("or ", "dim"), fitting(text, width - 3)), 1)


def _kinds(photo: Photo, width: int) -> Iterator[_Line]:
    ranked = sorted(KINDS, key=lambda kind: -photo.kind_scores.get(kind, 0.0))
    if not photo.kind_scores:
        return
    for place, kind in enumerate(ranked):
        score = photo.kind_scores.get(kind, 0.0)
        label, figure = f"{kind:<13}", f"{score:.2f} "
        bar = _bar(score, width - len(label) - len(figure))
        yield _Line(Text.assemble((label, "" if place == 0 else "dim"), figure, (bar, "cyan")), (2, 4, 7, 8, 8)[place])


def _file(facts: Facts, width: int) -> Iterator[_Line]:
    photo = facts.seen.photo
    if photo.taken_at is not None:
        yield _labelled("taken", f"{photo.taken_at:%d %b %Y %H:%M}".lstrip("0"), width, 2)
    elif photo.filed_at is not None:
        yield _labelled("filed", f"{photo.filed_at.astimezone():%d %b %Y %H:%M}".lstrip("0"), width, 4)
    pixels = f"{photo.width}×{photo.height}" if photo.width and photo.height else ""
    about = " · ".join(filter(None, (pixels, size_in_words(photo.size), photo.format or "")))
    yield _labelled("size", about, width, 3)
    if photo.camera:
        yield _labelled("camera", plain(photo.camera), width, 7)
    if photo.original_path.name != photo.path.name:
        yield _labelled("was", plain(photo.original_path.name), width, 2)
    yield _labelled("from", plain(facts.origin or str(photo.original_path.parent)), width, 5, end=True)
    if photo.companions:
        yield _labelled(
            "with", plain(", ".join(sorted(each.suffix or each.name for each in photo.companions))), width, 4
        )
    if facts.twin:
        yield _labelled("twin", plain(facts.twin), width, 2)


def _digits(facts: Facts, width: int) -> Iterator[_Line]:
    entries = list(enumerate(facts.categories[:9], 1))
    columns = 2 if width >= 28 else 1
    cells = (width - (columns - 1)) // columns
    rows = -(-len(entries) // columns)
    for row in range(rows):
        line = Text()
        for number, category in entries[row::rows]:
            there = category == facts.seen.photo.category
            entry = Text.assemble((f"{number}", "bold cyan"))
            entry.append(">" if there else " ", "bold")
            entry.append(fitting(plain(category), cells - 2), "bold" if there else "")
            entry.append(" " * (cells - cell_len(entry.plain) + 1))
            line.append_text(entry)
        line.rstrip()
        yield _Line(line, 1, digits=True)


def _labelled(label: str, text: str, width: int, weight: int, *, end: bool = False) -> _Line:
    """A label and its value on one line; of a path the end counts."""
    room = width - _LABEL
    if end and cell_len(text) > room:
        kept = text
        while kept and cell_len(kept) > room - 1:
            kept = kept[1:]
        text = f"…{kept}"
    return _Line(Text.assemble((label.ljust(_LABEL), "dim"), fitting(text, room)), weight)


def _wrapped(text: str, width: int, weights: Sequence[int], style: str) -> Iterator[_Line]:
    """The text over as many lines as there are weights, by words; the last one ends in an ellipsis if there is more."""
    for line, weight in zip(wrap(plain(text), width, len(weights)), weights, strict=False):
        yield _Line(Text(line, style), weight)


def _bar(share: float, cells: int) -> str:
    """A bar of at most so many cells, in eighths; something for anything above nothing."""
    cells = max(0, min(cells, 24))
    eighths = round(max(0.0, min(1.0, share)) * cells * 8)
    if share > 0.004 and not eighths:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")
