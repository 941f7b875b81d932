"""Moments of a daemon and a library, as a dashboard is given them, and one that stands still."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from curated.domain import Status
from curated.state.daemon import DaemonState
from curated.state.decisions import MadeDecision
from curated.state.overview import Entry, Judged
from curated.state.store import Attempt
from curated.taste import Figures
from curated.taste.figures import Point
from curated.taste.probation import Probation
from curated.tui.dashboard_look import Counts, Health, Snapshot
from tests.support.filing_world import NOON

EMPTY = Snapshot(
    at=NOON,
    running=False,
    state=None,
    per_minute=(0,) * 60,
    last=(),
    failed=(),
    waiting=(),
    owed=0,
    problems=(),
    counts=Counts({}, Judged(0, 0, 0, 0), None, "lite: the weights that came with the installation."),
    space=(120_000_000_000, 500_000_000_000),
    health=(
        Health("ok", "unsorted", "/home/me/Pictures/Unsorted"),
        Health("ok", "library", "/home/me/Pictures/Library"),
    ),
)

_STATE = DaemonState(
    pid=4711,
    started_at=(NOON - timedelta(hours=5)).isoformat(),
    updated_at=NOON.isoformat(),
    activity="working",
    profile="full",
    device="cuda:0",
    waiting=1_204,
    in_work=16,
    retrying=2,
    rate=137.0,
    seconds_left=532.0,
    watched_folders=12,
)

FIGURES = Figures(
    embedder="some-model", kept=412, trashed=288, groups=651, auc=0.87, auc_low=0.83, auc_high=0.9, facts_auc=0.61,
    gain_low=0.2, average_precision=0.9, base_rate=0.59, brier=0.141, base_brier=0.242, regularisation=0.01,
    curve=(Point(20, 0.61), Point(40, 0.68), Point(80, 0.74), Point(160, 0.8), Point(320, 0.84), Point(700, 0.87)),
    scored=7_610, probation=Probation(400, 112, 0),
)  # fmt: skip

NASTY = "a\x1b[2Jb [red]x[/] \udcff 日本語の写真とても長い名前です 👨‍👩‍👧.jpg"


def busy() -> Snapshot:
    """A daemon at work on a library of some thousand pictures, with a bit of everything."""
    names = (
        "a dog on the beach",
        "receipt of a bakery",
        "日本語の写真 とても長い名前です",
        "[b]no markup[i]",
        "lake at dawn",
    )
    last = tuple(
        Entry(
            number,
            Path(f"/l/{names[number % 5]} {number}.jpg"),
            ("Photos", "Documents", "People/Pair", "Memes", "Photos")[number % 5],
            Status.DUPLICATE if number % 7 == 6 else Status.FILED,
            NOON - timedelta(seconds=number * number * 3),
            "",
        )
        for number in range(1, 60)
    )
    counts = {
        "Photos": {Status.FILED: 4_210, Status.DUPLICATE: 77, Status.TRASHED: 212},
        "People/Solo": {Status.FILED: 1_530},
        "People/Pair": {Status.FILED: 611},
        "People/Group": {Status.FILED: 240},
        "Screenshots": {Status.FILED: 1_004, Status.TRASHED: 340},
        "Documents": {Status.FILED: 388},
        "Memes": {Status.FILED: 702, Status.MISSING: 3},
        "Illustrations": {Status.FILED: 95},
        "Review": {Status.REVIEW: 131},
        "": {Status.FAILED: 2},
    }
    made = MadeDecision(
        9, 4, 11, "rename", "Lake at dawn", {}, {}, True, False, None, None, "the disk is full", NOON.isoformat()
    )
    failed = (
        Entry(7, Path("/l/Failed/IMG_0042.jpg"), "", Status.FAILED, None, "the picture is cut short"),
        Entry(6, Path("/l/Failed/scan.tif"), "", Status.FAILED, None, "more pixels than reading.pixel_limit allows"),
    )
    return replace(
        EMPTY,
        running=True,
        state=_STATE,
        per_minute=tuple((minute * 7 % 23) * (5 if minute > 40 else 1) * (minute > 12) for minute in range(60)),
        last=last,
        failed=failed,
        waiting=(Attempt(Path("/u/half.jpg"), 1, 1, 2, NOON + timedelta(seconds=40), "still being written"),),
        owed=3,
        problems=((made, Path("/l/Photos/a lake.jpg")),),
        counts=Counts(counts, Judged(412, 288, 1_900, 7_610), FIGURES, "full: YOLOv8n, ViT-B-32, BLIP base."),
        health=(Health("warn", "disk", "nearly full, 1.2 GB free: make room"), *EMPTY.health),
    )


class StillLooker:
    """Fulfils `Looks`: always the same moment, until it is set to another."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.looks = 0

    def look(self) -> Snapshot:
        self.looks += 1
        return self.snapshot

    def forget(self) -> None: ...
