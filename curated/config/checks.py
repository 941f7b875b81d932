"""What the types alone do not say: ranges, rules that contradict the folders, folders that cannot work."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from curated.config.settings import Category, Config, Metrics
from curated.errors import ConfigError

_OWN_FOLDERS = ("review", "duplicates", "failed", "trash")
_PEOPLE = re.compile(r"([0-9]{1,6})(?:(\+)|-([0-9]{1,6}))?")


def check_folders(config: Config) -> None:
    """Refuse folders that cannot work: missing, the same, nested, or not writable. Touches no file."""
    try:
        _check_folders(config)
    except OSError as error:
        raise ConfigError(f"folders: {error.filename} cannot be looked at: {error.strerror}") from error


def _check_folders(config: Config) -> None:
    unsorted, library = config.folders.unsorted_path, config.folders.library_path
    if not unsorted.is_dir():
        what = "is not a folder" if unsorted.exists() else "does not exist"
        raise ConfigError(f"folders.unsorted: {unsorted} {what}; create it or set folders.unsorted")
    if library.exists() and not library.is_dir():
        raise ConfigError(f"folders.library: {library} is not a folder; move it away or set folders.library")
    if library.exists() and library.samefile(unsorted):
        raise ConfigError(f"folders.library: is the same folder as folders.unsorted ({unsorted}); choose another")
    if _is_inside(library, unsorted):
        raise ConfigError(
            f"folders.library: {library} lies inside folders.unsorted ({unsorted}); choose a folder outside"
        )
    if _is_inside(unsorted, library):
        raise ConfigError(
            f"folders.unsorted: {unsorted} lies inside folders.library ({library}); choose a folder outside"
        )
    for key, folder in (("state", config.folders.state_path), ("cache", config.folders.cache_path)):
        if _is_inside(folder, unsorted):
            raise ConfigError(f"folders.{key}: lies inside folders.unsorted ({unsorted}); choose a folder outside")
    for key, folder in (("unsorted", unsorted), ("library", library)):
        existing = _existing(folder)
        if not existing.is_dir():
            raise ConfigError(f"folders.{key}: {existing} is not a folder; set folders.{key}")
        if (
            not os.access(existing, os.R_OK | os.W_OK | os.X_OK, effective_ids=True)
            or os.statvfs(existing).f_flag & os.ST_RDONLY
        ):
            raise ConfigError(f"folders.{key}: {existing} cannot be written; give yourself write permission there")


def _is_inside(inner: Path, outer: Path) -> bool:
    """Whether it is the folder or below it, by what the disk says: links, mounts and letter case are seen through."""
    if not outer.exists():
        return inner.resolve().is_relative_to(outer.resolve())
    existing = _existing(inner.resolve())
    return any(folder.samefile(outer) for folder in (existing, *existing.parents))


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def check_numbers(settings: msgspec.Struct, where: str, prefix: str = "") -> None:
    """Refuse numbers without end, which no clock can wait for. Raises ConfigError."""
    for field in msgspec.structs.fields(settings):
        value: Any = getattr(settings, field.name)
        if isinstance(value, msgspec.Struct):
            check_numbers(value, where, f"{prefix}{field.name}.")
        elif isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}: {prefix}{field.name}: must be a number that ends, not {value}")


def check_prompts(config: Config, where: str) -> None:
    """Refuse kinds without prompts and prompts without words. Raises ConfigError."""
    prompts = config.models.full.prompts
    for field in msgspec.structs.fields(prompts):
        of_kind: tuple[str, ...] = getattr(prompts, field.name)
        if not of_kind:
            raise ConfigError(
                f"{where}: models.full.prompts.{field.name}: must not be empty; leave it out for the defaults"
            )
        _check_words(of_kind, f"{where}: models.full.prompts.{field.name}")
    for rule in config.category:
        _check_words(rule.prompts, f"{where}: category {rule.name!r}: prompts")


def _check_words(prompts: tuple[str, ...], what: str) -> None:
    if not all(prompt.strip() for prompt in prompts):
        raise ConfigError(f"{what}: one of them is empty; write what such a picture shows, or take it out")


def check_metrics(config: Config, where: str) -> None:
    """Refuse to serve figures to any other machine. Raises ConfigError."""
    address = config.metrics.address
    if address == Metrics().address:
        return
    # Imported here: `status` need not pay for it.
    import ipaddress

    try:
        is_ours = ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name may mean another address tomorrow
        is_ours = False
    if not is_ours:
        raise ConfigError(
            f"{where}: metrics.address: {address!r} is not of this machine alone; write '127.0.0.1' or '::1'"
        )


def check_categories(config: Config, where: str) -> None:
    """Refuse rules and folders of the library that contradict each other. Raises ConfigError."""
    own = {key: str(getattr(config.folders, key)) for key in _OWN_FOLDERS}
    for key, folder in own.items():
        _check_relative(folder, f"{where}: folders.{key}")
        for other in _OWN_FOLDERS[: _OWN_FOLDERS.index(key)]:
            if _nested(folder, own[other]) or _nested(own[other], folder):
                raise ConfigError(
                    f"{where}: folders.{key}: review, duplicates, failed and trash must be four different folders, "
                    f"none inside another; {other} is {own[other]!r}"
                )
    if not config.category:
        raise ConfigError(f"{where}: category: at least one [[category]] is needed; leave it out for the defaults")
    seen: set[str] = set()
    for number, rule in enumerate(config.category, 1):
        if not rule.name.strip():
            raise ConfigError(f"{where}: [[category]] number {number}: name must not be empty")
        if rule.name.casefold() in seen:
            raise ConfigError(f"{where}: category.name: {rule.name!r} is there twice; give each its own name")
        seen.add(rule.name.casefold())
        people_range(rule.people, f"{where}: category {rule.name!r}: people")
        _check_place(rule, own, where)


def _check_place(rule: Category, own: dict[str, str], where: str) -> None:
    folder = rule.folder or rule.name
    _check_relative(folder, f"{where}: category {rule.name!r}: folder")
    for key, reserved in own.items():
        # A rule may lead to the review folder itself, by its name.
        if key == "review" and rule.name == reserved and Path(folder) == Path(reserved):
            continue
        if _nested(folder, reserved) or _nested(rule.name, reserved):
            raise ConfigError(
                f"{where}: category {rule.name!r}: {reserved!r} is a folder of curated's own; choose another"
            )


def _nested(inner: str, outer: str) -> bool:
    """Whether it is the same folder or one below, whatever the case, as on disks that do not tell."""
    return Path(inner.casefold()).is_relative_to(Path(outer.casefold()))


def _check_relative(folder: str, what: str) -> None:
    parts = Path(folder).parts
    hidden = any(part.startswith(".") or part != part.strip() for part in parts)
    if not parts or Path(folder).is_absolute() or hidden or not folder.isprintable():
        raise ConfigError(f"{what}: {folder!r} must be a plain folder below the library, without '..' or a leading dot")


def people_range(text: str, what: str = "people") -> tuple[int, int | None] | None:
    """(least, most) of "2", "3+" or "1-4"; most None is open; None where nothing is asked. Raises ConfigError."""
    if not text:
        return None
    found = _PEOPLE.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f'{what}: {text!r} is not a count; write "2", "3+" or "1-4"')
    least, most = int(found[1]), int(found[3] or found[1])
    if found[2]:
        return least, None
    if most < least:
        raise ConfigError(f'{what}: {text!r} ends before it begins; write "{most}-{least}"')
    return least, most
