"""What changes the library by hand: undo, retry, trash, mark, file-as, rename."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from curated.cli import times
from curated.cli.app import app
from curated.cli.context import Context, opened
from curated.cli.output import amount, complain, counted, echo_json, photo_json, safe, shown
from curated.domain import Photo, Status
from curated.errors import EXIT_FAILED, FilingError, NotFound
from curated.files import RealDisk
from curated.filing import Filer, UndoReport, UndoSelection, UndoStep, recover, undo
from curated.filing.trash import empty, restore
from curated.review import Retried, Review, Trashed
from curated.state.daemon import ask_to_retry
from curated.state.journal import utc_now
from curated.state.store import Attempt

trash_app = typer.Typer(help="The trash: a folder of the library.", no_args_is_help=True)
app.add_typer(trash_app, name="trash")

Files = Annotated[list[str], typer.Argument(metavar="ID|FILE", help="Ids from `list`, or files' paths.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]


@dataclass(frozen=True, slots=True)
class Hand:
    """What a command that changes something needs."""

    context: Context
    filer: Filer
    review: Review

    def find(self, files: Sequence[str]) -> list[Photo]:
        """The pictures named, each once; raises NotFound before anything is changed."""
        return list({photo.id: photo for photo in map(self.context.store.find, files)}.values())


@contextmanager
def changing() -> Iterator[Hand]:
    """The state, to be changed; moves that a crash left half done are finished or taken back first."""
    with opened(read_only=False) as context:
        folders = context.config.folders
        disk = RealDisk()
        recover(context.database, disk, roots=[folders.unsorted_path, folders.library_path])
        filer = Filer(context.database, disk, roots=[folders.library_path, folders.unsorted_path])
        yield Hand(context, filer, Review(context.config, filer))


@app.command("undo")
def undo_(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID|FILE", help="The last move of each.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="The last so many moves.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help='All since "2h", "3 days", a date or time.')] = None,
    category: Annotated[str | None, typer.Option(help="All that put pictures into this category.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Json = False,
) -> None:
    """Take moves back, newest first; the files return to where they were."""
    if sum([bool(ids), last is not None, since is not None, category is not None]) != 1:
        raise typer.BadParameter("take what back? Give exactly one of --last N, --since TIME, --category C, or ids")
    try:
        start = times.moment(since, utc_now()) if since is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    with changing() as hand:
        if category is not None:
            check_category(hand.context, category)
        photos = tuple(photo.id for photo in hand.find(ids or ()))
        report = undo(hand.filer, UndoSelection(last, start, category, photos), dry_run=dry_run)
    _print_undo(report, hand.context.config.folders.unsorted_path, as_json=as_json)
    if report.undone < len(report.steps):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def retry(
    files: Annotated[list[str] | None, typer.Argument(metavar="ID|FILE", help="Only these; else all.")] = None,
) -> None:
    """Try again what failed, what waits for another try, and what was taken back by undo."""
    with changing() as hand:
        store = hand.context.store
        if files:
            photos, waiting = _retried(hand, files)
        else:
            photos, waiting = list(store.with_status(Status.FAILED, Status.UNDONE)), store.attempts()
            store.release()
        results = list(hand.review.retry(photos, waiting))
        for result in results:
            _print_retried(result)
        if not results:
            typer.echo("Nothing failed, waits or was undone: there is nothing to try again.")
        elif any(result.taken for result in results):
            typer.echo(_tell_daemon(hand.context))
    if not all(result.taken for result in results):
        raise typer.Exit(EXIT_FAILED)


@trash_app.command("list")
def list_trash(as_json: Json = False) -> None:
    """What is in the trash, since when, and how much it takes up."""
    with opened() as context:
        found = Review(context.config, Filer(context.database, RealDisk())).trashed()
    for each in found:
        since = each.since.isoformat() if each.since else None
        if as_json:
            echo_json({**photo_json(each.photo), "trashed_at": since, "files": each.files, "bytes": each.size})
        else:
            at = each.since.astimezone().strftime("%Y-%m-%d %H:%M") if each.since else "?"
            typer.echo(f"#{each.photo.id:<5} {at:<16} {amount(each.size):>9}  {shown(each.photo.path)}")
    if not as_json:
        typer.echo(f"{_extent(found)} in the trash." if found else "The trash is empty.", err=True)


@trash_app.command("restore")
def restore_trashed(files: Files) -> None:
    """Move pictures from the trash back to where they were."""
    with changing() as hand:
        _each(hand, files, "restored", lambda photo: _restored(hand, photo))


@trash_app.command("empty")
def empty_trash(
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help='Only what has been there for so long: "30d".')
    ] = "0s",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove what is in the trash for good; this alone ever deletes a file, and no undo brings it back."""
    try:
        age = times.span(older_than)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--older-than") from None
    with changing() as hand:
        due = _due(hand, age)
        if not due:
            typer.echo("Nothing to remove.")
            return
        if not yes and not _agreed(f"Remove {_extent(due)} from the trash for good? No undo brings them back."):
            complain("nothing was removed (--yes does not ask)")
            raise typer.Exit(EXIT_FAILED)
        done = empty(hand.filer, hand.context.config.folders, age)
    size = sum(removed.size for removed in done.removed)
    typer.echo(f"Removed {counted(len(done.removed), 'file')} ({amount(size)}) for good.")
    for path, why in done.left:
        complain(f"{path}: left in the trash: {why}")
    if done.left:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def mark(
    verdict: Annotated[Literal["keep", "trash", "undecided"], typer.Argument(help="What you think of them.")],
    files: Files,
) -> None:
    """Judge pictures; trash moves them to the trash, keep and undecided bring them back from there."""
    judged = None if verdict == "undecided" else verdict
    with changing() as hand:
        _each(hand, files, verdict, lambda photo: hand.review.mark(photo, judged))


