"""One thing that `curated doctor` has looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `configuration` where the mend is in the configuration or the installation."""

    level: Level
    what: str
    detail: str
    mend: str = ""
    configuration: bool = False
