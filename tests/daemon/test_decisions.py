"""The daemon has files follow what was decided in a review that has ended."""

from __future__ import annotations

from curated.review import Desk
from curated.state.schema import open_database
from tests.daemon.conftest import House


def test_what_was_decided_while_no_daemon_ran_is_carried_out_by_the_next(house: House) -> None:
    house.picture("IMG_1.jpg", (200, 20, 20), 1)
    house.picture("IMG_2.jpg", (20, 20, 200), 2)
    assert house.once()
    with open_database(house.config.folders.database_path) as database:
        desk = Desk(house.config, database)
        photo = next(photo for photo in house.photos() if photo.path.stem.startswith("Red"))
        desk.decide([photo.id], "trash")
        assert house.once()
        assert house.filed() == ["Photos/Blue things.jpg", "Trash/Photos/Red things.jpg"]
        desk.undo()
        assert house.once()
    assert house.filed() == ["Photos/Blue things.jpg", "Photos/Red things.jpg"]


def test_a_decision_whose_file_is_gone_is_told_and_nothing_else_waits_for_it(house: House) -> None:
    house.picture("IMG_1.jpg", (200, 20, 20), 1)
    house.picture("IMG_2.jpg", (20, 20, 200), 2)
    assert house.once()
    one, other = house.photos()
    with open_database(house.config.folders.database_path) as database:
        Desk(house.config, database).decide([one.id, other.id], "trash")
    one.path.unlink()
    house.once()
    assert house.filed() == [f"Trash/Photos/{other.path.name}"]
    assert any(str(one.path) in error for error in house.states()[-1].last_errors)
