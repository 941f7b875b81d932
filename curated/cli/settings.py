"""`curated config` and `curated models`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from curated import config as configuration
from curated.cli.app import app
from curated.cli.output import complain, echo_json, shown
from curated.cli.packaged import packaged_text
from curated.errors import EXIT_FAILED, ConfigError
from curated.models import weights
from curated.models.hubs import Hubs
from curated.naming import check_template

config_app = typer.Typer(help="The configuration file.", no_args_is_help=True)
models_app = typer.Typer(help="The models' weights.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(models_app, name="models")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@config_app.command()
def init(
    path: Annotated[Path | None, typer.Argument(help="Where; the default is the file in force.")] = None,
) -> None:
    """Write a commented configuration file with every default; an existing file is never replaced."""
    target = path or configuration.config_path()
    if target.exists():
        raise ConfigError(f"{target}: is there already; edit it, or name another file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(example())
    typer.echo(f"Wrote {shown(target)}. Set folders.unsorted and folders.library there, then `curated doctor`.")


@config_app.command("show")
def show_config(as_json: Json = False) -> None:
    """Print the configuration in force, with the environment's overrides applied."""
    values = configuration.as_dict(configuration.load())
    if as_json:
        echo_json(values)
        return
    where = configuration.config_path()
    typer.echo(f"# {shown(where)}{'' if where.exists() else ' (not there: defaults)'}")
    for section, table in values.items():
        if section == "category":
            continue
        _print_table(section, table)
    for rule in values["category"]:
        typer.echo("\n[[category]]")
        for key, value in rule.items():
            if value:
                typer.echo(f"{key} = {_toml(value)}")


@config_app.command()
def check() -> None:
    """Check the configuration file and the folders it names."""
    config = configuration.load()
    check_template(config.naming.template)
    configuration.check_folders(config)
    # Imported here: no other command of these needs Textual.
    from curated.tui.keys import check_keys

    path = configuration.config_path()
    check_keys(config.review.keys, str(path))
    typer.echo(f"{shown(path)}{'' if path.exists() else ' is not there, the defaults are in force'}: good.")


@models_app.command("list")
def list_models(as_json: Json = False) -> None:
    """Where the weights of both profiles lie, how large they are, and under which licence."""
    config = configuration.load()
    found = weights.list_weights(config.models)
    if as_json:
        for weight in found:
            echo_json(weights.as_json(weight))
        return
    for weight in found:
        size = f"{weight.size / 1e6:.1f} MB" if weight.size else "not on disk"
        place = f"  {shown(weight.path)}" if weight.path else ""
        typer.echo(f"{weight.profile:<5} {weight.role:<10} {weight.name:<38} {size:>12}  {weight.licence}{place}")
    typer.echo(weights.profile_notice(config.models), err=True)


@models_app.command()
def pull(profile: Annotated[Literal["full", "lite"], typer.Option(help="Whose weights.")] = "full") -> None:
    """Fetch the weights of the full profile from their hubs; what is there already is not fetched again.

    This alone opens a network connection. A fetch that was cut off goes on where it ended.
    """
    if profile == "lite":
        typer.echo("The weights of lite come with the installation: there is nothing to fetch.")
    else:
        fetch(Hubs())


def fetch(hubs: Hubs) -> None:
    """The command, asking these hubs."""
    # Imported here: no other command needs them.
    from curated.cli.fetching import Fetching
    from curated.models.checks import check_names
    from curated.models.pull import pull, wanted

    models = configuration.load().models
    check_names(models.full)
    missing = wanted(models, hubs)
    if not missing:
        typer.echo("All weights are there, and are what they should be.")
    else:
        try:
            with Fetching() as display:
                for said in pull(missing):
                    display(said)
        except KeyboardInterrupt:
            complain("stopped; the same command goes on where it ended")
            raise
    typer.echo(f"The profile is {weights.profile_notice(models)}")
    if weights.resolve_profile(models) == "full":
        typer.echo("`curated recurate` lets it look again at what lite judged.")


@models_app.command()
def verify() -> None:
    """Compare the sha256 of every weight on disk with the pinned one; exit 1 if one differs."""
    bad = 0
    for weight in weights.list_weights(configuration.load().models):
        problem = weights.verify(weight)
        bad += problem is not None
        typer.echo(f"{'ok ' if problem is None else 'BAD'} {weight.role:<10} {weight.name}  {problem or ''}".rstrip())
    if bad:
        raise typer.Exit(EXIT_FAILED)


@models_app.command()
def prepare() -> None:
    """Convert the weights that need it, once, so that the first run need not wait for it."""
    # Imported here: of all commands only this one and the worker need the model libraries.
    from curated.models.load import prepare_models

    config = configuration.load()
    for path in prepare_models(config.models, config.folders.cache_path):
        typer.echo(f"Converted {shown(path)}.")


def example() -> str:
    """The text of config.example.toml."""
    return packaged_text("config.example.toml")


def _print_table(name: str, table: dict[str, Any]) -> None:
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    typer.echo(f"\n[{name}]")
    for key, value in table.items():
        if key not in inner:
            typer.echo(f"{key} = {_toml(value)}")
    for key, value in inner.items():
        _print_table(f"{name}.{key}", value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # its escapes are TOML's, too
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value)
