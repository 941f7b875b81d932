"""Names, moments and folders that are unusual, and never a reason to end, hang or lie."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from curated.daemon import build_daemon
from curated.files import Digest
from tests.daemon.conftest import House
from tests.support.clock import wait_until
from tests.support.filing_disks import WrappedDisk
from tests.support.plain_models import FACTORY


def test_names_that_are_not_utf8_or_hold_newlines_are_told_of_and_end_nothing(house: House) -> None:
    (house.unsorted / "caf\udce9\n.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    os.mkfifo(house.unsorted / "pipe\udce9.jpg")
    assert not house.once()
    assert house.filed() == ["Failed/caf\udce9\n.jpg"]
    last = house.states()[-1]
    assert "caf\\xe9" in last.last_errors[-1]
    assert [name for name in last.specials if name.endswith("pipe\\xe9.jpg")]


class _SidecarGoes(WrappedDisk):
    """The sidecar is removed by somebody just before it is read."""

    def digest(self, path: Path) -> Digest:
        if path.suffix == ".xmp":
            path.unlink(missing_ok=True)
        return super().digest(path)


def test_a_picture_whose_sidecar_goes_on_the_way_is_filed_in_the_same_run(house: House) -> None:
    house.picture("IMG_1.jpg", seed=1)
    (house.unsorted / "IMG_1.xmp").write_text("<x/>")
    house.disk = _SidecarGoes()
    assert house.once()
    assert house.filed() == ["Photos/Red things.jpg"]


def test_once_ends_with_a_failure_where_the_unsorted_folder_went_away(house: House) -> None:
    with house.built(once=True) as daemon:
        house.unsorted.rename(house.base / "elsewhere")
        assert not daemon.run()


def test_a_library_that_came_back_is_no_longer_told_to_be_missing(house: House) -> None:
    house.picture("IMG_1.jpg", seed=1)
    assert house.once()
    house.library.rename(house.base / "elsewhere")
    house.library.mkdir()
    path = house.picture("IMG_2.jpg", seed=2)

    def activities() -> set[str]:
        return {state.activity for state in house.states()[-2:]}

    with build_daemon(
        house.config, house.events.append, factory=FACTORY, monotonic=lambda: time.monotonic() * 30
    ) as daemon:
        thread = threading.Thread(target=daemon.run)
        thread.start()
        try:
            wait_until(lambda: "paused" in activities(), "the library to be missed")
            path.unlink()
            house.library.rmdir()
            (house.base / "elsewhere").rename(house.library)
            wait_until(lambda: house.states()[-1].activity == "watching", "it to be back")
            before = time.process_time()
            time.sleep(0.5)
            assert time.process_time() - before < 0.3, "it turns for nothing"
        finally:
            daemon.stop()
            thread.join(30)
