"""Why a picture was filed so, in full: all scores, the reason, what was read, and what looks like it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from curated.domain import KINDS, Photo
from curated.errors import NotFound
from curated.state.database import Database
from curated.state.store import Store
from curated.tui.review.panel import Facts, signs
from curated.tui.words import plain, wrap

NEAREST = 8
_LABEL_CELLS, _VALUE_CELLS = 11, 57


@dataclass(frozen=True, slots=True)
class Near:
    """A picture that somebody decided on and that looks like the one asked about."""

    photo: Photo
    cosine: float


def labelled(database: Database, near: Sequence[tuple[int, float]]) -> list[Near]:
    """These pictures with their rows."""
    store = Store(database)
    found: list[Near] = []
    for photo_id, cosine in near:
        with suppress(NotFound):
            found.append(Near(store.get(photo_id), cosine))
    return found


def why_text(facts: Facts, near: Sequence[Near] | None) -> Text:
    """The whole text; `near` None as long as it is being looked for."""
    photo = facts.seen.photo
    text = Text()
    text.append(f"{plain(photo.name)}\n\n", "bold")
    _row(text, "filed as", f"{photo.category or 'nothing yet'} ({photo.status.value})")
    for number, part in enumerate(photo.reason.split("; ")):
        _row(text, "" if number else "because", part)
    for number, (category, score) in enumerate(facts.candidates):
        _row(text, "" if number else "could be", f"{score:.3f}  {category}")
    _nearest(text, near)
    text.append("\n")
    ranked = sorted(KINDS, key=lambda each: -photo.kind_scores.get(each, 0.0)) if photo.kind_scores else []
    for number, kind in enumerate(ranked):
        _row(text, "" if number else "kinds", f"{photo.kind_scores.get(kind, 0.0):.3f}  {kind}")
    if photo.people is not None:
        boxes = ", ".join(f"{box.label} {box.score:.2f}" for box in photo.boxes)
        _row(text, "people", f"{photo.people}{f' ({boxes})' if boxes else ''}")
    if photo.labels:
        _row(text, "labels", ", ".join(f"{label} {score:.2f}" for label, score in photo.labels[:5]))
    if photo.keep_score is not None:
        _row(text, "keep", f"{photo.keep_score:.3f}, predicted by what you kept and trashed")
    if facts.twin:
        _row(text, "twin", facts.twin)
    _row(text, "caption", photo.caption or "")
    _row(text, "text", photo.text or "")
    text.append("\n")
    _row(text, "file", str(facts.seen.file))
    _row(text, "was", str(photo.original_path))
    _row(text, "sha256", photo.sha256)
    for label, moment in (("taken", photo.taken_at), ("arrived", photo.arrived_at), ("confirmed", photo.confirmed)):
        if isinstance(moment, datetime):
            # EXIF has no zone: that is the time where the picture was taken.
            _row(text, label, f"{moment.astimezone() if moment.tzinfo else moment:%Y-%m-%d %H:%M:%S}")
    _row(text, "profile", photo.profile or "")
    for role, model in sorted(photo.models.items()):
        _row(text, role, model)
    return text


def _nearest(text: Text, near: Sequence[Near] | None) -> None:
    text.append("\nWhat you decided on that looks like it most\n", "bold")
    if near is None:
        text.append("looking…\n", "dim")
    elif not near:
        text.append("nothing yet\n", "dim")
    for each in near or ():
        sign = signs(each.photo) or " "
        text.append(f"  {each.cosine:.2f}  {sign} {plain(each.photo.category or '')}  {plain(each.photo.name)}\n")


def _row(text: Text, label: str, value: str) -> None:
    for number, line in enumerate(wrap(plain(value), _VALUE_CELLS, 40) if value else ()):
        text.append(f"{'' if number else label:<{_LABEL_CELLS}}", "dim")
        text.append(f"{line}\n")
