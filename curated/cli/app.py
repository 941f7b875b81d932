"""The Typer application, its commands' registration, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import Annotated

import typer

from curated import __version__
from curated.errors import EXIT_FAILED, CuratedError

app = typer.Typer(
    name="curated",
    help="Turns an Unsorted folder of pictures into a named, filed, undoable library.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"curated {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; expected errors print one line and end with their exit code."""
    # Registered here, not at import: each module adds its commands to `app`.
    from curated.cli import demo, library, moves, run, settings, status, system  # noqa: F401

    # A file name may hold bytes that are not UTF-8; printing it must never fail.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except CuratedError as error:
        typer.echo(f"curated: {error}", err=True)
        sys.exit(error.exit_code)
    except sqlite3.Error as error:
        typer.echo(f"curated: the database: {error}; `curated doctor` looks for the cause", err=True)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        # The reader of our pipe went away (`curated list | head`): not an error, but nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
