"""The Typer application, its commands' registration, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sqlite3
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from curated import __version__
from curated.cli.output import complain
from curated.errors import EXIT_FAILED, EXIT_INTERRUPTED, CuratedError

# The module of each command. Only the one that is asked for is imported, so that `status` does not wait for `run`.
MODULES = {
    "run": "run",
    "review": "review",
    "status": "status",
    "list": "library",
    "show": "library",
    "search": "search",
    "duplicates": "duplicates",
    "undo": "moves",
    "retry": "moves",
    "trash": "moves",
    "mark": "moves",
    "file-as": "moves",
    "rename": "moves",
    "recurate": "recurate",
    "predict": "predict",
    "fsck": "system",
    "doctor": "system",
    "service": "system",
    "config": "settings",
    "models": "settings",
    "demo": "demo",
}

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (of this process, if none is given); it ends in SystemExit.

    Expected errors print one line and end with their exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # A file name may hold bytes that are not UTF-8; printing it must never fail.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        _register(given)
        app(args=given, prog_name="curated")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except CuratedError as error:
        cause = "; `curated doctor` looks for the cause" if isinstance(error.__cause__, sqlite3.Error) else ""
        complain(f"{error}{cause}")
        sys.exit(error.exit_code)
    except sqlite3.Error as error:
        complain(f"the database: {error}; `curated doctor` looks for the cause")
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        # The reader of our pipe went away (`curated list | head`): not an error, but nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
        complain(f"{what}; `curated doctor` looks at folders and rights")
        sys.exit(EXIT_FAILED)


def _register(arguments: Sequence[str]) -> None:
    """Import the module of the command that is asked for, or all where help or an error will name them."""
    if arguments[:1] == ["--version"]:
        return
    command = next((each for each in arguments if not each.startswith("-")), "")
    for name in (MODULES[command],) if command in MODULES else dict.fromkeys(MODULES.values()):
        # Each module adds its commands to `app`.
        importlib.import_module(f"curated.cli.{name}")
