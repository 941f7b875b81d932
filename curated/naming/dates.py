"""The moment that a device wrote into a name."""

from __future__ import annotations

import re
from datetime import datetime

DATE = r"(?:19|20)\d\d[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])"
TIME = r"(?:[01]\d|2[0-3])[-_.:h]?[0-5]\d(?:[-_.:m]?[0-5]\d)?"
# The little words of eight desktops between date and time.
_BETWEEN = r"[-_ T.\u202f,]*(?:(?:at|um|à|kl\.?|om|o|v|a las|a la|às|alle|в|下午|上午|오후|오전)\s*)?"
_MOMENT = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_. ]?(0[1-9]|1[0-2])[-_. ]?(0[1-9]|[12]\d|3[01])"
    rf"(?:{_BETWEEN}(?:"
    r"(\d{1,2})[-_.:]([0-5]\d)(?:[-_.:]([0-5]\d))?[\s\u202f]?([ap])\.?m\b"  # 2.03.59 PM
    r"|([01]\d|2[0-3])[-_.:h]?([0-5]\d)(?:[-_.:m]?([0-5]\d))?(?!\d{4})"  # 14.03.59, and milliseconds
    r")|(?!\d))",
    re.IGNORECASE,
)
# Digits of a hash or an id can look like a date.
_HEX = re.compile(r"(?<![0-9a-z])[0-9a-f-]{20,}(?![0-9a-z])", re.IGNORECASE)


def date_from_name(stem: str) -> datetime | None:
    """The date (and time, if there is one) that a device wrote into the name, or None."""
    found = _MOMENT.search(_without_hashes(stem))
    if not found:
        return None
    year, month, day, *rest = found.groups()
    twelve, minute12, second12, half, hour, minute, second = rest
    if half:
        hour = str(int(twelve) % 12 + (12 if half.lower() == "p" else 0))
        minute, second = minute12, second12
    try:
        return datetime(  # noqa: DTZ001 - a device's local time
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return None


def _without_hashes(stem: str) -> str:
    return _HEX.sub(lambda found: " " if re.search("[a-f]", found[0], re.IGNORECASE) else found[0], stem)
