"""What `curated run` shows: a live display on a terminal, else one structured line for each file."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from curated.cli.journal import ERROR, INFO, WARNING, Journal, is_journal, prefixed, priority_of
from curated.cli.output import safe
from curated.config import Config
from curated.domain import Photo, Status
from curated.pipeline import Blocked, Failed, Filed, LeftAlone, Outcome, Retrying, Returned
from curated.state.daemon import DaemonState

_STYLES = {"working": "green", "watching": "green", "paused": "bold yellow", "stopping": "yellow"}


class LineReport:
    """One line for each thing that happened to a file, to the journal with its fields, else on stdout; nothing else."""

    def __init__(self, config: Config, journal: Journal | None = None) -> None:
        self._unsorted, self._library = config.folders.unsorted_path, config.folders.library_path
        self._journal = journal or Journal.behind(sys.stdout)

    def __call__(self, event: Outcome | DaemonState) -> None:
        if isinstance(event, DaemonState):
            return
        priority = _priority(event)
        for line in lines(event, self._unsorted, self._library):
            text = f"{line.what} ({line.why})"
            if not self._journal.send(priority, text, {**line.fields, "reason": line.why}):
                print(prefixed(priority, text, sys.stdout), flush=True)

    def log_handler(self) -> logging.Handler:
        """To stderr from INFO up; journald and other collectors add the time themselves."""
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(logging.INFO)
        handler.setFormatter(LineFormatter(sys.stderr))
        return handler

    def begin(self, notice: str) -> None:
        """Say which profile runs."""
        print(prefixed(INFO, f"profile {notice}", sys.stdout), flush=True)

    def end(self) -> None:
        """Nothing is left to be said."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""


class LineFormatter(logging.Formatter):
    """Records without control characters; a message is one line, those of a traceback are indented below it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._journal = is_journal(stream)

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines, each with the priority where a journal reads them."""
        lines = [f"{record.levelname} {record.name}: {safe(record.getMessage())}"]
        if record.exc_info:
            lines += [f"  {safe(line)}" for line in self.formatException(record.exc_info).splitlines()]
        mark = f"<{priority_of(record.levelno)}>" if self._journal else ""
        return "\n".join(f"{mark}{line}" for line in lines)


