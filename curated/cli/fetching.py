"""What `models pull` shows: a bar for each file on a terminal, else a line at its beginning and end."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from curated.cli.output import amount, safe, shown
from curated.models.pull import Said


class Fetching:
    """Prints what it is called with."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
        )
        self._watched = sys.stderr.isatty()
        self._bars: dict[str, TaskID] = {}

    def __call__(self, said: Said) -> None:
        match said.what:
            case "begun":
                size = f" ({amount(said.total)})" if said.total else ""
                rest = f", from {amount(said.done)} on" if said.done else ""
                typer.echo(f"fetching {safe(said.detail)}{size}{rest}")
                if said.name not in self._bars:
                    self._bars[said.name] = self._progress.add_task(safe(said.name))
                self._grow(said)
            case "grown":
                self._grow(said)
            case "placed":
                typer.echo(f"placed {shown(Path(said.detail))} ({amount(said.done)})")
                self._progress.remove_task(self._bars.pop(said.name))

    def _grow(self, said: Said) -> None:
        self._progress.update(self._bars[said.name], completed=said.done, total=said.total or None)

    def __enter__(self) -> Self:
        if self._watched:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watched:
            self._progress.stop()
