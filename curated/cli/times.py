"""Times and spans as people write them: "2h", "3 days", "yesterday", "2026-03-01 14:30"."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = r"\d+(?:\.\d+)?\s*(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)"
_SPAN = re.compile(rf"{_PART}(?:[\s,]*{_PART})*", re.IGNORECASE)
_LONGEST = timedelta(days=36_525)


def span(text: str) -> timedelta:
    """The length of time that "30d", "1 h 30 min" or "2 weeks" says. Raises ValueError with an example."""
    cleaned = text.strip()
    if not _SPAN.fullmatch(cleaned):
        raise ValueError(f'{text!r} is no length of time; write "2h", "30d" or "3 weeks"')
    total = timedelta()
    for number, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([a-z])[a-z]*", cleaned, re.IGNORECASE):
        # Bounded before the sum: timedelta overflows on what no calendar has.
        total += min(timedelta(**{_UNITS[unit.lower()]: min(float(number), 1e7)}), _LONGEST)
    return min(total, _LONGEST)


def moment(text: str, now: datetime) -> datetime:
    """The moment, with zone, that a span before `now`, a date or a time says; without a zone it is local.

    Raises ValueError with examples.
    """
    cleaned = text.strip()
    midnight = datetime.combine(now.astimezone().date(), time())
    if cleaned.lower() in ("today", "yesterday"):
        return (midnight - timedelta(days=cleaned.lower() == "yesterday")).astimezone()
    try:
        return now - span(re.sub(r"\s+ago$", "", cleaned, flags=re.IGNORECASE))
    except ValueError:
        pass
    try:
        if re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", cleaned):
            return datetime.combine(
                midnight.date(), time.fromisoformat(cleaned if cleaned[2] == ":" else f"0{cleaned}")
            ).astimezone()
        return datetime.fromisoformat(cleaned).astimezone()
    except (ValueError, OverflowError):
        raise ValueError(
            f'{text!r} is no time; write "2h", "3 days", "yesterday", "14:30", "2026-03-01" or "2026-03-01T14:30"'
        ) from None
