"""The dashboard's panels as text: pure functions of a snapshot and the room there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from curated.domain import Status
from curated.state.daemon import DaemonState
from curated.state.overview import Entry
from curated.tui.dashboard_look import Health, Snapshot, age
from curated.tui.sitting import span
from curated.tui.words import fitting, plain, size_in_words

Draw = Callable[[Snapshot, int, int], Content]

_ROOMY = 45
_BARS = " ▁▂▃▄▅▆▇█"
_SIGNS = {"ok": ("✓", "$text-success"), "warn": ("!", "$text-warning"), "fail": ("✗", "$text-error")}
_ACTIVITY = {"working": "▶", "watching": "●", "paused": "‖", "starting": "…", "stopping": "…", "stopped": "○"}
_OTHERS = (Status.REVIEW, Status.DUPLICATE, Status.TRASHED, Status.FAILED, Status.MISSING, Status.UNDONE)


def daemon(snapshot: Snapshot, width: int, height: int) -> Content:
    """Whether it runs, what it does, by which profile on which device, and what waits."""
    state = snapshot.state
    if not snapshot.running:
        lines = [Content.styled("○ stopped", "bold $text-warning")]
        how = "`curated run` starts it, `curated service install` with every session. Reviewing works all the same."
        lines += [Content(line) for line in _wrapped(how, width)]
    elif state is None or state.activity == "stopped":
        lines = [Content.styled("… starting", "bold")]
    else:
        lines = _of_daemon(state, snapshot.at, width)
    if snapshot.running and height > len(lines):
        lines += [_low(line) for line in _wrapped(plain(snapshot.counts.notice), width)]
    return _block(lines, width, height)


def _of_daemon(state: DaemonState, now: datetime, width: int) -> list[Content]:
    since = age(datetime.fromisoformat(state.started_at), now)
    style = "bold $text-warning" if state.activity == "paused" else "bold $text-success"
    first = Content.assemble(
        (f"{_ACTIVITY[state.activity]} {state.activity}", style), (f"  process {state.pid}, up {since}", "dim")
    )
    lines = [first]
    if state.detail:
        lines.append(Content(plain(state.detail)))
    lines.append(
        Content(
            f"profile {plain(state.profile) or 'not loaded yet'} · device {plain(state.device) or 'not chosen yet'}"
        )
    )
    queue = [f"{state.waiting:,} waiting", f"{state.in_work:,} in work"]
    if state.retrying:
        queue.append(f"{state.retrying:,} to retry")
    if state.seconds_left is not None:
        queue.append(f"{span(state.seconds_left)} left")
    lines += [Content(line) for line in _in_lines(queue, " · ", width)]
    folders = "1 folder" if state.watched_folders == 1 else f"{state.watched_folders:,} folders"
    lines.append(_low(f"{folders} {'looked at in turns' if state.polling else 'watched'}"))
    return lines


def rate(snapshot: Snapshot, width: int, height: int) -> Content:
    """Pictures filed in each minute of the last hour as bars, and in numbers."""
    counts = snapshot.per_minute
    total, most = sum(counts), max(counts, default=0)
    if not total:
        return _block([_low("Nothing was filed in the last hour.")], width, height)
    # The present minute has only begun.
    words = f"{counts[-2]:,}/min · {total:,} in the hour · peak {most:,}"
    drawn = [Content.styled(line, "$primary") for line in bars(counts, width, max(1, height - 2))]
    axis = _low(_ends("60 min ago", "now", min(width, cell_len(drawn[-1].plain))))
    return _block([*drawn, axis, Content(words)] if height >= 3 else [*drawn, Content(words)], width, height)


def bars(counts: Sequence[int], width: int, height: int) -> list[str]:
    """Columns of at most so many cells, the counts summed up or doubled to fit; any count above 0 shows."""
    group = -(-len(counts) // max(1, width))
    sums = [sum(counts[start : start + group]) for start in range(0, len(counts), group)]
    wide = 2 if width >= 2 * len(sums) else 1
    most = max(sums, default=0) or 1
    eighths = [0 if not each else max(1, round(each * height * 8 / most)) for each in sums]
    rows = []
    for row in range(height - 1, -1, -1):
        filled = "".join(_BARS[max(0, min(8, each - row * 8))] * wide for each in eighths)
        rows.append(filled if row else "".join("·" if char == " " else char for char in filled))
    return rows


def last_filed(snapshot: Snapshot, width: int, height: int) -> Content:
    """The names that were filed last, with their categories."""
    if not snapshot.last:
        where = "Nothing is filed yet. Put pictures into the unsorted folder; the daemon names and files them."
        return _block([_low(line) for line in _wrapped(where, width)], width, height)
    return _block([_filed(each, snapshot.at, width) for each in snapshot.last[:height]], width, height)


def _filed(entry: Entry, now: datetime, width: int) -> Content:
    where = entry.category if entry.status is Status.FILED else entry.status.value
    right = fitting(plain(where), max(8, width // 3))
    when = age(entry.at, now) if entry.at else ""
    room = width - cell_len(right) - cell_len(when) - 4
    name = fitting(plain(entry.file.name), room)
    gap = " " * (room - cell_len(name) + 2)
    return Content.assemble(name, gap, (right, "dim"), "  ", (when, "dim"))


def library(snapshot: Snapshot, width: int, height: int) -> Content:
    """Counts by category and status, and the room on the library's disk."""
    categories = snapshot.counts.categories
    sums = {status: sum(each.get(status, 0) for each in categories.values()) for status in Status}
    total = sum(sums.values())
    lines = [
        Content.assemble((f"{total:,}", "bold"), " pictures" if total != 1 else " picture", f" · {_space(snapshot)}")
    ]
    # Where it is narrow, the sum and the categories say how many are filed.
    named = _OTHERS if width < _ROOMY else (Status.FILED, *_OTHERS)
    others = [f"{sums[status]:,} {status.value}" for status in named if sums[status]]
    lines += [Content(line) for line in _in_lines(others, " · ", width)]
    filed = [(name or "none", each.get(Status.FILED, 0)) for name, each in categories.items()]
    most = sorted((each for each in filed if each[1]), key=lambda each: (-each[1], each[0]))
    room = height - len(lines)
    shown = most if len(most) <= room else most[: max(0, room - 1)]
    largest = max((number for _, number in most), default=1)
    for name, number in shown:
        lines.append(_bar(plain(name), number, largest, width))
    if len(most) > len(shown) and room > 0:
        rest = sum(number for _, number in most[len(shown) :])
        lines.append(_low(f"and {rest:,} in {len(most) - len(shown)} more"))
    return _block(lines, width, height)


