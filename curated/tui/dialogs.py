"""The windows that open above a screen, each for one question; none is on the fast path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from curated.config.settings import Keys
from curated.domain import KINDS, Status
from curated.state.queue import Filter
from curated.tui.keys import MEANINGS, each_action, shown
from curated.tui.words import plain, wrap

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], Generic[Answer]):
    """A window with a heading; Escape closes it without an answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False),
        Binding("ctrl+q", "app.quit", "quit", show=False),
    ]

    def action_close(self) -> None:
        self.dismiss(None)


class AskScreen(Dialog[str]):
    """A line of text: a new name, or what to search for."""

    def __init__(self, heading: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._heading, self._value, self._hint = heading, value, hint

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self._heading, "bold"))
            yield Input(self._value, select_on_focus=False)
            yield Static(Text(self._hint or "Enter takes it, Esc leaves it.", "dim"))

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def take(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)


class PickerScreen(Dialog[str]):
    """One of the categories, found by typing a part of its name; what is none becomes a new one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "step(1)", show=False, priority=True),
        Binding("up,ctrl+p", "step(-1)", show=False, priority=True),
    ]

    def __init__(
        self,
        categories: Sequence[str],
        present: str | None,
        heading: str = "File as",
        digits: int = 9,
        likely: str | None = None,
    ) -> None:
        super().__init__()
        self._digits = digits
        self._likely = likely
        self._categories = list(categories)
        self._present = present
        self._heading = heading
        self._offered: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog picker"):
            yield Static(Text(self._heading, "bold"))
            yield Input(placeholder="type a part of its name, or a new one")
            yield OptionList(markup=False)
            yield Static(Text("↑↓ choose, Enter files, Esc leaves it.", "dim"))

    def on_mount(self) -> None:
        self._offer("")
        options = self.query_one(OptionList)
        options.can_focus = False
        self.query_one(Input).focus()

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        self._offer(event.value)

    def _offer(self, typed: str) -> None:
        found = matching(self._categories, typed)
        self._offered = found
        options = self.query_one(OptionList)
        options.clear_options()
        for category in found:
            number = self._categories.index(category) + 1
            options.add_option(Option(self._prompt(category, number)))
        new = " ".join(typed.split())
        if new and all(new.casefold() != each.casefold() for each in self._categories):
            self._offered = [*found, new]
            options.add_option(Option(Text.assemble(("  + new category: ", "italic"), plain(new))))
        # Before anything is typed: what it is most likely, if it is not what it was filed as.
        first = self._offered.index(self._likely) if not new and self._likely in self._offered else 0
        options.highlighted = first if self._offered else None

    def _prompt(self, category: str, number: int) -> Text:
        digit = str(number) if number <= self._digits else " "
        there = category == self._present
        return Text.assemble(
            (f"{digit} ", "cyan"), (plain(category), "bold" if there else ""), "  (now)" if there else ""
        )

    def action_step(self, by: int) -> None:
        options = self.query_one(OptionList)
        if options.option_count:
            options.highlighted = ((options.highlighted or 0) + by) % options.option_count

    @on(Input.Submitted)
    def submitted(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        self.dismiss(self._offered[highlighted] if highlighted is not None and self._offered else None)

    @on(OptionList.OptionSelected)
    def clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._offered[event.option_index])


def matching(categories: Sequence[str], typed: str) -> list[str]:
    """The categories that the typed letters mean, best first: its beginning, a word's, a part, letters in order."""
    wanted = "".join(typed.casefold().split())
    if not wanted:
        return list(categories)

    def rank(category: str) -> int | None:
        name = category.casefold()
        if name.startswith(wanted):
            return 0
        if any(part.startswith(wanted) for part in name.replace("/", " ").replace("-", " ").split()):
            return 1
        if wanted in name.replace(" ", ""):
            return 2
        letters = iter(name)
        return 3 if all(letter in letters for letter in wanted) else None

    ranked = [(place, category) for category in categories if (place := rank(category)) is not None]
    return [category for _, category in sorted(ranked, key=lambda each: each[0])]


