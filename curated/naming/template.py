"""The name's template: `{caption}`, `{date:%Y-%m-%d}` and so on, missing values vanishing with their separators."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from curated.errors import ConfigError

FIELDS = ("caption", "date", "people", "category", "kind", "original", "camera", "text", "hash")
DEFAULT_DATE = "%Y-%m-%d"

Value = str | datetime | None

_FIELD = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_SEPARATORS = " \t-–—_,;.+&@#"
_BRACKETS = {"(": ")", "[": "]"}
# Marks that stand in no template: a value that is missing, and both ends of one that is there.
_MISSING, _VALUE = "\0", "\1"


def check_template(template: str) -> None:
    """Raise ConfigError naming naming.template if the template cannot be used."""
    if any(unicodedata.category(char) == "Cc" for char in template):
        raise ConfigError(f"naming.template: {template!r} has a control character; a name cannot hold it")
    fields = list(_FIELD.finditer(template))
    if "{" in _FIELD.sub("", template) or "}" in _FIELD.sub("", template):
        raise ConfigError(f"naming.template: {template!r} has a brace without its partner")
    if not fields:
        raise ConfigError(f"naming.template: {template!r} has no field; use at least one of {_known()}")
    for field in fields:
        name, form = field.group(1), field.group(2)
        if name not in FIELDS:
            near = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.0)[0]
            raise ConfigError(f"naming.template: unknown field {{{name}}}; the nearest known one is {{{near}}}")
        if form is not None and name != "date":
            raise ConfigError(f"naming.template: {{{name}:{form}}}: only {{date:…}} takes a format")
        if form is not None and not _makes_a_date(form):
            raise ConfigError(f"naming.template: {{date:{form}}} is no date format; write it like {{date:%Y-%m-%d}}")


def render(template: str, values: Mapping[str, Value]) -> str:
    """The template with its values; a missing one takes the separators before it (and brackets around it) along.

    A value is put in as it is: braces in it are no fields, dashes in it no separators. May be "".
    """

    def filled(field: re.Match[str]) -> str:
        value = values.get(field.group(1))
        if isinstance(value, datetime):
            return f"{_VALUE}{value.strftime(field.group(2) or DEFAULT_DATE)}{_VALUE}"
        text = (value or "").replace(_MISSING, "").replace(_VALUE, "").strip()
        return f"{_VALUE}{text}{_VALUE}" if text else _MISSING

    text = _FIELD.sub(filled, template)
    while _MISSING in text:
        before, _, after = text.partition(_MISSING)
        before = before.rstrip(_SEPARATORS)
        if before and before[-1] not in _BRACKETS:
            text = before + after
            continue
        after = after.lstrip(_SEPARATORS)
        if before and after.startswith(_BRACKETS[before[-1]]):
            # Nothing is left between the brackets: the whole of it is missing.
            before, after = before[:-1] + _MISSING, after[1:]
        text = before + after
    return text.replace(_VALUE, "").strip()


def _makes_a_date(form: str) -> bool:
    """Whether two moments look different in it, and it can be written at all."""
    try:
        return datetime(2001, 2, 3, 4, 5, 6).strftime(form) != datetime(2019, 10, 21, 17, 38, 49).strftime(form)  # noqa: DTZ001
    except ValueError:
        return False


def _known() -> str:
    return ", ".join(f"{{{name}}}" for name in FIELDS)