def _space(snapshot: Snapshot) -> str:
    if snapshot.space is None:
        return "disk not there"
    free, whole = snapshot.space
    return f"{size_in_words(free)} of {size_in_words(whole)} free"


def _bar(name: str, number: int, largest: int, width: int) -> Content:
    digits = f"{number:,}"
    label = fitting(name, min(18, width // 2))
    room = max(0, width - 18 - cell_len(digits) - 2) if width > 30 else 0
    bar = "▇" * max(1, round(room * number / largest)) if room else ""
    gap = " " * (18 - cell_len(label) + 1) if room else " "
    return Content.assemble(label, gap, (bar, "$primary"), " ", digits)


def failed(snapshot: Snapshot, width: int, height: int) -> Content:
    """What could not be filed, what waits for another try, and why."""
    if not snapshot.failed and not snapshot.waiting:
        return _block([_low("Nothing failed.")], width, height)
    found = [_Trouble("✗", each.file.name, plain(each.reason)) for each in snapshot.failed]
    for attempt in snapshot.waiting:
        seconds = (attempt.next_at - snapshot.at).total_seconds()
        when = f"next try in {span(seconds)}" if seconds > 0 else "next try now"
        found.append(_Trouble("…", attempt.path.name, f"{plain(attempt.reason)} (try {attempt.tries}, {when})"))
    return _block(_troubles(found, width, height), width, height)


def decisions(snapshot: Snapshot, width: int, height: int) -> Content:
    """Decisions whose files have still to follow, and those that could not be carried out."""
    many = "1 file" if snapshot.owed == 1 else f"{snapshot.owed:,} files"
    owed = Content(f"{many} still to follow a decision.")
    found = []
    for made, file in snapshot.problems:
        what = plain(made.action if made.argument is None else f"{made.action} as {made.argument}")
        name = file.name if file else f"#{made.photo_id}"
        found.append(_Trouble("✗", name, f"{plain(made.problem or '')} ({what})"))
    first = owed if snapshot.owed else _low("Every file has followed its decision.")
    return _block([first, *_troubles(found, width, height - 1)], width, height)


def taste(snapshot: Snapshot, width: int, height: int) -> Content:
    """How well the taste tells kept from trashed, and how that grew with the labels."""
    judged, figures = snapshot.counts.judged, snapshot.counts.taste
    confirmed = f" · {judged.confirmed:,} confirmed" if width >= _ROOMY else ""
    lines = [Content(f"{judged.kept:,} kept · {judged.trashed:,} trashed{confirmed}")]
    if figures is None:
        wanted = "Keep and trash at least 10 of each, then `curated predict` learns from it."
        lines += [_low(line) for line in _wrapped(wanted, width)]
        return _block(lines, width, height)
    interval = f"AUC {figures.auc:.2f} ({figures.auc_low:.2f} to {figures.auc_high:.2f}; guessing 0.50)"
    lines.append(Content(interval))
    if figures.earns_trust:
        lines.append(Content.assemble(("✓", "$text-success"), f" trusted: {judged.scored:,} pictures have a score"))
    else:
        wait = "on probation:" if figures.on_probation else "not trusted: about"
        lines.append(Content.assemble(("!", "$text-warning"), f" {wait} {figures.more_labels:,} more labels"))
    if figures.curve and height > len(lines):
        curve = [f"{point.labels:,}: {point.auc:.2f}" for point in figures.curve]
        lines += [_low(line) for line in _in_lines(["AUC by labels", *curve], "  ", width)]
    if height > len(lines):
        lines.append(_low(f"Brier score {figures.brier:.3f} (base rate {figures.base_brier:.3f})"))
    if snapshot.counts.learnt and height > len(lines):
        known = [
            f"{plain(each.category)} {each.precision:.0%}" + (" on probation" if each.on_probation else "")
            if each.filed
            else f"{plain(each.category)} unsure"
            for each in snapshot.counts.learnt
        ]
        lines += [_low(line) for line in _in_lines(["learnt, right:", *known], "  ", width)]
    return _block(lines, width, height)


def health(snapshot: Snapshot, width: int, height: int) -> Content:
    """What is not well first, each with its mend."""
    lines: list[Content] = []
    for each in snapshot.health:
        lines += _healthy(each, width)
    return _block(lines, width, height)


def _healthy(each: Health, width: int) -> list[Content]:
    sign, style = _SIGNS[each.level]
    if each.level == "ok":
        return [
            Content.assemble(
                (sign, style), f" {each.what}  ", (fitting(each.detail, width - len(each.what) - 4), "dim")
            )
        ]
    text = _wrapped(f"{each.what}: {each.detail}", width - 2)
    return [Content.assemble((sign if not index else " ", style), f" {line}") for index, line in enumerate(text)]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A file that something is the matter with; `reason` is plain already."""

    sign: str
    name: str
    reason: str

    def lines(self, width: int, *, whole: bool) -> list[Content]:
        """One line, or as many as the whole reason takes."""
        style = "$text-error" if self.sign == "✗" else "$text-warning"
        label = fitting(plain(self.name), max(10, width - 2 if whole else width // 2))
        room = max(0, width - cell_len(label) - 4)
        if not whole or cell_len(self.reason) <= room:
            return [Content.assemble((self.sign, style), f" {label}  ", (fitting(self.reason, room), "dim"))]
        rest = [_low(f"  {line}") for line in _wrapped(self.reason, width - 2)]
        return [Content.assemble((self.sign, style), f" {label}"), *rest]


def _troubles(found: Sequence[_Trouble], width: int, height: int) -> list[Content]:
    """Each with its whole reason where there is room for all, else a line each, and how many are left."""
    whole = [line for each in found for line in each.lines(width, whole=True)]
    if len(whole) <= height:
        return whole
    lines = [line for each in found for line in each.lines(width, whole=False)]
    if len(lines) <= height:
        return lines
    return [*lines[: max(0, height - 1)], _low(f"and {len(lines) - max(0, height - 1):,} more")]


def _low(text: str) -> Content:
    return Content.styled(text, "dim")


def _ends(left: str, right: str, width: int) -> str:
    return f"{left}{' ' * max(1, width - cell_len(left) - cell_len(right))}{right}"


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most so many cells, broken between words."""
    return _in_lines(text.split(" "), " ", width)


def _in_lines(parts: Sequence[str], between: str, width: int) -> list[str]:
    """The parts in lines of at most so many cells, each part whole."""
    lines: list[str] = []
    for part in parts:
        if lines and cell_len(lines[-1]) + len(between) + cell_len(part) <= width:
            lines[-1] += between + part
        else:
            lines.append(part)
    return lines


def _block(lines: Sequence[Content], width: int, height: int) -> Content:
    """The lines that there is room for, each cut at the width."""
    return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines[:height])
