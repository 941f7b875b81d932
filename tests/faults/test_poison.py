"""Files that would harm whoever opens them: the one file is set aside with its reason, and nothing else is touched.

With CURATED_SOAK=1 in the environment the counts are the full ones; the figures are told by `note`.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import resource
import time
from collections import Counter
from pathlib import Path

import pytest

from curated.config import Full
from curated.domain import Photo, Status
from curated.errors import ConfigError, WorkerBroken
from curated.state.schema import open_database
from curated.state.store import Store
from tests.support.faults_notes import note
from tests.support.faults_poison import (
    Harm,
    deflated_bomb,
    gif_that_never_ends,
    good_pictures,
    harmful,
    mutants,
    sparse,
    tiff_that_never_ends,
)
from tests.support.faults_running import Ran, peak_memory, run_daemon
from tests.support.pictures import encoded, gif_that_says, png_that_says, scene, tiff_that_says
from tests.support.trees import contents, tree
from tests.support.working import Working

SOAK = os.environ.get("CURATED_SOAK") == "1"
MUTANTS = 1_500 if SOAK else 120
SEED = 20261125
# The promise for the daemon is 80 MB idle. What it holds besides is its work, which must not grow with the poison.
MOST_MB = 110.0
# What only programmers understand.
BABBLE = re.compile(r"Error|Exception|object at|0x[0-9a-f]|Traceback|b'|errno", re.IGNORECASE)


class Ground:
    """An Unsorted folder with healthy pictures in it, and a bystander's folder beside it."""

    def __init__(self, base: Path, healthy: int) -> None:
        self.base, self.unsorted, self.library = base, base / "Unsorted", base / "Library"
        self.unsorted.mkdir()
        self.bystander = base / "bystander"
        self.bystander.mkdir()
        good_pictures(self.bystander, 2)
        self.good = good_pictures(self.unsorted, healthy)
        self.good_hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in self.good}
        self._before: dict[str, str] = {}

    def put(self, name: str, data: bytes) -> Path:
        path = self.unsorted / name
        path.write_bytes(data)
        return path

    def file(self, what: str, seconds: float = 100, **settings) -> Ran:
        """Have the daemon file all, and check what must hold whatever was in it."""
        before, bystander = contents(self.unsorted), tree(self.bystander)
        ran = run_daemon(self.base, seconds, **settings)
        after = contents(self.unsorted, self.library)
        harmful = len(before) - len(self.good)
        lost = sum((Counter(before) - Counter(after)).values())
        filed = {each.sha256 for each in self.photos() if each.status in (Status.FILED, Status.DUPLICATE)}
        zeros = {"lost or altered": lost, "healthy ones not filed": len(self.good_hashes - filed)}
        note(f"poison: {what}", harmful, zeros, {"MB the daemon held": (ran.peak_mb, MOST_MB)})
        assert after == before, "a byte was lost, altered or doubled"
        assert tree(self.bystander) == bystander
        outside = {path.name for path in self.base.iterdir()}
        assert outside == {"Unsorted", "Library", "state", "cache", "bystander"}
        photos = self.photos()
        assert filed >= self.good_hashes
        failed = [photo for photo in photos if photo.status is Status.FAILED]
        for photo in failed:
            assert photo.path.parent == self.library / "Failed"
            assert len(photo.reason) > 8
            assert not BABBLE.search(photo.reason), photo.reason
        assert ran.peak_mb < MOST_MB
        return ran

    def photos(self) -> list[Photo]:
        with open_database(self.base / "state" / "curated.db") as database:
            return list(Store(database).photos())

    def failed(self) -> dict[str, str]:
        return {photo.original_path.name: photo.reason for photo in self.photos() if photo.status is Status.FAILED}


@pytest.mark.timeout(1_200 if SOAK else 120)
def test_damaged_pictures_of_every_format_are_filed_or_set_aside_and_none_is_lost(tmp_path: Path) -> None:
    ground = Ground(tmp_path, healthy=8)
    for name, data in mutants(MUTANTS, SEED):
        ground.put(name, data)
    ground.file("damaged pictures of ten kinds", 1_100 if SOAK else 110)
    left = {path.name for path in ground.unsorted.iterdir()}
    photos = ground.photos()
    # What no longer begins like a picture is another kind of file, and stays where it is.
    assert len(photos) + len(left) == MUTANTS + 8
    assert len(left) < MUTANTS * 0.15
    assert len(ground.failed()) > MUTANTS * 0.2


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (Harm.SEGFAULT, "a segmentation fault"),
        (Harm.ABORT, "it aborted"),
        (Harm.HANG, "it gave no answer for 2 s"),
        (Harm.EAT, "it held more memory than models.memory_mb allows, 250 MB"),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Harm) else "",
)
def test_a_picture_that_breaks_its_decoder_is_set_aside_alone(how: Harm, why: str, tmp_path: Path) -> None:
    slow = how in (Harm.HANG, Harm.EAT)
    ground = Ground(tmp_path, healthy=9 if SOAK or not slow else 4)
    ground.put("IMG_0002 harm.png", harmful(how))
    # One that eats memory shall not be taken for one that hangs, however slow the machine.
    patience = 60.0 if how is Harm.EAT else 2.0
    ground.file(
        "the decoder segfaults, aborts, hangs or eats memory", models={"batch_timeout": patience, "memory_mb": 250}
    )
    assert ground.failed() == {"IMG_0002 harm.png": f"the model process died while judging it ({why})"}
    assert not list(ground.unsorted.iterdir())


