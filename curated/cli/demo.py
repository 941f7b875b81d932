"""`curated demo`: a small real Unsorted folder, sorted before your eyes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from curated.cli.app import app
from curated.cli.output import safe
from curated.config import load
from curated.domain import Photo, Status
from curated.errors import EXIT_FAILED, ConfigError
from curated.state.schema import open_database
from curated.state.store import Store

_CONFIG = """\
# Made by `curated demo`. Relative folders count from this file's own.
[folders]
unsorted = "Unsorted"
library = "Library"
state = "state"

[watch]
settle_seconds = 0.5
"""


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where; made anew.")] = Path("curated-demo"),
) -> None:
    """Make a small real Unsorted folder from pictures that installed packages ship, file it, and show the result."""
    # Imported here: they bring Pillow and the daemon.
    from curated.cli.run import work
    from curated.cli.samples import samples

    folder = _new_folder(directory)
    unsorted = folder / "Unsorted"
    found = samples()
    for sample in found:
        path = unsorted / sample.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
    config_file = folder / "config.toml"
    config_file.write_text(_CONFIG, encoding="utf-8")
    typer.echo(f"Put {len(found)} files into {safe(str(unsorted))}. Now curated files them:\n")
    config = load(config_file)
    finished = work(config, once=True)
    with open_database(config.folders.database_path, read_only=True) as database:
        photos = sorted(Store(database).photos(), key=lambda photo: photo.path)
    typer.echo()
    for line in _result(photos, folder):
        typer.echo(line)
    typer.echo(_next(config_file))
    # One file is broken on purpose: it belongs into Failed, and a run that says so has done its work.
    if not finished and not any(photo.status is Status.FAILED for photo in photos):
        raise typer.Exit(EXIT_FAILED)


def _new_folder(wanted: Path) -> Path:
    """The folder, or the next free name: what lies in an earlier one may be yours by now."""
    for number in count(1):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be made: {error.strerror}; name another folder") from error
        if number > 1:
            typer.echo(f"{wanted} is there already and stays as it is; this demo uses {folder}.")
        return folder
    raise AssertionError("numbers do not end")


def _result(photos: list[Photo], folder: Path) -> Iterator[str]:
    yield "What went where, and why:"
    before = None
    for photo in photos:
        place = photo.path.parent.relative_to(folder.absolute())
        if place != before:
            yield f"\n  {safe(str(place))}/"
            before = place
        yield f"    {safe(photo.path.name)}"
        yield f"        was {safe(photo.original_path.name)}; {safe(photo.reason)}"


def _next(config_file: Path) -> str:
    where = f"CURATED_CONFIG={shlex.quote(str(config_file))}"
    return f"""
Try next (curated is in .venv/bin if you came here by `make demo`):
  export {where}
  curated list                     # every picture, one a line
  curated show 1                   # all that is known of one, and why it was filed so
  curated search lake              # words in names, captions and in the pictures themselves
  curated review                   # go through them: one key keeps, trashes, files; u takes it back
  curated undo --last 3            # take moves back; nothing is ever lost
  curated run                      # keep watching: drop a picture into {config_file.parent / "Unsorted"}"""
