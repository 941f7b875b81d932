"""`curated review`: going through the pictures, in the terminal or in a browser."""

from __future__ import annotations

import ctypes
import difflib
import os
import shlex
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal

import typer

from curated.cli.app import app
from curated.cli.context import opened
from curated.config import Config, load
from curated.domain import Kind, Status
from curated.errors import ConfigError, CuratedError, NotFound, StateError
from curated.state.daemon import daemon_runs
from curated.state.database import Database
from curated.state.queue import REVIEWED, Filter, Order
from curated.state.rows import printable
from curated.state.schema import SCHEMA_VERSION, open_database

_PATIENCE_SECONDS = 3.0
_GOODBYE_SECONDS = 4.0
_PR_SET_PDEATHSIG = 1

Shown = Literal["filed", "review", "duplicate", "failed", "trashed", "missing"]


@app.command()
def review(
    category: Annotated[str | None, typer.Option(help="Only this category, and those below it.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    status: Annotated[Shown | None, typer.Option(help="Only this status.")] = None,
    sort: Annotated[Order, typer.Option(help="The order.")] = "new",
    everything: Annotated[bool, typer.Option("--all", help="Also what you have decided on already.")] = False,
    web: Annotated[bool, typer.Option("--web", help="In a browser: prints an address that opens it, once.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of --web; 0 takes a free one; else review.web_port.")
    ] = None,
    host: Annotated[str, typer.Option(help="Of --web: the address to listen on.")] = "127.0.0.1",
    allow_others: Annotated[
        bool, typer.Option("--allow-others", help="Of --web: let other machines in, with a --host that they reach.")
    ] = False,
) -> None:
    """Go through the pictures: verify or correct categories, keep or trash, one key each; `?` shows the keys."""
    config = load()
    database = config.folders.database_path
    _check_state(config)
    if web:
        given = {"--category": category, "--kind": kind, "--status": status, "--sort": sort}
        choice = [f"{name}={value}" for name, value in given.items() if value is not None]
        _serve(config, choice + ["--all"] * everything, host, port, allow_others=allow_others)
        return
    _check_terminal(database)
    served = "TEXTUAL_DRIVER" in os.environ
    if served:
        _end_with_the_server()
    # Imported here: Textual costs more than `--help` and the complaints above should.
    from curated.tui.guard import run_guarded
    from curated.tui.welcome import Welcome, pictures_there

    if not pictures_there(database) and not run_guarded(Welcome(config), config.folders.state_path):
        return
    with opened(read_only=False) as context:
        wanted = Status(status) if status is not None else None
        which = Filter(
            category=_category(context.config, context.database, category),
            kind=kind,
            status=wanted,
            # What was trashed or failed is looked at again, not decided on for the first time.
            unreviewed=not everything and (wanted is None or wanted in REVIEWED),
        )
        from curated.tui.app import ReviewApp
        from curated.tui.terminal import prepare_terminal

        # Before the application is made: what the terminal says of its colours counts for that, too.
        terminal = prepare_terminal(context.config.review.pictures)
        review_app = ReviewApp(context.config, context.database)
        review_app.pictures.terminal = terminal
        review_app.sitting.which, review_app.sitting.order = which, sort
        # The move under way is finished; the others the daemon makes, or the next review.
        run_guarded(review_app, config.folders.state_path, lambda: review_app.end_carrying(_GOODBYE_SECONDS))


def _check_state(config: Config) -> None:
    """Refuse at once what would otherwise be waited for, or changed under a program that does not expect it."""
    path = config.folders.database_path
    if not path.exists():
        return
    target = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(target, uri=True, timeout=_PATIENCE_SECONDS)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StateError(
                f"{path}: another program has locked it; end that one, or try again in a moment"
            ) from error
        version = SCHEMA_VERSION  # opening it says what is wrong
    if version >= SCHEMA_VERSION:
        open_database(path, read_only=True).close()
    if 0 < version < SCHEMA_VERSION and daemon_runs(config.folders.state_path):
        raise StateError(
            f"{path}: an older curated works on it (schema {version}, this program knows {SCHEMA_VERSION}); "
            "stop that daemon, then start this version's"
        )


def _check_terminal(database: Path) -> None:
    """Refuse where nobody could see the review or press a key; textual-serve talks through pipes."""
    if "TEXTUAL_DRIVER" in os.environ:
        return
    # Textual reads keys from stdin and draws on stderr.
    missing = [name for name in ("stdin", "stdout", "stderr") if not getattr(sys, name).isatty()]
    if missing:
        begin = "" if database.exists() else f"{database}: no database yet, `curated run` makes it; "
        raise CuratedError(
            f"{begin}the review needs a terminal, and {missing[0]} is none; "
            "`curated review --web` shows it in a browser, `curated list` prints the pictures"
        )
    if os.environ.get("TERM") == "dumb":
        raise CuratedError("this terminal (TERM=dumb) cannot show the review; `curated review --web` needs none")


def _serve(config: Config, choice: list[str], host: str, port: int | None, *, allow_others: bool) -> None:
    from curated.tui.web import ReviewServer, is_loopback, listen

    alone = is_loopback(host)
    if not alone and not allow_others:
        raise ConfigError(
            f"--host {host}: other machines could reach your pictures there; say --allow-others if they may, "
            "or leave --host out and come in by `ssh -L`"
        )
    listening = listen("127.0.0.1" if host == "localhost" else host, config.review.web_port if port is None else port)
    # `exec`: the shell between would outlive what it started.
    command = [sys.executable, "-P", "-m", "curated", "review", *choice]
    server = ReviewServer(f"exec {shlex.join(command)}", listening)

    def ready() -> None:
        typer.echo(f"The review is at {server.url}")
        typer.echo("The address opens it once, for one browser. Ctrl-C ends it.")
        if not alone:
            typer.echo(
                "Warning: nothing is encrypted. Whoever can listen in on the network between can see your pictures, "
                "and decide on them.",
                err=True,
            )
        sys.stdout.flush()

    server.serve(ready=ready)


def _end_with_the_server() -> None:
    """Have SIGTERM sent to this process when the server that started it dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _category(config: Config, database: Database, wanted: str | None) -> str | None:
    """The category, or one above several, of that name in whatever case. Raises NotFound, naming the nearest."""
    if wanted is None:
        return None
    from curated.review.desk import categories

    known: dict[str, None] = {}
    for name in categories(config, database):
        parts = name.split("/")
        known.update(dict.fromkeys("/".join(parts[: end + 1]) for end in range(len(parts))))
    lowered = {name.casefold(): name for name in known}
    text = printable(wanted).casefold().strip("/")
    if text in lowered:
        return lowered[text]
    near = lowered[difflib.get_close_matches(text, lowered, n=1, cutoff=0.0)[0]]
    raise NotFound(f"no category is called {printable(wanted)!r}; the nearest is {near!r}")
