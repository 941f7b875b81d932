"""From a TOML file and the environment to checked settings; every mistake is one line that names the key."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from curated.config.checks import check_categories, check_metrics, check_numbers, check_prompts
from curated.config.settings import Category, Config, xdg_folder
from curated.errors import ConfigError

_ALIKE = 0.8
_PREFIX = "CURATED_"
# msgspec's words for what TOML calls otherwise.
_WORDS = {
    "object": "table",
    "array": "list",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "boolean",
}


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """The file in force: $CURATED_CONFIG, else $XDG_CONFIG_HOME/curated/config.toml."""
    if given := environ.get("CURATED_CONFIG"):
        return _expanded(given, "CURATED_CONFIG").absolute()
    return xdg_folder("XDG_CONFIG_HOME", ".config", environ) / "config.toml"


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in force; a missing default file means the defaults.

    Relative folders in a file count from that file's own folder. Raises ConfigError with one line that
    names the file, the key and the mend.
    """
    where = path or config_path(environ)
    explicit = path is not None or bool(environ.get("CURATED_CONFIG"))
    data: dict[str, Any] = {}
    try:
        data = tomllib.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if explicit:
            raise ConfigError(f"{where}: no such configuration file; make one with `curated config init`") from None
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: cannot be read: it is not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not valid TOML: {error}") from error
    refuse_unknown(data, str(where))
    overridden = []
    for variable, keys, value in _overrides(environ):
        _set(data, keys, value, variable)
        overridden.append(variable)
    config = from_dict(data, " with ".join([str(where), ", ".join(overridden)]) if overridden else str(where))
    return _resolve(config, where.parent, str(where))


def from_dict(data: Mapping[str, Any], where: str) -> Config:
    """The checked configuration of a parsed TOML document; `where` opens every error message."""
    refuse_unknown(data, where)
    try:
        config = msgspec.convert(_with_counts_as_text(data), Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_readable(str(error))}") from error
    check_numbers(config, where)
    check_categories(config, where)
    check_prompts(config, where)
    check_metrics(config, where)
    return config


def as_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain values, in the order of the file."""
    builtins: dict[str, Any] = msgspec.to_builtins(config)
    return builtins


def refuse_unknown(data: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError, naming the nearest known one, for the first key that there is not."""
    _refuse_unknown(data, Config, "", where)
    rules = data.get("category")
    for number, rule in enumerate(rules if isinstance(rules, list) else [], 1):
        if isinstance(rule, Mapping):
            _refuse_unknown(rule, Category, "category.", f"{where}: [[category]] number {number}")


def _refuse_unknown(data: Mapping[str, Any], struct: type[msgspec.Struct], prefix: str, where: str) -> None:
    known = _fields(struct)
    for key, value in data.items():
        if key not in known:
            raise ConfigError(f"{where}: unknown key {prefix}{key}; the nearest known one is {_nearest(key, prefix)}")
        inner = known[key]
        if isinstance(value, Mapping) and _is_table(inner):
            _refuse_unknown(value, inner, f"{prefix}{key}.", where)


def _nearest(key: str, prefix: str) -> str:
    """The known key most like it: in its own table, unless that has none like it and another has one of that name."""
    known = [*_all_keys(Config, ""), *(f"category.{name}" for name in _fields(Category))]
    here = {name.removeprefix(prefix): name for name in known if name.rpartition(".")[0] == prefix.rstrip(".")}
    elsewhere = [name for name in known if name.rpartition(".")[2] == key]
    if elsewhere and not difflib.get_close_matches(key, here, n=1, cutoff=_ALIKE):
        return elsewhere[0]
    return here[difflib.get_close_matches(key, here, n=1, cutoff=0.0)[0]]


def _all_keys(struct: type[msgspec.Struct], prefix: str) -> Iterator[str]:
    for name, kind in _fields(struct).items():
        yield f"{prefix}{name}"
        if _is_table(kind):
            yield from _all_keys(kind, f"{prefix}{name}.")


def _fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(struct)}


def _is_table(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _with_counts_as_text(data: Mapping[str, Any]) -> dict[str, Any]:
    """The document with `people = 2` read as `people = "2"`, which anyone would take it for."""
    rules = data.get("category")
    if not isinstance(rules, list):
        return dict(data)
    return {**data, "category": [_with_count_as_text(rule) for rule in rules]}


def _with_count_as_text(rule: object) -> object:
    if isinstance(rule, dict) and type(rule.get("people")) is int:
        return {**rule, "people": str(rule["people"])}
    return rule


def _overrides(environ: Mapping[str, str]) -> Iterator[tuple[str, list[str], str]]:
    for variable, value in sorted(environ.items()):
        if variable.startswith(_PREFIX) and "__" in variable:
            yield variable, variable.removeprefix(_PREFIX).lower().split("__"), value


def _set(data: dict[str, Any], keys: list[str], value: str, variable: str) -> None:
    if keys[0] == "category":
        raise ConfigError(f"{variable}: categories cannot be set from the environment; use [[category]] in the file")
    kind: Any = Config
    prefix = ""
    for key in keys:
        if not _is_table(kind):
            raise ConfigError(f"{variable}: {prefix.rstrip('.')} is no table; it has no key {key}")
        known = _fields(kind)
        if key not in known:
            near = _variable(_nearest(key, prefix))
            raise ConfigError(f"{variable}: unknown key {key}; the nearest known one is {near}")
        kind = known[key]
        prefix += f"{key}."
    if _is_table(kind):
        raise ConfigError(f"{variable}: {prefix.rstrip('.')} is a table; set one of its keys, {variable}__…")
    table = data
    for key in keys[:-1]:
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{variable}: {key} is not a table in the configuration file")
        table = inner
    table[keys[-1]] = [part for part in value.split(":") if part] if kind == tuple[str, ...] else value


def _variable(key: str) -> str:
    return key if key.startswith("category") else _PREFIX + key.upper().replace(".", "__")


def _resolve(config: Config, base: Path, where: str) -> Config:
    folders = config.folders
    fixed = {
        key: str(base / _expanded(value, f"{where}: folders.{key}"))
        for key in ("unsorted", "library", "state", "cache")
        if (value := getattr(folders, key))
    }
    return msgspec.structs.replace(config, folders=msgspec.structs.replace(folders, **fixed))


def _expanded(text: str, what: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"{what}: {text!r}: there is no such user; write the whole path") from error


def _readable(message: str) -> str:
    """msgspec's message in the words of TOML, the key first."""
    text, _, at = message.partition(" - at `$")
    key = at.rstrip("`").lstrip(".")
    rule = re.match(r"category\[(\d+)\]", key)
    if rule:
        key = f"[[category]] number {int(rule[1]) + 1}{key[rule.end() :]}"
    if key == "category" and "got `object`" in text:
        return "category: a rule opens with [[category]], in two pairs of brackets"
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", text):
        return f"{key}: has no {missing[1]}; give it one"
    if unknown := re.fullmatch(r"Invalid enum value (.+)", text):
        return f"{key}: {unknown[1]} is unknown; one of {', '.join(_choices(key))}"
    text = re.sub(r"`(\w+)`", lambda word: _WORDS.get(word[1], word[1]), text)
    text = text[:1].lower() + text[1:]
    return f"{key}: {text}" if key else text


def _choices(key: str) -> list[str]:
    """What a key that takes one of several words may be, as it would be written; "" is what leaves it out."""
    kind: Any = Category if key.startswith("[[category]]") else Config
    for name in key.rpartition(" ")[2].split(".") if kind is Config else key.split(".")[1:]:
        kind = _fields(kind)[name]
    return [f'"{word}"' for word in get_args(kind)]
