"""A new configuration taken over by a daemon at work: what can change at once, and what waits for a restart. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from curated.config import Config, as_dict, from_dict

# The watch is in the middle of counting how long each file has stood still; only these are asked for anew each time.
_LIVE_WATCH = frozenset({"retries", "retry_seconds", "remove_emptied_folders"})


@dataclass(frozen=True, slots=True)
class TakeOver:
    """The configuration to go on with, the keys that changed in it, and those that changed but need a restart."""

    config: Config
    taken: tuple[str, ...]
    waiting: tuple[str, ...]


def take_over(present: Config, wanted: Config) -> TakeOver:
    """What of `wanted` a daemon that runs by `present` can go on with.

    Raises ConfigError where what can be taken over contradicts what cannot.
    """
    watch = {name: getattr(present.watch, name) for name in present.watch.__struct_fields__ if name not in _LIVE_WATCH}
    config = msgspec.structs.replace(
        wanted,
        folders=present.folders,
        metrics=present.metrics,
        watch=msgspec.structs.replace(wanted.watch, **watch),
    )
    if config != wanted:
        # A new category may have the name of a folder that only the restart will rename.
        from_dict(as_dict(config), "the new configuration with the present folders")
    return TakeOver(config, tuple(_changed(present, config)), tuple(_changed(config, wanted)))


def _changed(before: Config, after: Config) -> Iterator[str]:
    old, new = dict(_flat(as_dict(before))), dict(_flat(as_dict(after)))
    return (key for key in new if new[key] != old[key])


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
