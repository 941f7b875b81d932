"""Looking after the installation: fsck, doctor, service."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from curated import config as configuration
from curated.cli import service
from curated.cli.app import app
from curated.cli.context import opened
from curated.cli.doctor import bad_configuration, examine
from curated.cli.doctor_check import Check
from curated.cli.output import counted, echo_json, safe, shown
from curated.cli.sandbox import check_rights, sandbox
from curated.errors import EXIT_CONFIG, EXIT_FAILED, ConfigError
from curated.files import RealDisk
from curated.filing.fsck import Problem, Trouble, check
from curated.state.daemon import daemon_pid, daemon_runs

service_app = typer.Typer(help="The daemon as a systemd service, the user's or the machine's.", no_args_is_help=True)
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
    database: Annotated[bool, typer.Option("--database", help="Also read the whole database for damage.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one check a line.")] = False,
) -> None:
    """Look at configuration, folders, disks, limits, database, weights, machine, service; 1 or 78 if one fails."""
    failed = misconfigured = False
    try:
        checks = examine(configuration.load(), RealDisk(), digest_weights=weights, whole_database=database)
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


_System = Annotated[bool, typer.Option("--system", help="The machine's unit, sandboxed, in place of the user's.")]


@service_app.command()
def install(system: _System = False) -> None:
    """Write the systemd unit for this installation and the configuration in force; twice changes nothing.

    With --system, whoever is not root has it printed, to be put in place by root.
    """
    path = service.unit_path(system=system)
    text = _system_text() if system else _user_text()
    if system and os.geteuid() != 0:
        typer.echo(text, nl=False)
        typer.echo(f"Next: {_put_in_place()}", err=True)
        typer.echo("      sudo systemctl daemon-reload && sudo systemctl enable --now curated", err=True)
        return
    present = path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    if present is not None and not service.is_ours(present):
        raise ConfigError(f"{path}: is there already and was not written by curated; move it away first")
    if present == text:
        typer.echo(f"{shown(path)} is there already, nothing to change.")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(f"{'Wrote' if present is None else 'Updated'} {shown(path)}.")
    manager = "systemctl" if system else "systemctl --user"
    if not service.has_systemd():
        typer.echo("There is no systemctl on this machine: start `curated run` by other means.")
    elif present is None:
        reloaded = "systemctl daemon-reload && " if system else ""
        typer.echo(f"Next: {reloaded}{manager} enable --now curated")
        if not system:
            typer.echo("To have it run while you are logged out, too: loginctl enable-linger")
    elif present != text:
        typer.echo(f"Next: {manager} daemon-reload && {manager} restart curated")
    typer.echo(f"After a change of the configuration: {manager} reload curated")


def _user_text() -> str:
    configuration.load()
    return service.unit_text(service.curated_command(), _given_config())


def _system_text() -> str:
    """The system unit for whoever asks; root by way of sudo would have root's home, not the person's."""
    person = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0 and person not in ("", "root"):
        raise ConfigError(f"run it as {person}, whose service it will be: `{_put_in_place()}`")
    config = configuration.load()
    configuration.check_folders(config)
    found = sandbox(config)
    if os.geteuid() == 0:
        check_rights(config, _put_in_place())
    for folder in (config.folders.library_path, config.folders.state_path, config.folders.cache_path):
        # A service whose writable folders are not there does not start.
        folder.mkdir(parents=True, exist_ok=True, mode=0o755 if folder == config.folders.library_path else 0o700)
    if not found.renames:
        typer.echo(
            "Unsorted folder and library have no folder of their own in common, so that under the system unit each "
            "move is a copy, compared and then removed; put both below one folder to have files renamed.", err=True
        )  # fmt: skip
    file = configuration.config_path()
    given = file if file.exists() else None
    return service.system_unit_text(service.curated_command(), given, found, getpass.getuser())


def _put_in_place() -> str:
    """How whoever is not root has root put the system unit in place."""
    return f"curated service install --system | sudo tee {service.unit_path(system=True)}"


def _given_config() -> Path | None:
    return configuration.config_path() if os.environ.get("CURATED_CONFIG") else None


@service_app.command()
def uninstall(system: _System = False) -> None:
    """Stop the service and remove its unit; the library and the database stay as they are."""
    path = service.unit_path(system=system)
    if not path.exists():
        typer.echo(f"{shown(path)} is not there: nothing to remove.")
        return
    if not service.is_ours(path.read_text(encoding="utf-8", errors="replace")):
        raise ConfigError(f"{path}: was not written by curated; remove it yourself if you want it gone")
    stopped = True
    if service.has_systemd():
        stopped, said = service.systemctl("disable", "--now", service.UNIT, system=system)
        if not stopped:
            typer.echo(f"It could not be stopped ({safe(said)}).", err=True)
    path.unlink()
    typer.echo(f"Removed {shown(path)}.")
    if service.has_systemd():
        service.systemctl("daemon-reload", system=system)
    if not stopped:
        typer.echo(f"Next, if it still runs: systemctl {'' if system else '--user '}stop curated")


@service_app.command("status")
def service_status() -> None:
    """Whether the unit is installed, up to date and active, and whether a daemon runs."""
    path, system = service.unit_path(), service.unit_path(system=True)
    if not path.exists():
        typer.echo("unit     not installed; `curated service install` writes it")
    else:
        same = path.read_text(encoding="utf-8", errors="replace") == _user_text()
        typer.echo(f"unit     {shown(path)}{'' if same else ' (outdated; `curated service install` updates it)'}")
    if system.exists():
        typer.echo(f"system   {shown(system)}")
    if not service.has_systemd():
        typer.echo("systemd  there is no systemctl on this machine")
    elif path.exists() or system.exists():
        by_system = system.exists() and not path.exists()
        for word in ("is-enabled", "is-active"):
            said = service.systemctl(word, service.UNIT, system=by_system)[1]
            typer.echo(f"{word.removeprefix('is-'):<8} {safe(said) or 'unknown'}")
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
