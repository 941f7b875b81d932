from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curated.state.queue import ORDERS, Reviewed
from curated.tui.sitting import Sitting, span
from tests.support.clock import ManualClock


def sitting(count: int = 10, **options: object) -> Sitting:
    made = Sitting(**options)
    made.load(range(1, count + 1), whole=True)
    return made


def test_the_cursor_stays_within_the_list() -> None:
    here = sitting(3)
    assert here.current == 1
    assert not here.move(-1)
    assert here.move(1)
    assert here.move(99)
    assert here.current == 3
    assert not here.move(1)
    here.load([], whole=True)
    assert (here.current, here.subjects, here.move(1), here.window(3, 3)) == (None, [], False, [])


def test_what_is_filed_meanwhile_comes_at_the_end_and_once() -> None:
    here = sitting(3)
    here.move(1)
    assert here.append([2, 9, 9, 3, 10]) == 2
    assert (list(here.ids), here.current) == ([1, 2, 3, 9, 10], 2)


def test_the_rest_comes_behind_the_first_page_and_moves_nothing() -> None:
    here = Sitting()
    here.load([5, 4, 3], whole=False)
    here.move(1)
    here.append([9])
    here.complete([5, 3, 2, 1, 4])
    assert (list(here.ids), here.current, here.listing.whole) == ([5, 4, 3, 9, 2, 1], 4, True)
    here.complete([77])
    assert 77 not in here.ids


def test_a_refresh_stays_with_the_picture_and_keeps_its_marks() -> None:
    here = sitting(5)
    here.go(2)
    here.mark([1, 5])
    here.reload([4, 3, 1, 2])
    assert (here.current, here.position, here.subjects) == (3, 1, [1])
    here.reload([7, 8])
    assert here.position == 1  # near its place, as the picture is gone


def test_a_search_is_left_to_the_place_one_came_from() -> None:
    here = sitting(5)
    here.go(3)
    here.enter("search", [50, 60])
    here.move(1)
    here.append([6])
    assert (here.current, here.side_list) == (60, True)
    assert here.leave()
    assert (here.current, list(here.ids)) == (4, [1, 2, 3, 4, 5, 6])
    assert not here.leave()


def test_a_decision_is_about_the_marked_pictures_or_else_the_one_under_the_cursor() -> None:
    here = sitting(6)
    assert here.subjects == [1]
    here.move(1)
    here.toggle_mark()
    here.go(4)
    here.mark_range()
    assert here.subjects == [2, 3, 4, 5]
    here.toggle_mark(3)
    assert here.subjects == [2, 4, 5]
    assert here.clear_marks()
    assert not here.clear_marks()
    here.go(1)
    here.mark_range()  # without a first mark it is this one
    assert here.subjects == [2]


def test_the_cursor_finds_a_picture_near_and_far() -> None:
    here = sitting(500)
    assert here.go_to(3)
    assert here.position == 2
    assert here.go_to(480)
    assert here.position == 479
    assert not here.go_to(9_999)
    assert here.position == 479


def test_all_orders_come_in_turn() -> None:
    here = sitting()
    assert [here.next_order() for _ in ORDERS] == [*ORDERS[1:], ORDERS[0]]


def test_progress_says_how_fast_it_goes_and_how_long_it_takes() -> None:
    clock = ManualClock()
    here = Sitting(clock=clock)
    assert here.progress() == "counting…"
    here.reviewed = Reviewed(1_104, 8_310)
    assert here.progress() == "1,104 of 8,310"
    for _ in range(100):
        clock.advance(60 / 37)
        here.count_decided(1, 1)
    assert here.progress() == "1,204 of 8,310 · 37/min · 3 h left at this rate"
    shorter = [here.progress(cells) for cells in (40, 30, 20, 14, 6, 2)]
    assert shorter == [
        "1,204 of 8,310 · 37/min · 3 h left", "1,204 of 8,310 · 37/min · 3 h", "1,204 of 8,310", "1,204 of 8,310",
        "1,204", "",
    ]  # fmt: skip
    clock.advance(3600)
    assert here.progress() == "1,204 of 8,310"
    here.count_decided(0, -1)
    assert here.progress() == "1,203 of 8,310"
    here.reviewed = Reviewed(7, 7)
    assert here.progress() == "7 of 7 · all reviewed"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "1 s"), (40, "40 s"), (720, "12 min"), (10_800, "3 h"), (200_000, "2 days")]
)
def test_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert span(seconds) == said


_IDS = st.lists(st.integers(1, 40), unique=True, max_size=20)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), _IDS),
        st.tuples(st.just("complete"), _IDS),
        st.tuples(st.just("move"), st.integers(-5, 5)),
        st.tuples(st.just("mark"), st.just(0)),
        st.tuples(st.just("enter"), _IDS),
        st.tuples(st.just("leave"), st.just(0)),
    ),
    max_size=25,
)


@given(_IDS, st.booleans(), _STEPS)
def test_nothing_but_a_move_changes_what_is_under_the_cursor(ids: list[int], whole: bool, steps: list) -> None:
    here = Sitting()
    here.load(ids, whole=whole)
    below: list[int | None] = []
    for step, value in steps:
        before, empty = here.current, not here.ids
        if step == "move":
            here.move(value)
        elif step == "mark":
            here.toggle_mark()
        elif step == "enter":
            below.append(here.current)
            here.enter("a search", value)
        elif step == "leave":
            if here.leave():
                was = below.pop()
                assert was is None or here.current == was
        else:
            getattr(here, step)(value)
            assert empty or here.current == before
        assert len(set(here.ids)) == len(here.ids)
        assert not here.ids or 0 <= here.position < len(here.ids)
        assert set(here.subjects) <= set(here.ids) or not here.ids
