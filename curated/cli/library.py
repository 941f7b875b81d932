"""Looking at the library: list, show."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from curated.cli.app import app
from curated.cli.context import opened
from curated.cli.output import echo_json, photo_json, photo_line, safe, shown
from curated.domain import Photo, Status
from curated.errors import ConfigError
from curated.state.rows import printable

Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines, one picture a line.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")]


@app.command("list")
def list_(
    category: Annotated[str | None, typer.Option(help="Only this category (and those below it).")] = None,
    status: Annotated[str | None, typer.Option(help=f"Only this status: {', '.join(list(Status)[1:])}.")] = None,
    sort: Annotated[Literal["keep", "new", "uncertain"], typer.Option(help="The order.")] = "new",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """List pictures, one a line."""
    wanted = _status(status)
    # SQLite takes no text that is not UTF-8; no category is called so.
    named = printable(category) if category is not None else None
    with opened() as context:
        for photo in context.store.photos(category=named, status=wanted, sort=sort, limit=limit):
            if as_json:
                echo_json(photo_json(photo))
            else:
                typer.echo(photo_line(photo))


@app.command()
def show(
    file_or_id: Annotated[str, typer.Argument(metavar="FILE|ID", help="A file's path, or the id from `list`.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """All that is known of one picture, and why it was filed so."""
    with opened() as context:
        photo = context.store.find(file_or_id)
        if as_json:
            echo_json(photo_json(photo))
            return
        twin = context.store.get(photo.twin_of) if photo.twin_of else None
        for label, value in _facts(photo, twin):
            if value:
                typer.echo(f"{label:<11} {value}")


def _status(text: str | None) -> Status | None:
    if text is None:
        return None
    try:
        return Status(text)
    except ValueError:
        known = ", ".join(list(Status)[1:])
        raise ConfigError(f"--status {text}: unknown; one of {known}") from None


def _facts(photo: Photo, twin: Photo | None) -> list[tuple[str, str]]:
    scores = sorted(photo.kind_scores.items(), key=lambda item: -item[1])
    size = f"{photo.width}×{photo.height} {photo.format}, " if photo.width else ""
    people = "" if photo.people is None else str(photo.people)
    if people and photo.people_score is not None:
        people += f" (confidence {photo.people_score:.2f})"
    return [
        ("picture", f"#{photo.id} {safe(photo.name)}"),
        ("file", shown(photo.path) + (" (missing)" if photo.status is Status.MISSING else "")),
        ("companions", ", ".join(shown(path) for path in photo.companions)),
        ("came from", shown(photo.original_path)),
        ("category", safe(photo.category or "")),
        ("status", photo.status.value),
        ("why", safe(photo.reason)),
        ("kind", ", ".join(f"{kind} {score:.2f}" for kind, score in scores)),
        ("people", people),
        ("caption", safe(photo.caption or "")),
        ("labels", ", ".join(f"{label} {score:.2f}" for label, score in photo.labels[:3])),
        ("text", _shortened(safe(photo.text or ""), 300)),
        ("size", f"{size}{photo.size:,} bytes"),
        ("taken", photo.taken_at.strftime("%Y-%m-%d %H:%M:%S") if photo.taken_at else ""),
        ("camera", safe(photo.camera or "")),
        ("twin of", f"#{twin.id} {shown(twin.path)} ({photo.twin_kind})" if twin else ""),
        ("keep", f"{photo.keep_score:.2f}" if photo.keep_score is not None else ""),
        ("verdict", photo.verdict or ""),
        ("judged by", ", ".join(f"{role} {model}" for role, model in photo.models.items())),
        ("profile", photo.profile or ""),
        ("arrived", photo.arrived_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")),
        ("filed", photo.filed_at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if photo.filed_at else ""),
        ("sha256", photo.sha256),
    ]


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
