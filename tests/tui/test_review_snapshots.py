"""How the review looks; `pytest --snapshot-update` accepts what has changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from curated.domain import Status
from curated.tui.picture import PictureView
from curated.tui.sitting import Sitting
from tests.support.clock import ManualClock
from tests.support.filed_pictures import filed_picture, review_app
from tests.support.filing_world import World
from tests.tui.conftest import Desk

HASHES = {"pixel_hash": "1" * 64, "phash": "2" * 16, "phash_wide": "3" * 64}
SIZES = {"small": (80, 24), "large": (160, 48)}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same hours wherever the tests run."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def fill(world: World) -> None:
    """Ten pictures, of which the newest four have much to say."""
    scores = {"photo": 0.81, "meme": 0.12, "screenshot": 0.04, "illustration": 0.02, "document": 0.01}
    unsure = {"photo": 0.1, "meme": 0.45, "screenshot": 0.35, "illustration": 0.05, "document": 0.05}
    for number in range(10):
        filed_picture(world, number, kind_scores=scores, people=0, keep_score=number / 10, **HASHES)
    filed_picture(world, 11, "日本語の写真 とても長い名前です", keep_score=0.4, kind_scores=scores, **HASHES)
    filed_picture(world, 12, "When you hear", "Review", status=Status.REVIEW, kind_scores=unsure, **HASHES)
    filed_picture(
        world, 13, "Two people at a lake", "People/Pair", kind_scores=scores, people=2, keep_score=0.87,
        caption="two people stand at the shore of a lake in the mountains", text="BOATS FOR HIRE [/] 5 an hour",
        taken_at=datetime(2019, 7, 4, 10, 15), camera="Fairphone 5", protected=True, **HASHES,
    )  # fmt: skip


SHOWN = {
    "first": "",
    "decided": "right x p p left left m",
    "unsure": "right",
    "help": "question_mark",
    "picker": "c p e",
    "full-screen": "z",
    "filter": "t down right",
    "rename": "r",
}
BOTH = ("first", "decided", "unsure", "help", "picker")
CASES = [(shown, size) for shown in SHOWN for size in SIZES if size == "small" or shown in BOTH]


@pytest.mark.parametrize(("shown", "size"), CASES, ids=lambda value: value)
def test_snapshot(snap_compare, world: World, shown: str, size: str) -> None:
    fill(world)
    app = review_app(world)
    app.sitting = Sitting(clock=ManualClock())

    async def before(pilot: Pilot[None]) -> None:
        desk = Desk(app, pilot)
        await desk.until(lambda: app.sitting.reviewed is not None, "the count")
        for key in SHOWN[shown].split():
            await desk.press(key)
        app.end_carrying(10)
        await desk.until(lambda: not app.desk.decisions.owed_count() or app.end_carrying(1), "the moves")
        desk.screen.say("")  # it would go by itself after some seconds
        desk.screen.show_current()
        for line in app.screen.query(Input):
            line.cursor_blink = False
        await desk.until(lambda: all(drawn(view) for view in desk.screen.query(PictureView)), "the pictures")
        await pilot.pause()

    def drawn(view: PictureView) -> bool:
        return view.photo is None or not view.display or app.pictures.ready(view.photo, 1) is not None

    assert snap_compare(app, terminal_size=SIZES[size], run_before=before)
