"""Python's search for garbage in cycles, kept from holding up the keys."""

from __future__ import annotations

import gc
from typing import Any

from textual.app import App

# A picture on the screen is some thousand small objects. By its own rules the collector would go through those that
# live every few pictures, in the middle of a key: it shall do so while nobody presses one, or after some hundred.
_NEW_OBJECTS, _ROUNDS = 10_000, 50
_WORTH_IT = 5_000
_RARELY = 1_000
_COLLECT_SECONDS = 60.0


def calm_the_collector(app: App[Any], seconds: float = _COLLECT_SECONDS) -> None:
    """Have it look at young objects only, and at all of them once a minute; what is there now stays for good."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _ROUNDS, _RARELY)
    app.set_interval(seconds, _collect)


def _collect() -> None:
    # Not handed to Textual itself: its timers cannot call what is written in C.
    gc.collect()


def collect_at_rest() -> None:
    """Look at the young objects now, while nobody presses a key."""
    if gc.get_count()[0] > _WORTH_IT:
        gc.collect(1)