class TerminalReport:
    """The lines scroll by above a display of what is going on."""

    def __init__(self, config: Config, *, once: bool) -> None:
        self._unsorted, self._library = config.folders.unsorted_path, config.folders.library_path
        self._once = once
        self._console = Console(file=sys.stdout, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._state: DaemonState | None = None

    def __call__(self, event: Outcome | DaemonState) -> None:
        if isinstance(event, DaemonState):
            self._state = event
            self._live.update(self._display(event))
            return
        style = "red" if isinstance(event, Failed | Blocked) else "yellow" if isinstance(event, Retrying) else ""
        for line in lines(event, self._unsorted, self._library):
            self._console.print(Text.assemble((line.what, style), "  ", (line.why, "dim")))

    def log_handler(self) -> logging.Handler:
        """Warnings above the display, which plain lines on stderr would tear apart."""
        handler = _ConsoleHandler(self._console)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        return handler

    def begin(self, notice: str) -> None:
        """Say which profile runs, and how to end it."""
        self._console.print(Text(f"Profile {notice}"))
        if not self._once:
            self._console.print(Text(f"Watching {safe(os.fspath(self._unsorted))}. Ctrl-C ends it."))

    def end(self) -> None:
        """What was done, in a line."""
        if self._state is not None:
            self._console.print(Text(summary(self._state)))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _display(self, state: DaemonState) -> RenderableType:
        done = state.filed + state.review + state.duplicates + state.failed
        total = done + state.waiting + state.in_work
        numbers = Table.grid(padding=(0, 2))
        cells = [Text(state.activity, style=_STYLES.get(state.activity, ""))]
        if total and state.activity == "working":
            cells.append(Text(f"{done:,} of {total:,}"))
        cells += [Text(f"{state.waiting:,} waiting"), Text(f"{state.in_work} in work")]
        if state.rate:
            cells.append(Text(f"{state.rate:.0f}/min"))
        if state.seconds_left:
            cells.append(Text(f"{_duration(state.seconds_left)} left"))
        cells.append(Text(state.device or "models asleep", style="dim"))
        numbers.add_row(*cells)
        parts: list[RenderableType] = [numbers]
        if total and state.activity == "working":
            bar = Table.grid()
            bar.add_row(ProgressBar(total=total, completed=done, width=min(60, self._console.width)))
            parts.insert(0, bar)
        if state.detail:
            parts.append(Text(safe(state.detail), style="yellow"))
        if state.retrying:
            parts.append(Text(f"{state.retrying} to be tried again", style="yellow"))
        return Group(*parts)


class _ConsoleHandler(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(
            Text(safe(self.format(record)), style="red" if record.levelno >= logging.ERROR else "yellow")
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One fact: what happened (number, from, to), why, and the same for the journal, field by field."""

    what: str
    why: str
    fields: Mapping[str, str]


def lines(outcome: Outcome, unsorted: Path, library: Path) -> Iterator[Line]:
    """One fact a line; nothing in them is a control character."""
    match outcome:
        case Filed(source=source, photo=photo, demoted=demoted):
            yield _moved(_word(photo), source, photo, unsorted, library)
            if demoted is not None:
                yield _moved("duplicate", demoted.original_path, demoted, unsorted, library)
        case Failed(source=source, photo=photo):
            yield _moved("failed", source, photo, unsorted, library)
        case Retrying(path=path, reason=reason, tries=tries, next_at=next_at):
            at = next_at.astimezone().strftime("%H:%M:%S")
            yield _stayed("retry", path, f"{safe(reason)}; try {tries}, next at {at}", unsorted)
        case Returned(path=path, reason=reason):
            yield _stayed("changed", path, safe(reason), unsorted)
        case LeftAlone(path=path, reason=reason):
            yield _stayed("left", path, safe(reason), unsorted)
        case Blocked(folder=folder, reason=reason):
            yield _stayed("blocked", folder, safe(reason), unsorted)


def summary(state: DaemonState) -> str:
    """What a run has done, in one sentence."""
    counts = (
        ("filed", state.filed),
        ("for review", state.review),
        ("duplicates", state.duplicates),
        ("failed", state.failed),
    )
    text = ", ".join(f"{number:,} {word}" for word, number in counts if number) or "nothing filed"
    left = ", ".join(f"{number:,} {kind}{'s' if number != 1 else ''}" for kind, number in state.others.items())
    return f"{text[:1].upper()}{text[1:]}.{f' Left where they were: {left}.' if left else ''}"


def _priority(outcome: Outcome) -> int:
    return ERROR if isinstance(outcome, Blocked) else WARNING if isinstance(outcome, Failed | Retrying) else INFO


def _word(photo: Photo) -> str:
    return {Status.DUPLICATE: "duplicate", Status.REVIEW: "review"}.get(photo.status, "filed")


def _moved(word: str, source: Path, photo: Photo, unsorted: Path, library: Path) -> Line:
    what = f"{word} #{photo.id} {_below(source, unsorted)} -> {_below(photo.path, library)}"
    places = {"file": safe(os.fspath(source)), "target": safe(os.fspath(photo.path))}
    return Line(what, safe(photo.reason), {"event": word, "picture": str(photo.id), **places})


def _stayed(word: str, path: Path, why: str, unsorted: Path) -> Line:
    return Line(f"{word} {_below(path, unsorted)}", why, {"event": word, "file": safe(os.fspath(path))})


def _below(path: Path, folder: Path) -> str:
    return safe(os.fspath(path.relative_to(folder) if path.is_relative_to(folder) else path))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
