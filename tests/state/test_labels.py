"""What is learnt from: which pictures are too alike to be told apart fairly, and how the others are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from curated.domain import Status
from curated.state.labels import Labels
from tests.support.filing_world import NOON, World

MODEL = "scripted-1"


def labelled(world: World, twin_of: int | None = None, kind: str = "near") -> int:
    number = world.database.execute("SELECT count(*) FROM photo").fetchone()[0]
    photo, _ = world.file([world.put(f"{number}.jpg", f"{number}")], [world.library / f"{number}.jpg"])
    world.store.set_embedding(photo.id, MODEL, b"\0\0")
    world.store.set_verdict(photo.id, "keep", NOON)
    world.database.execute(
        "UPDATE photo SET twin_of = ?, twin_kind = ? WHERE id = ?", (twin_of, twin_of and kind, photo.id)
    )
    return photo.id


def groups(world: World) -> dict[int, int]:
    return {sample.photo_id: sample.group for sample in Labels(world.database).labelled(MODEL)}


def test_a_duplicate_of_a_picture_in_a_burst_is_in_one_group_with_the_whole_burst(world: World) -> None:
    head, alone = labelled(world), labelled(world)
    second, third = labelled(world, head, "burst"), labelled(world, head, "burst")
    copy = labelled(world, second)
    found = groups(world)
    assert len({found[each] for each in (head, second, third, copy)}) == 1
    assert found[alone] != found[head]


def test_a_ring_of_twins_is_one_group(world: World) -> None:
    first, second = labelled(world), labelled(world)
    third = labelled(world, second)
    for photo_id, head in ((first, second), (second, third)):
        world.database.execute("UPDATE photo SET twin_of = ? WHERE id = ?", (head, photo_id))
    found = groups(world)
    assert len({found[each] for each in (first, second, third)}) == 1


def plan_of(world: World, action: Callable[[], object]) -> list[str]:
    """How SQLite goes about the statements of an action."""
    statements: list[str] = []
    connection = world.database.connection
    connection.set_trace_callback(statements.append)
    action()
    connection.set_trace_callback(None)
    plan = [row["detail"] for sql in statements for row in connection.execute("EXPLAIN QUERY PLAN " + sql)]
    assert plan
    return plan


def test_what_has_no_verdict_is_read_in_order_and_nothing_is_sorted(world: World) -> None:
    labelled(world)
    plan = plan_of(world, lambda: list(Labels(world.database).unlabelled(MODEL)))
    assert not [detail for detail in plan if "TEMP B-TREE" in detail]


@pytest.mark.parametrize("column", ["verdict", "confirmed"])
def test_labels_are_found_by_their_index_and_never_all_pictures_or_embeddings_read(world: World, column: str) -> None:
    """A few hundred labels among 300,000 pictures."""
    labels = Labels(world.database)
    for action in (
        lambda: labels.embedder(column),
        lambda: labels.labelled(MODEL, column),
        lambda: labels.number(column),
    ):
        plan = plan_of(world, action)
        assert not [detail for detail in plan if detail.startswith("SCAN")], plan
        assert [detail for detail in plan if f"photo_{column} ({column}>?)" in detail], plan


def test_labels_are_numbered_in_the_order_in_which_they_were_given(world: World) -> None:
    first, second = labelled(world), labelled(world)
    world.store.set_verdict(first, "trash", NOON)
    nths = {sample.photo_id: sample.nth for sample in Labels(world.database).labelled(MODEL)}
    assert nths[first] > nths[second]


def test_saying_the_same_again_is_no_new_label_and_changing_ones_mind_twice_is(world: World) -> None:
    again, back = labelled(world), labelled(world)

    def nths() -> dict[int, int]:
        return {sample.photo_id: sample.nth for sample in Labels(world.database).labelled(MODEL)}

    first = nths()
    for photo_id, verdict in ((again, "keep"), (back, "trash"), (again, "keep"), (back, "keep"), (back, "keep")):
        world.store.set_verdict(photo_id, verdict, NOON)
    assert nths() == {again: first[again], back: first[back] + 2}, "the second new verdict since then"
    assert Labels(world.database).verdicts_since(first[back]) == 1


def test_a_verdict_that_undo_gave_back_is_as_old_as_it_was_first(world: World) -> None:
    photo_id, _ = labelled(world), labelled(world)
    (first,) = (each.nth for each in Labels(world.database).labelled(MODEL) if each.photo_id == photo_id)
    world.store.set_verdict(photo_id, "trash", NOON)
    world.database.execute("UPDATE photo SET verdict = 'keep' WHERE id = ?", (photo_id,))
    assert {each.photo_id: each.nth for each in Labels(world.database).labelled(MODEL)}[photo_id] == first


def test_what_is_gone_is_no_label(world: World) -> None:
    there, gone = labelled(world), labelled(world)
    world.store.set_status(gone, Status.MISSING, "gone")
    labels = Labels(world.database)
    assert [sample.photo_id for sample in labels.labelled(MODEL)] == [there]
    assert labels.number() == 1


def scores(world: World) -> dict[int, tuple[float | None, float | None]]:
    rows = world.database.execute("SELECT id, keep_score, ask FROM photo").fetchall()
    return {row["id"]: (row["keep_score"], row["ask"]) for row in rows}


def test_a_training_forgets_what_it_found_there_and_nothing_that_came_meanwhile(world: World) -> None:
    labels = Labels(world.database)
    stale, changed, late, judged, anew = (labelled(world) for _ in range(5))
    world.database.execute("UPDATE photo SET verdict = NULL")
    labels.set_scores({stale: (0.1, 0.1), changed: (0.2, 0.2), anew: (0.1, 0.1)}, {})
    before = labels.scored()
    labels.set_score(late, 0.9, 0.1)
    world.store.set_verdict(judged, "trash", NOON)
    labels.set_score(anew, 0.8, 0.2)
    labels.set_scores({changed: (0.3, 0.3), judged: (0.4, 0.4)}, before)
    assert scores(world) == {
        stale: (None, None), changed: (0.3, 0.3), late: (0.9, 0.1), judged: (None, None), anew: (0.8, 0.2),
    }  # fmt: skip


def test_vectors_of_what_has_none_any_more_are_left_out(world: World) -> None:
    first, second = labelled(world), labelled(world)
    world.database.execute("DELETE FROM embedding WHERE photo_id = ?", (second,))
    assert Labels(world.database).vectors(MODEL, [second, first]) == {first: b"\0\0"}
