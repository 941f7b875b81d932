"""Looking after the installation: fsck, doctor, service."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from curated import config as configuration
from curated.cli import service
from curated.cli.app import app
from curated.cli.context import opened
from curated.cli.doctor import Check, bad_configuration, examine
from curated.cli.output import counted, echo_json, safe, shown
from curated.errors import EXIT_CONFIG, EXIT_FAILED, ConfigError
from curated.files import RealDisk
from curated.filing.fsck import Problem, Trouble, check
from curated.state.daemon import daemon_pid, daemon_runs

service_app = typer.Typer(help="The daemon as a systemd user service.", no_args_is_help=True)
app.add_typer(service_app, name="service")

_REPAIR = "`curated fsck --repair`"
_MENDS: dict[Trouble, str] = {
    "missing": f"put the file back from a copy, or {_REPAIR} marks it missing",
    "changed": "if you edited it, move it to the unsorted folder to have it filed anew",
    "moved": f"{_REPAIR} takes note of its new place",
    "unknown": "move it to the unsorted folder to have it filed, or leave it: it is never touched",
    "stray": "delete it if you like",
    "open": f"{_REPAIR} finishes it or takes it back",
    "paused": "mount its disk and look again",
    "unreadable": "look at its rights, and at the disk",
}


@app.command()
def fsck(
    repair: Annotated[bool, typer.Option("--repair", help="Mend the database; no file is touched.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one problem a line.")] = False,
) -> None:
    """Compare the database with the disk, reading every file; exit 1 if something is left to mend."""
    progress = _progress if sys.stderr.isatty() else None
    with opened(read_only=not repair) as context:
        problems = check(context.database, RealDisk(), context.config.folders, repair=repair, progress=progress)
        known = sum(context.store.counts("status").values())
    if progress:
        typer.echo("\r\x1b[K", nl=False, err=True)
    for problem in problems:
        if as_json:
            echo_json(_problem_json(problem))
        else:
            typer.echo(_problem_line(problem))
    left = sum(not problem.repaired for problem in problems)
    if not as_json:
        mended = f", {len(problems) - left} of them mended" if len(problems) > left else ""
        found = f"{counted(len(problems), 'problem')}{mended}" if problems else "no problem"
        typer.echo(f"{counted(known, 'picture')} compared with the disk: {found}.", err=True)
    if left:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def doctor(
    weights: Annotated[bool, typer.Option("--weights", help="Also compare the weights with their sha256.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one check a line.")] = False,
) -> None:
    """Look at configuration, folders, file system, limits, database, weights, GPU and service; 1 or 78 if one fails."""
    failed = misconfigured = False
    try:
        checks = examine(configuration.load(), RealDisk(), digest_weights=weights)
    except ConfigError as error:
        checks = iter([bad_configuration(error)])
    for each in checks:
        failed |= each.level == "fail"
        misconfigured |= each.level == "fail" and each.configuration
        if as_json:
            echo_json({"level": each.level, "what": each.what, "detail": each.detail, "mend": each.mend})
        else:
            typer.echo(_check_line(each))
    if failed:
        raise typer.Exit(EXIT_CONFIG if misconfigured else EXIT_FAILED)


@service_app.command()
def install() -> None:
    """Write the systemd user unit for this installation and the configuration in force."""
    configuration.load()
    given = os.environ.get("CURATED_CONFIG")
    text = service.unit_text(service.curated_command(), configuration.config_path() if given else None)
    path = service.unit_path()
    present = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    if present is not None and not service.is_ours(present):
        raise ConfigError(f"{path}: is there already and was not written by curated; move it away first")
    if present == text:
        typer.echo(f"{shown(path)} is there already, nothing to change.")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(f"{'Wrote' if present is None else 'Updated'} {shown(path)}.")
    if not service.has_systemd():
        typer.echo("There is no systemctl on this machine: start `curated run` by other means.")
    elif present is None:
        typer.echo("Next: systemctl --user enable --now curated")
        typer.echo("To have it run while you are logged out, too: loginctl enable-linger")
    else:
        typer.echo("Next: systemctl --user daemon-reload && systemctl --user restart curated")


@service_app.command()
def uninstall() -> None:
    """Stop the service and remove its unit; the library and the database stay as they are."""
    path = service.unit_path()
    if not path.exists():
        typer.echo(f"{shown(path)} is not there: nothing to remove.")
        return
    if not service.is_ours(path.read_text(encoding="utf-8", errors="replace")):
        raise ConfigError(f"{path}: was not written by curated; remove it yourself if you want it gone")
    stopped = True
    if service.has_systemd():
        stopped, said = service.systemctl("disable", "--now", service.UNIT)
        if not stopped:
            typer.echo(f"It could not be stopped ({safe(said)}).", err=True)
    path.unlink()
    typer.echo(f"Removed {shown(path)}.")
    if service.has_systemd():
        service.systemctl("daemon-reload")
    if not stopped:
        typer.echo("Next, if it still runs: systemctl --user stop curated")


@service_app.command("status")
def service_status() -> None:
    """Whether the unit is installed, up to date and active, and whether a daemon runs."""
    path = service.unit_path()
    if not path.exists():
        typer.echo("unit     not installed; `curated service install` writes it")
    else:
        given = os.environ.get("CURATED_CONFIG")
        wanted = service.unit_text(service.curated_command(), configuration.config_path() if given else None)
        same = path.read_text(encoding="utf-8", errors="replace") == wanted
        typer.echo(f"unit     {shown(path)}{'' if same else ' (outdated; `curated service install` updates it)'}")
    if not service.has_systemd():
        typer.echo("systemd  there is no systemctl on this machine")
    else:
        for word in ("is-enabled", "is-active"):
            typer.echo(f"{word.removeprefix('is-'):<8} {safe(service.systemctl(word, service.UNIT)[1]) or 'unknown'}")
    state = configuration.load().folders.state_path
    runs = f"running (process {daemon_pid(state) or 'just starting'})" if daemon_runs(state) else "not running"
    typer.echo(f"daemon   {runs}")


def _progress(done: int, everything: int) -> None:
    if done % 20 == 0 or done == everything:
        typer.echo(f"\r{done:,} of {everything:,} pictures", nl=False, err=True)


def _problem_line(problem: Problem) -> str:
    who = f"#{problem.photo_id} " if problem.photo_id is not None else ""
    mend = "mended" if problem.repaired else _MENDS[problem.trouble]
    return f"{problem.trouble:<10} {who}{shown(problem.path)}: {safe(problem.detail)}; {mend}"


def _problem_json(problem: Problem) -> dict[str, object]:
    return {
        "trouble": problem.trouble,
        "path": os.fspath(problem.path),
        "photo_id": problem.photo_id,
        "detail": problem.detail,
        "repaired": problem.repaired,
        "mend": "" if problem.repaired else _MENDS[problem.trouble],
    }


def _check_line(each: Check) -> str:
    return f"{each.level:<4}  {each.what}: {safe(each.detail)}{f'; {each.mend}' if each.mend else ''}"
