"""What is learnt from: which pictures are too alike to be told apart fairly, and how the others are read."""

from __future__ import annotations

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


def test_what_has_no_verdict_is_read_in_order_and_nothing_is_sorted(world: World) -> None:
    labelled(world)
    statements: list[str] = []
    connection = world.database.connection
    connection.set_trace_callback(statements.append)
    list(Labels(world.database).unlabelled(MODEL))
    connection.set_trace_callback(None)
    plan = [row["detail"] for sql in statements for row in connection.execute("EXPLAIN QUERY PLAN " + sql)]
    assert plan
    assert not [detail for detail in plan if "TEMP B-TREE" in detail]
