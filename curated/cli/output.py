"""How pictures and moves are printed, for people and as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from curated.cli.journal import ERROR, prefixed
from curated.domain import Photo
from curated.state.rows import printable


def photo_json(photo: Photo) -> dict[str, Any]:
    """The public JSON of one picture; fields may be added, never removed or renamed."""
    return {
        "id": photo.id,
        "sha256": photo.sha256,
        "original_path": os.fspath(photo.original_path),
        "path": os.fspath(photo.path),
        "name": photo.name,
        "category": photo.category,
        "kind": photo.kind,
        "kind_scores": dict(photo.kind_scores),
        "people": photo.people,
        "people_score": photo.people_score,
        "caption": photo.caption,
        "text": photo.text,
        "labels": [list(label) for label in photo.labels],
        "width": photo.width,
        "height": photo.height,
        "size": photo.size,
        "format": photo.format,
        "camera": photo.camera,
        "taken_at": _moment(photo.taken_at),
        "status": photo.status.value,
        "reason": photo.reason,
        "twin_of": photo.twin_of,
        "twin_kind": photo.twin_kind,
        "twin_distance": photo.twin_distance,
        "keep_score": photo.keep_score,
        "verdict": photo.verdict,
        "profile": photo.profile,
        "models": dict(photo.models),
        "companions": [os.fspath(path) for path in photo.companions],
        "sharpness": photo.sharpness,
        "pixel_hash": photo.pixel_hash,
        "phash": photo.phash,
        "arrived_at": _moment(photo.arrived_at),
        "filed_at": _moment(photo.filed_at),
        "confirmed_at": _moment(photo.confirmed),
        "protected": photo.protected,
    }


def echo_json(value: Mapping[str, Any]) -> None:
    """One JSON document on one line; lone surrogates (bytes of odd file names) are escaped."""
    typer.echo(json.dumps(value))


def safe(text: str) -> str:
    """The text with control characters (terminal escapes among them) made visible and lines joined."""
    return "".join(
        char if char.isprintable() else " " if char in "\n\t" else char.encode("unicode_escape").decode()
        for char in printable(text)
    )


def shown(path: Path) -> str:
    """A path for the terminal, the home folder as ~."""
    text = os.fspath(path)
    home = os.fspath(Path.home())
    if text.startswith(home + "/"):
        text = "~" + text[len(home) :]
    return safe(text)


def complain(text: str) -> None:
    """Say on stderr, on one line, what went wrong."""
    typer.echo(prefixed(ERROR, f"curated: {safe(text)}", sys.stderr), err=True)


def amount(size: int) -> str:
    """A number of bytes for people: "512 B", "3.4 MB"."""
    if size < 1000:
        return f"{size} B"
    number, unit = float(size), ""
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007 - the last one is used
        number /= 1000
        if number < 999.95:
            break
    return f"{number:.1f} {unit}"


def counted(number: int, noun: str) -> str:
    """ "1 file", "2 files"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def photo_line(photo: Photo) -> str:
    """One picture on one line: id, where it stands, its file, and why."""
    place = photo.category or photo.status.value
    status = "" if photo.status.value in ("filed", place) else f" ({photo.status.value})"
    return f"#{photo.id:<5} {safe(place) + status:<24} {safe(photo.path.name)}"


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
