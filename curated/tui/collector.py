"""Python's search for garbage in cycles, kept from holding up the keys."""

from __future__ import annotations

import gc
from typing import Any

from textual.app import App

# A picture in half blocks is some ten thousand small objects without cycles. By its own rules the collector would go
# through all that lives every few pictures: a tenth of a second each time.
_NEW_OBJECTS = 50_000
_RARELY = 1_000
_COLLECT_SECONDS = 60.0


def calm_the_collector(app: App[Any], seconds: float = _COLLECT_SECONDS) -> None:
    """Have it look at young objects only, and at all of them once a minute; what is there now stays for good."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, _RARELY)
    app.set_interval(seconds, _collect)


def _collect() -> None:
    # Not handed to Textual itself: its timers cannot call what is written in C.
    gc.collect()
