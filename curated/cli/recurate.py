"""`curated recurate`: the present models look again at what other models judged."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from curated.cli.app import app
from curated.cli.moves import changing, check_category
from curated.cli.output import complain, counted, echo_json, safe, shown
from curated.config import load
from curated.errors import EXIT_FAILED, EXIT_INTERRUPTED
from curated.models.weights import resolve_profile
from curated.naming import check_template
from curated.recurate import Change, Recuration
from curated.state.daemon import InstanceLock


@app.command()
def recurate(
    category: Annotated[str | None, typer.Option(help="Only this category (and those below it).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one picture a line.")] = False,
) -> None:
    """Judge pictures that other models judged by the present ones, and file them anew where that changes something.

    What you said stays: names, categories, verdicts, and changes that you took back. Undo takes the moves back.
    The daemon must not run meanwhile: there would be two sets of models in memory.
    """
    work(category=category, dry_run=dry_run, as_json=as_json)


def work(*, category: str | None, dry_run: bool, as_json: bool, factory: str | None = None) -> None:
    """The command; `factory` names another maker of the models (see WorkerSpec)."""
    config = load()
    check_template(config.naming.template)
    if factory is None:
        resolve_profile(config.models)
    # Until we are alone a `retry` may take us for the daemon, and tell us so.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with changing() as hand, InstanceLock(config.folders.state_path):
        if category is not None:
            check_category(hand.context, category)
        recuration = Recuration(config, hand.filer, dry_run=dry_run, factory=factory)
        stop = _Stop(recuration)
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        counts: Counter[str] = Counter()
        try:
            for change in _watched(recuration, recuration.run(category)):
                counts[change.outcome] += 1
                _print(change, dry_run=dry_run, as_json=as_json)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    typer.echo(_summary(recuration, counts, dry_run=dry_run), err=as_json)
    if stop.stopped:
        complain("stopped; the same command goes on where it ended")
        raise typer.Exit(EXIT_INTERRUPTED)
    if counts["left"]:
        raise typer.Exit(EXIT_FAILED)


class _Stop:
    """Ends after the move under way; the second time, at once (recovery takes care of the rest)."""

    def __init__(self, recuration: Recuration) -> None:
        self.stopped = False
        self._recuration = recuration

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        self.stopped = True
        self._recuration.stop()


def _watched(recuration: Recuration, changes: Iterable[Change]) -> Iterator[Change]:
    """The changes, with a bar below them where a person watches."""
    if not sys.stderr.isatty():
        yield from changes
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # What is printed to the same terminal meanwhile appears above the bar.
    with Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        bar = progress.add_task("loading the models", total=None)
        for change in changes:
            progress.update(bar, description="judging anew", total=recuration.total, advance=1)
            yield change


def _print(change: Change, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        echo_json(_json(change, dry_run))
        return
    who = f"#{change.before.id} {shown(change.before.path)}"
    match change.outcome:
        case "moved":
            typer.echo(
                f"{'would move' if dry_run else 'moved'} {who} -> {shown(change.after.path)} ({safe(change.detail)})"
            )
        case "held":
            typer.echo(f"held {who} ({safe(change.detail)})")
        case "left":
            complain(f"#{change.before.id} {change.before.path}: {change.detail}")


def _json(change: Change, dry_run: bool) -> dict[str, object]:
    before, after = change.before, change.after
    return {
        "id": before.id,
        "outcome": change.outcome,
        "path": os.fspath(before.path),
        "target": os.fspath(after.path),
        "category": {"before": before.category, "after": after.category},
        "name": {"before": before.name, "after": after.name},
        "kind": {"before": before.kind, "after": after.kind},
        "people": {"before": before.people, "after": after.people},
        "caption": {"before": before.caption, "after": after.caption},
        "models": {"before": dict(before.models), "after": dict(after.models)},
        "detail": change.detail,
        "dry_run": dry_run,
    }


def _summary(recuration: Recuration, counts: Counter[str], *, dry_run: bool) -> str:
    total = counts.total()
    if not total:
        return "Every picture was judged by the present models: there is nothing to judge anew."
    words = {"moved": "would move" if dry_run else "moved", "same": "stay", "held": "held", "left": "left"}
    parts = ", ".join(f"{counts[key]:,} {word}" for key, word in words.items() if counts[key])
    note = "; nothing was touched" if dry_run else ""
    return f"{counted(total, 'picture')} judged anew by the profile {recuration.models}: {parts}{note}."
