"""The windows that open above a screen, each for one question; none is on the fast path."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from curated.config.settings import Keys
from curated.tui.keys import MEANINGS, each_action, shown


class HelpScreen(ModalScreen[None]):
    """Every key and what it does, from the keys that are in force."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,f1,enter", "dismiss", "close")]

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(help_text(self._keys), markup=False)


def help_text(keys: Keys) -> Text:
    """The keys by heading."""
    text = Text()
    heading = ""
    chosen = dict(each_action(keys))
    for action, meaning in MEANINGS.items():
        if meaning.heading != heading:
            heading = meaning.heading
            text.append(f"{'' if not text else chr(10)}{heading}\n", "bold")
        text.append(f"  {'  '.join(map(shown, chosen[action])):<22} {meaning.sentence}\n")
    return text
