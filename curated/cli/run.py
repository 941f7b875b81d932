"""`curated run`: the daemon in the foreground, with a display on a terminal and one line a file elsewhere."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable
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


def work(config: Config, *, once: bool, verbose: bool = False, factory: str | None = None) -> bool:
    """Run a daemon with the display that fits the place where it runs; whether nothing failed (always, if stopped).

    `factory` names another maker of the models, see WorkerSpec.
    """
    is_terminal = sys.stdout.isatty()
    report = TerminalReport(config, once=once) if is_terminal else LineReport(config)
    set_up_logging(report.log_handler(), verbose=verbose)
    signals = Signals(may_reload=not is_terminal and not once)
    with build_daemon(config, report, once=once, factory=factory) as daemon:
        report.begin(profile_notice(config.models))
        signals.pass_on_to(daemon)
        with report:
            good = daemon.run()
        report.end()
    return good or not once


class Signals:
    """What the signals mean, from the moment this is made; those that come before the daemon is built wait for it.

    SIGTERM ends the daemon after the move under way, however often it comes. So does Ctrl-C, but a second one ends it
    at once (recovery takes care of the rest). SIGUSR1 looks again at all that failed. SIGHUP reads the configuration
    anew where a service manager may send it; elsewhere the terminal or the session is gone, and the daemon ends.
    """

    def __init__(self, *, may_reload: bool) -> None:
        self._daemon: Daemon | None = None
        self._asked: list[Callable[[Daemon], None]] = []
        signal.signal(signal.SIGTERM, lambda *_: self._ask(Daemon.stop))
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGUSR1, lambda *_: self._ask(Daemon.retry))
        signal.signal(signal.SIGHUP, lambda *_: self._ask(Daemon.reload if may_reload else Daemon.stop))

    def pass_on_to(self, daemon: Daemon) -> None:
        """From now on this daemon is told, and first what has come already."""
        self._daemon = daemon
        for action in self._asked:
            action(daemon)

    def _ask(self, action: Callable[[Daemon], None]) -> None:
        if self._daemon is None:
            self._asked.append(action)
        else:
            action(self._daemon)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        self._ask(Daemon.stop)


def set_up_logging(handler: logging.Handler, *, verbose: bool) -> None:
    """Every logger's lines to that handler, at its level or, if `verbose`, all."""
    level = logging.DEBUG if verbose else handler.level
    handler.setLevel(level)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # watchdog's own chatter: one line for every event.
    logging.getLogger("watchdog").setLevel(logging.WARNING)