@pytest.mark.timeout(700 if SOAK else 120)
def test_a_whole_folder_of_pictures_that_break_the_decoder_does_not_end_the_daemon(tmp_path: Path) -> None:
    ground = Ground(tmp_path, healthy=3)
    count = 24 if SOAK else 5
    names = [f"IMG_0001 harm {number:02}.png" for number in range(count)]
    for number, name in enumerate(names):
        ground.put(name, harmful(Harm.SEGFAULT) + bytes([number]))
    ground.file(
        "a folder of pictures that kill the decoder", 600 if SOAK else 100, models={"batch_size": 4 if SOAK else 1}
    )
    assert ground.failed().keys() == set(names)


def test_bombs_and_files_without_end_are_refused_in_words(tmp_path: Path) -> None:
    ground = Ground(tmp_path, healthy=3)
    for name, data in {
        "wide.png": png_that_says(50_000, 50_000),
        "endless.png": png_that_says(2**31 - 1, 2**31 - 1),
        "wide.gif": gif_that_says(60_000, 60_000),
        "wide.tif": tiff_that_says(2**32 - 1, 2**32 - 1),
        "square.png": deflated_bomb(4_500),
        "loop.tif": tiff_that_never_ends(),
        "frames.gif": gif_that_never_ends(8),
        "cut.jpg": encoded(scene(), "JPEG")[:2_000],
        "empty.jpg": b"",
        "text.jpg": b"no picture at all\n",
    }.items():
        ground.put(name, data)
    sparse(ground.unsorted / "huge.jpg", encoded(scene(), "JPEG")[:400], 2_200_000_000 if SOAK else 20_000_000)
    ground.file("bombs and files without end", models={"memory_mb": 1_500}, reading={"pixel_limit": 20_000_000})
    failed = ground.failed()
    for name in ("wide.png", "endless.png", "wide.gif", "wide.tif", "square.png"):
        assert "megapixels; the limit (reading.pixel_limit) is 20" in failed.pop(name)
    assert failed.keys() >= {"cut.jpg", "huge.jpg"}
    assert "worker died" not in "".join(failed.values())


def test_gigabytes_of_zeros_behind_a_header_are_refused_soon(tmp_path: Path) -> None:
    """Pillow looks for the next part of a JPEG or GIF byte by byte, which took minutes."""
    ground = Ground(tmp_path, healthy=3)
    heads = {"zeros.jpg": encoded(scene(), "JPEG")[:400], "zeros.gif": encoded(scene(), "GIF")[:200]}
    for name, head in heads.items():
        sparse(ground.unsorted / name, head, 2_000_000_000 if SOAK else 50_000_000)
    began = time.monotonic()
    ground.file(what := f"a header and then {2_000 if SOAK else 50:,} MB of zeros")
    note(f"poison: {what}", 0, {}, {"seconds": (seconds := round(time.monotonic() - began, 1), 120.0)})
    assert seconds < 120
    assert ground.failed().keys() == heads.keys()


@pytest.mark.skipif(not SOAK, reason="takes a minute: CURATED_SOAK=1")
def test_a_bomb_below_the_pixel_limit_costs_the_daemon_nothing(tmp_path: Path) -> None:
    ground = Ground(tmp_path, healthy=3)
    for number in range(4):
        ground.put(f"black {number}.png", deflated_bomb(15_800 - number))
    ground.file("pictures of 250 megapixels", models={"memory_mb": 1_200})
    assert not ground.failed()


def test_the_model_process_may_write_no_core_and_gain_no_rights(tmp_path: Path) -> None:
    working = Working(tmp_path)
    try:
        working.judge(working.job("a"))
        pid = working.client.info.pid
        assert pid is not None
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
        assert resource.prlimit(pid, resource.RLIMIT_FSIZE)[0] <= 1024**3
        assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    finally:
        working.client.stop(grace=0)


def test_a_limit_below_what_the_models_need_is_said_as_such(tmp_path: Path) -> None:
    working = Working(tmp_path, "slow", memory_mb=1)
    with pytest.raises(WorkerBroken, match=r"cannot start \(it held more memory than models\.memory_mb allows, 1 MB\)"):
        working.judge(working.job("a"))
    assert peak_memory() > 1
    working.client.stop(grace=0)


class _Payload:
    """Runs when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_weights_that_carry_code_are_refused_however_they_are_packed(tmp_path: Path) -> None:
    """For the captioner, which reads a whole folder: tests/models/full/test_captioner.py."""
    import torch

    from curated.models.full.detector import open_detector
    from curated.models.full.embedder import open_embedder

    trace = tmp_path / "it ran"
    holds_code = {"state_dict": _Payload(trace), "model": _Payload(trace)}
    (tmp_path / "pickle.pt").write_bytes(pickle.dumps(holds_code))
    torch.save(holds_code, tmp_path / "zip.pt")
    torch.save(holds_code, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    for path in sorted(tmp_path.glob("*.pt")):
        with pytest.raises(ConfigError, match="holds more than the weights"):
            open_detector(path, "cpu", 0.6)
    old = Full(embedder="RN50", embedder_weights=str(tmp_path / "old.pt"))
    with pytest.raises(ConfigError, match="holds more than weights"):
        open_embedder(old, "cpu")
    note("weights that carry code", 4, {"code that ran": int(trace.exists())})
    assert not trace.exists()
