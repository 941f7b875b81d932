"""`curated run`: the daemon in the foreground, with a display on a terminal and one line a file elsewhere."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from curated.cli.app import app
from curated.cli.display import LineReport, TerminalReport
from curated.config import Config, load
from curated.daemon import Daemon, build_daemon
from curated.errors import EXIT_FAILED
from curated.models.weights import profile_notice


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="File what is there, then end; 1 if something failed.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Also log what the model process says.")] = False,
) -> None:
    """Watch the unsorted folder and file what arrives, until Ctrl-C or SIGTERM."""
    if not work(load(), once=once, verbose=verbose):
        raise typer.Exit(EXIT_FAILED)


def work(config: Config, *, once: bool, verbose: bool = False) -> bool:
    """Run a daemon with the display that fits the place where it runs; whether nothing failed (always, if stopped)."""
    report = TerminalReport(config, once=once) if sys.stdout.isatty() else LineReport(config)
    set_up_logging(report.log_handler(), verbose=verbose)
    # `retry` sends it to whatever daemon holds the lock; until this one listens it must not die of it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with build_daemon(config, report, once=once) as daemon:
        report.begin(profile_notice(config.models))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _Stop(daemon))
        signal.signal(signal.SIGUSR1, lambda *_: daemon.retry())
        with report:
            good = daemon.run()
        report.end()
    return good or not once


class _Stop:
    """Ends the daemon after the move under way; the second time, at once (recovery takes care of the rest)."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        self._daemon.stop()


def set_up_logging(handler: logging.Handler, *, verbose: bool) -> None:
    """Every logger's lines to that handler, at its level or, if `verbose`, all."""
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    level = logging.DEBUG if verbose else handler.level
    handler.setLevel(level)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # watchdog's own chatter: one line for every event.
    logging.getLogger("watchdog").setLevel(logging.WARNING)
