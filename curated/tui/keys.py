"""The keys of the review: what each does, in words, as Textual's bindings, and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from textual.binding import Binding, BindingType
from textual.keys import KEY_ALIASES, _character_to_key, format_key
from textual.keys import Keys as TextualKeys

from curated.config.settings import Keys
from curated.errors import ConfigError

_MODIFIERS = ("ctrl", "shift", "alt", "super", "hyper", "meta")
_NAMED = {key.value for key in TextualKeys}
_SAME = {alias: key for key, aliases in KEY_ALIASES.items() for alias in aliases}
# Short enough for a footer of 80 columns.
_PLAIN = {"delete": "Del", "space": "Space", "backspace": "⌫", "escape": "Esc", "enter": "Enter", "tab": "Tab"}
_PLAIN |= {"pageup": "PgUp", "pagedown": "PgDn", "home": "Home", "end": "End"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a key does: a word for the footer, a sentence for the help, and under which heading."""

    word: str
    sentence: str
    heading: str


_MOVE, _DECIDE, _MARK, _LIST, _LOOK = "Move", "Decide", "Mark", "What is shown", "Look closer"

MEANINGS: dict[str, Meaning] = {
    "next": Meaning("next", "the next picture", _MOVE),
    "previous": Meaning("back", "the picture before", _MOVE),
    "first": Meaning("first", "the first picture", _MOVE),
    "last": Meaning("last", "the last picture", _MOVE),
    "page_down": Meaning("page down", "ten pictures on", _MOVE),
    "page_up": Meaning("page up", "ten pictures back", _MOVE),
    "keep": Meaning("keep", "keep it", _DECIDE),
    "trash": Meaning("trash", "put it into the trash", _DECIDE),
    "undecided": Meaning("leave", "leave it undecided", _DECIDE),
    "confirm": Meaning("confirm", "its category is right; in review: the best one", _DECIDE),
    "category": Meaning("category", "choose a category, or make a new one", _DECIDE),
    "rename": Meaning("rename", "give it another name", _DECIDE),
    "protect": Meaning("protect", "protect it from the trash, or no longer", _DECIDE),
    "undo": Meaning("undo", "take the last decision back, without limit", _DECIDE),
    "redo": Meaning("redo", "bring back what was undone", _DECIDE),
    "advance": Meaning("go on", "after a decision go on by itself, or stay", _DECIDE),
    "mark": Meaning("mark", "mark it; decisions are about all marked ones", _MARK),
    "mark_range": Meaning("range", "mark from the last mark to here", _MARK),
    "mark_all": Meaning("all", "mark all that are on the screen", _MARK),
    "clear": Meaning("clear", "clear the marks; leave a search", _MARK),
    "like": Meaning("like this", "pictures that look like this one", _LIST),
    "search": Meaning("search", "search by words", _LIST),
    "sort": Meaning("sort", "another order", _LIST),
    "filter": Meaning("filter", "choose category, kind, status, unreviewed", _LIST),
    "refresh": Meaning("refresh", "read and sort the list anew", _LIST),
    "full_screen": Meaning("zoom", "the picture alone, or no longer", _LOOK),
    "open": Meaning("open", "open it in the desktop's viewer", _LOOK),
    "why": Meaning("why", "why it was filed so", _LOOK),
    "sheet": Meaning("sheet", "the contact sheet", _LOOK),
    "sweep": Meaning("sweep", "on the sheet: trash what was shown below a score", _LOOK),
    "duplicates": Meaning("duplicates", "groups of duplicates side by side", _LOOK),
    "not_duplicates": Meaning("no twins", "among duplicates: they are none", _LOOK),
    "trashed": Meaning("trash bin", "what is in the trash", _LOOK),
    "dashboard": Meaning("daemon", "what the daemon does", _LOOK),
    "retry": Meaning("retry", "on the dashboard: try failed ones again", _LOOK),
    "help": Meaning("help", "these keys", _LOOK),
    "quit": Meaning("quit", "quit; the daemon moves what is still to be moved", _LOOK),
}


def bindings(*actions: str, priority: bool = False) -> list[BindingType]:
    """Bindings of these fields of `config.review.keys` for a screen's BINDINGS: field `x` calls `action_x`.

    They have the default keys; the application puts the configured ones in their place by their ids.
    """
    defaults = Keys()
    return [
        Binding(
            ",".join(getattr(defaults, action)), action, MEANINGS[action].word, show=False, priority=priority, id=action
        )
        for action in actions
    ]


def keymap(keys: Keys) -> dict[str, str]:
    """By action, the configured keys of those that differ from the defaults, as `App.set_keymap` takes them."""
    defaults = dict(each_action(Keys()))
    return {
        action: ",".join(_normal(key) for key in chosen)
        for action, chosen in each_action(keys)
        if chosen != defaults[action]
    }


def each_action(keys: Keys) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every action with its keys."""
    for field in msgspec.structs.fields(keys):
        yield field.name, getattr(keys, field.name)


def check_keys(keys: Keys, where: str = "config") -> None:
    """Refuse keys that do not exist, that are used twice, and an action without any. Raises ConfigError."""
    taken: dict[str, str] = {}
    for action, chosen in each_action(keys):
        name = f"{where}: review.keys.{action}"
        if not chosen:
            raise ConfigError(f"{name}: has no key; give it one, or leave it out for the default")
        for key in chosen:
            normal = _normal(key)
            if not _exists(normal):
                raise ConfigError(f"{name}: {key!r} is no key; write for example 'p', 'f7', 'ctrl+z', 'pagedown'")
            if normal.isdigit() and normal != "0":
                raise ConfigError(f"{name}: {key!r}: the digits 1 to 9 choose categories and keepers; take another key")
            if normal in taken:
                raise ConfigError(f"{name}: {key!r} is used twice, for {taken[normal]} too; take another key")
            taken[normal] = action


def shown(key: str) -> str:
    """The key as people write it: "p", "G", "Ctrl+Z", "→", "Del"."""
    normal = _normal(key)
    *modifiers, base = normal.split("+")
    plain = _PLAIN.get(base) or (base.upper() if base.startswith("f") and base[1:].isdigit() else format_key(base))
    if modifiers:
        plain = plain.upper() if len(plain) == 1 else plain
        return "+".join([*(each.capitalize() for each in modifiers), plain])
    return plain


def first_key(keys: Keys, action: str) -> str:
    """The key of that action that is shown in footers."""
    chosen: tuple[str, ...] = getattr(keys, action)
    return shown(chosen[0])


def _normal(key: str) -> str:
    """Textual's name of the key: "!" is "exclamation_mark", "ctrl+i" is what a terminal sends for "tab"."""
    *modifiers, base = key.split("+") if len(key) > 1 else [key]
    base = _character_to_key(base) if len(base) == 1 else base
    joined = "+".join([*sorted(modifiers), base])  # Textual sorts them, too
    return _SAME.get(joined, joined)


def _exists(normal: str) -> bool:
    *modifiers, base = normal.split("+")
    if not base or any(each not in _MODIFIERS for each in modifiers):
        return False
    if len(base) == 1:
        return base.isprintable() and not base.isspace()
    # `format_key` gives the character of a name like "exclamation_mark", and unknown names back as they are.
    return base in _NAMED or len(format_key(base)) == 1
