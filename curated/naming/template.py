"""The name's template: `{caption}`, `{date:%Y-%m-%d}` and so on, missing values vanishing with their separators."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime

from curated.errors import ConfigError

FIELDS = ("caption", "date", "people", "category", "kind", "original", "camera", "text", "hash")
DEFAULT_DATE = "%Y-%m-%d"

Value = str | datetime | None

_FIELD = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_SEPARATORS = r"[\s\-–—_,;.+&@#]*"
_MISSING = "\0"


def check_template(template: str) -> None:
    """Raise ConfigError naming naming.template if the template cannot be used."""
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


def render(template: str, values: Mapping[str, Value]) -> str:
    """The template with its values; a missing one takes the separators before it along. May be ""."""

    def filled(field: re.Match[str]) -> str:
        value = values.get(field.group(1))
        if isinstance(value, datetime):
            return value.strftime(field.group(2) or DEFAULT_DATE)
        return value or _MISSING

    text = _FIELD.sub(filled, template)
    text = re.sub(rf"[(\[]{_SEPARATORS}{_MISSING}{_SEPARATORS}[)\]]", _MISSING, text)
    text = re.sub(rf"^{_SEPARATORS}{_MISSING}{_SEPARATORS}", "", text)
    while _MISSING in text:
        text = re.sub(rf"{_SEPARATORS}{_MISSING}", "", text, count=1)
        text = re.sub(rf"^{_SEPARATORS}", "", text)
    return text.strip()


def _known() -> str:
    return ", ".join(f"{{{name}}}" for name in FIELDS)