@app.command("file-as")
def file_as(
    category: Annotated[str, typer.Argument(metavar="CATEGORY", help="One of the configuration's, or Review.")],
    files: Files,
) -> None:
    """File pictures under another category; undo takes it back."""
    with changing() as hand:
        _each(hand, files, "filed", lambda photo: hand.review.file_as(photo, category))


@app.command()
def rename(
    file: Annotated[str, typer.Argument(metavar="ID|FILE", help="The id from `list`, or the file's path.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name; the extension stays.")],
) -> None:
    """Give a picture another name; undo takes it back."""
    with changing() as hand:
        _each(hand, [file], "renamed", lambda photo: hand.review.rename(photo, name))


def _each(hand: Hand, files: Sequence[str], word: str, action: Callable[[Photo], Photo]) -> None:
    """Do it to each picture and print where it is now; one that cannot be moved does not keep the others waiting."""
    failed = False
    for photo in hand.find(files):
        try:
            changed = action(photo)
        except FilingError as error:
            complain(str(error))
            failed = True
        else:
            typer.echo(f"{word} #{changed.id} {shown(changed.path)}")
    if failed:
        raise typer.Exit(EXIT_FAILED)


def check_category(context: Context, category: str) -> None:
    """Refuse a category in (or below) which there is no picture: it is most likely misspelt."""
    known = context.store.counts("category")
    if not any(f"{name}/".startswith(f"{category}/") for name in known):
        raise NotFound(f"no picture is in the category {category!r}; there are: {', '.join(known) or 'none yet'}")


def _restored(hand: Hand, photo: Photo) -> Photo:
    restore(hand.filer, photo)
    return hand.context.store.get(photo.id)


def _agreed(question: str) -> bool:
    """Whether a person at the terminal (or a pipe) says yes; the end of the input is a no."""
    typer.echo(f"{question} [y/N] ", nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _due(hand: Hand, age: timedelta) -> list[Trashed]:
    latest = hand.filer.clock() - age
    return [each for each in hand.review.trashed() if each.since is not None and each.since <= latest]


def _extent(found: Sequence[Trashed]) -> str:
    files = counted(sum(each.files for each in found), "file")
    return f"{files} of {counted(len(found), 'picture')} ({amount(sum(each.size for each in found))})"


def _print_undo(report: UndoReport, unsorted: Path, *, as_json: bool) -> None:
    for step in report.steps:
        if as_json:
            echo_json(_step_json(step, report.dry_run))
        else:
            typer.echo(_step_line(step, report.dry_run))
    if as_json:
        return
    if not report.steps:
        typer.echo("There is nothing to take back.")
    elif report.dry_run:
        typer.echo(f"{counted(report.undone, 'move')} would be taken back; nothing was touched.")
    else:
        back = any(step.taken_back and step.place.is_relative_to(unsorted) for step in report.steps)
        note = "; what is back in the unsorted folder stays there until `curated retry`" if back else ""
        typer.echo(f"{counted(report.undone, 'move')} taken back{note}.")


def _step_line(step: UndoStep, dry_run: bool) -> str:
    who = f"#{step.photo_id} " if step.photo_id is not None else ""
    if not step.taken_back:
        return f"left {who}{shown(step.file)}: {safe(step.detail)}"
    detail = f" ({safe(step.detail)})" if step.detail else ""
    return f"{'would undo' if dry_run else 'undone'} {who}{shown(step.file)} -> {shown(step.place)}{detail}"


def _step_json(step: UndoStep, dry_run: bool) -> dict[str, object]:
    return {
        "move_id": step.move_id,
        "photo_id": step.photo_id,
        "path": os.fspath(step.file),
        "target": os.fspath(step.place),
        "outcome": step.outcome,
        "detail": step.detail,
        "dry_run": dry_run,
    }


def _retried(hand: Hand, files: Sequence[str]) -> tuple[list[Photo], list[Attempt]]:
    """What the arguments name: pictures, and files that wait and are no picture yet."""
    names, waiting = [], []
    for file in files:
        attempt = hand.context.store.attempt(Path(os.path.abspath(Path(file).expanduser())))  # noqa: PTH100 - keep links
        if attempt is not None:
            waiting.append(attempt)
        else:
            names.append(file)
    return hand.find(names), waiting


def _print_retried(result: Retried) -> None:
    who = f"#{result.photo_id} " if result.photo_id is not None else ""
    if result.taken:
        typer.echo(f"again {who}{shown(result.path)}")
    else:
        complain(f"{who}{result.path}: {result.detail}")


def _tell_daemon(context: Context) -> str:
    """Wake the daemon if one runs; what happens next, in a sentence."""
    pid = ask_to_retry(context.store, context.config.folders.state_path)
    if pid is None:
        return "No daemon is running: `curated run` files them (`curated run --once` files them and ends)."
    return f"The daemon (process {pid}) files them now; `curated status` shows how far it is."