class FilterScreen(Dialog[Filter]):
    """Which pictures come up: four rows, of which ←→ changes the one that ↑↓ chose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "row(-1)", show=False),
        Binding("down,j,tab", "row(1)", show=False),
        Binding("left,h", "change(-1)", show=False),
        Binding("right,l,space", "change(1)", show=False),
        Binding("enter", "take", show=False),
        Binding("delete,backspace", "clear", show=False),
    ]

    def __init__(self, which: Filter, categories: Sequence[str]) -> None:
        super().__init__()
        self._row = 0
        self._rows: list[tuple[str, list[tuple[str, object]], int]] = []
        statuses = [each for each in Status if each is not Status.ARRIVING]
        self._add("category", [("every category", None), *((plain(each), each) for each in categories)], which.category)
        self._add("kind", [("every kind", None), *((each, each) for each in KINDS)], which.kind)
        self._add("status", [("filed or to review", None), *((each.value, each) for each in statuses)], which.status)
        self._add("decided", [("only what nobody decided on", True), ("decided or not", False)], which.unreviewed)

    def _add(self, label: str, values: list[tuple[str, object]], present: object) -> None:
        place = next((number for number, (_, value) in enumerate(values) if value == present), 0)
        self._rows.append((label, values, place))

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog filter"):
            yield Static(Text("Show", "bold"))
            yield Static(id="rows")
            yield Static(Text("\n↑↓ row  ←→ change  Del clears  Enter shows  Esc leaves it", "dim"))

    def on_mount(self) -> None:
        self._draw()

    def _draw(self) -> None:
        text = Text()
        for number, (label, values, place) in enumerate(self._rows):
            here = number == self._row
            name = f"‹ {values[place][0]} ›" if here else f"  {values[place][0]}"
            text.append(f"\n{'>' if here else ' '} {label:<10} ", "bold" if here else "")
            text.append(name, "reverse" if here else "")
        self.query_one("#rows", Static).update(text)

    def action_row(self, by: int) -> None:
        self._row = (self._row + by) % len(self._rows)
        self._draw()

    def action_change(self, by: int) -> None:
        label, values, place = self._rows[self._row]
        self._rows[self._row] = label, values, (place + by) % len(values)
        self._draw()

    def action_clear(self) -> None:
        self._rows = [(label, values, 0) for label, values, _ in self._rows]
        self._draw()

    def action_take(self) -> None:
        chosen = {label: values[place][1] for label, values, place in self._rows}
        which = Filter(unreviewed=chosen["decided"] is True)
        if isinstance(category := chosen["category"], str):
            which = replace(which, category=category)
        if (kind := next((each for each in KINDS if each == chosen["kind"]), None)) is not None:
            which = replace(which, kind=kind)
        if isinstance(status := chosen["status"], Status):
            which = replace(which, status=status)
        self.dismiss(which)


class TextScreen(Dialog[None]):
    """Something to read; any of the keys that close it closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,i,question_mark,f1", "close", show=False),
        Binding("down,j,space", "scroll(3)", show=False),
        Binding("up,k", "scroll(-3)", show=False),
        Binding("pagedown", "scroll(15)", show=False),
        Binding("pageup", "scroll(-15)", show=False),
    ]

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide", can_focus=False):
            yield Static(self._text, id="text")

    def show(self, text: Text) -> None:
        """Put another text in its place."""
        self._text = text
        for place in self.query("#text").results(Static):
            place.update(text)

    def on_mount(self) -> None:
        self.show(self._text)  # another may have come while this was being made

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


class HelpScreen(TextScreen):
    """Every key and what it does, from the keys that are in force."""

    def __init__(self, keys: Keys, categories: Sequence[str] = ()) -> None:
        self._groups = help_groups(keys, categories)
        super().__init__(Text())

    def on_resize(self, event: events.Resize) -> None:
        two = event.size.width >= 150
        self.set_class(two, "-two")
        self.show(help_text(self._groups, two=two))


Group = tuple[str, list[tuple[str, str]]]
_KEYS_CELLS, _COLUMN_CELLS = 18, 68


def help_groups(keys: Keys, categories: Sequence[str] = ()) -> list[Group]:
    """(heading, [(keys, what they do)]) of all keys."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for action, chosen in each_action(keys):
        meaning = MEANINGS[action]
        groups.setdefault(meaning.heading, []).append(("  ".join(map(shown, chosen)), meaning.sentence))
    named = "  ".join(f"{number}\xa0{plain(name)}" for number, name in enumerate(categories[:9], 1))
    groups["Decide"].append(("1 … 9", "file it as one of the categories, in their order"))
    if named:
        groups["Decide"].append(("", named))
    return list(groups.items())


def help_text(groups: Sequence[Group], *, two: bool = False) -> Text:
    """The groups one below the other, or in two columns."""
    columns = [groups[:2], groups[2:]] if two else [groups]
    lines = [[line for group in column for line in _help_lines(group)] for column in columns]
    text = Text()
    for row in range(max(map(len, lines))):
        for number, column in enumerate(lines):
            line = column[row] if row < len(column) else Text()
            text.append_text(line)
            if number < len(lines) - 1:
                text.append(" " * (_COLUMN_CELLS - line.cell_len))
        text.append("\n")
    text.append("\nOther keys: [review.keys] in the configuration file. Esc closes this.", "dim")
    return text


def _help_lines(group: Group) -> Iterator[Text]:
    heading, entries = group
    yield Text.assemble((heading, "bold"))
    for keys, sentence in entries:
        for number, line in enumerate(wrap(sentence, _COLUMN_CELLS - _KEYS_CELLS - 2, 9)):
            left = keys if number == 0 else ""
            yield Text.assemble(" ", (left, "cyan"), " " * max(1, _KEYS_CELLS - cell_len(left)), line)
    yield Text()
