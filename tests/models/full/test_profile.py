"""The whole profile on tiny checkpoints: what it finds, what it calls itself, and a whole run of the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from curated.config import Full, Models
from curated.domain import KINDS, Box, Picture
from curated.errors import EXIT_CONFIG, ConfigError, WeightsMissing
from curated.models.full.detector import FLOOR
from curated.models.full.profile import FullModels, count_people, open_full
from curated.models.load import load_models
from curated.pictures.decoded import Decoded
from tests.support import checkpoints, pictures
from tests.support.blip_checkpoints import write_tiny_blip
from tests.support.trees import tree
from tests.support.varied import varied

GUARD = Path(__file__).parents[2] / "support" / "socket_guard"
CATEGORIES = {"Food": ("a plate of food", "a meal"), "Cars": ("a car",)}


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_blip(tmp_path_factory.mktemp("blip") / "tiny")


@pytest.fixture(scope="module")
def full(yolo_file: Path, clip_folder: Path, blip: Path) -> Full:
    return Full(detector=str(yolo_file), embedder=str(clip_folder), captioner=str(blip))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def profile(full: Full, cache: Path) -> FullModels:
    return open_full(Models(device="cpu", full=full), cache, CATEGORIES)


def decoded(images: Sequence[np.ndarray]) -> list[Decoded]:
    return [
        Decoded(Picture(f"{number:064x}", "", "", "", 1, 1, "PNG", ".png", 1.0), image)
        for number, image in enumerate(images)
    ]


def test_findings_say_all_that_is_asked(profile: FullModels) -> None:
    found = profile.judge(decoded([*varied()[:2], *varied()[-3:]]))
    assert [each.sha256 for each in found] == [f"{number:064x}" for number in range(5)]
    for each in found:
        assert each.profile == "full"
        assert each.models == profile.models
        assert set(each.kind_scores) == set(KINDS)
        assert sum(each.kind_scores.values()) == pytest.approx(1, abs=1e-3)
        assert set(each.category_scores) == set(CATEGORIES)
        assert sum(each.category_scores.values()) <= 1.0002
        vector = np.frombuffer(each.embedding, np.float16)
        assert vector.shape == (64,)
        assert np.linalg.norm(vector.astype(np.float32)) == pytest.approx(1, abs=2e-3)
        assert each.caption
        if each.kind in ("photo", "meme"):
            assert each.people == sum(box.score >= Full().person_confidence for box in each.boxes)
            assert 0.5 <= each.people_score <= 1
        else:
            assert (each.people, each.people_score, each.boxes) == (None, None, ())


def test_a_batch_of_one_is_a_batch_of_many(profile: FullModels) -> None:
    batch = decoded(varied()[-5:])
    for together, item in zip(profile.judge(batch), batch, strict=True):
        (alone,) = profile.judge([item])
        assert alone.caption == together.caption
        assert alone.kind_scores == pytest.approx(together.kind_scores, abs=2e-3)
        assert (alone.kind, alone.people, alone.text) == (together.kind, together.people, together.text)


def test_no_pictures_no_findings(profile: FullModels) -> None:
    assert profile.judge([]) == []


def test_the_ids_name_the_checkpoints_and_what_they_hold(
    profile: FullModels, full: Full, cache: Path, tmp_path: Path
) -> None:
    assert set(profile.models) == {"detector", "embedder", "kind", "category", "captioner", "text"}
    assert all(profile.models[role].startswith("tiny-") for role in ("detector", "embedder", "kind", "captioner"))
    other = Full(
        detector=str(checkpoints.tiny_yolo(tmp_path / "tiny.pt", seed=2)),
        embedder=full.embedder,
        captioner=full.captioner,
    )
    changed = open_full(Models(device="cpu", full=other), cache).models
    assert changed["detector"] != profile.models["detector"]
    assert {**changed, "detector": 0, "category": 0} == {**profile.models, "detector": 0, "category": 0}
    assert "category" not in changed


def test_low_counts_are_not_cut_off_by_the_floor(full: Full, cache: Path) -> None:
    low = open_full(Models(device="cpu", full=msgspec.structs.replace(full, person_confidence=FLOOR / 10)), cache)
    assert low._detector.floor == FLOOR / 10


@pytest.mark.parametrize(
    ("scores", "people", "certainty"),
    [
        ((), 0, 1.0),
        ((0.45,), 1, 0.5),
        ((1.0, 1.0), 2, 1.0),
        ((0.9, 0.3), 1, 0.5 + 0.5 * (0.15 / 0.45)),
        ((0.725, 0.1), 1, 0.75),
    ],
)
def test_people_count_from_the_confidence_and_the_nearest_box_says_how_surely(
    scores: tuple[float, ...], people: int, certainty: float
) -> None:
    boxes = [Box(0, 0, 1, 1, score, "person") for score in scores]
    assert count_people(boxes, 0.45) == (people, pytest.approx(certainty))


def test_what_only_loading_shows_is_one_line_with_the_key(
    full: Full, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = msgspec.structs.replace(full, detector=str(checkpoints.tiny_yolo(tmp_path / "x.pt", ("cat", "dog"))))
    with pytest.raises(ConfigError, match=r'^models\.full\.detector: .*has no class named "person"'):
        load_models(Models(device="cpu", full=nobody), cache)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"^models\.full\.detector: yolov8n\.pt is not on disk"):
        open_full(Models(device="cpu"), cache)


# -- the program ---------------------------------------------------------------------------------------------------


def program(home: Path, full: Full, *arguments: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """What it said, and every internet socket that it or its model process made."""
    log = home / "sockets.log"
    log.touch()
    (home / "in").mkdir(exist_ok=True)
    (home / "config.toml").write_text(
        '[folders]\nunsorted = "in"\nlibrary = "out"\nstate = "state"\ncache = "cache"\n'
        "[watch]\nsettle_seconds = 0.1\nretries = 0\n[decide]\nkind_confidence = 0.0\n"
        f'[models]\nprofile = "full"\ndevice = "cpu"\n[models.full]\ndetector = "{full.detector}"\n'
        f'embedder = "{full.embedder}"\ncaptioner = "{full.captioner}"\n'
    )
    environment = os.environ | {
        "PYTHONPATH": str(GUARD), "SOCKET_LOG": str(log), "CURATED_CONFIG": str(home / "config.toml"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "curated", *arguments],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    return done, log.read_text()


def test_a_whole_run_of_the_full_profile_files_pictures_and_opens_no_socket(full: Full, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        pictures.scene(400, 300, number).save(tmp_path / "in" / f"IMG_{number:04}.jpg")
    done, sockets = program(tmp_path, full, "run", "--once")
    assert done.returncode == 0, done.stderr
    assert sockets == ""
    assert tree(tmp_path / "in") == {}
    listed, _ = program(tmp_path, full, "list", "--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [row["profile"] for row in rows] == ["full"] * 3
    assert all(row["models"]["detector"].startswith("tiny-") and row["caption"] for row in rows)


def test_a_checkpoint_that_cannot_work_ends_the_run_before_a_file_is_touched(full: Full, tmp_path: Path) -> None:
    nobody = msgspec.structs.replace(full, detector=str(checkpoints.tiny_yolo(tmp_path / "x.pt", ("cat", "dog"))))
    (tmp_path / "in").mkdir()
    pictures.scene(400, 300).save(tmp_path / "in" / "IMG_0001.jpg")
    before = tree(tmp_path / "in")
    done, _ = program(tmp_path, nobody, "run", "--once")
    assert done.returncode == EXIT_CONFIG
    (line,) = [line for line in done.stderr.splitlines() if "models.full.detector" in line]
    assert 'has no class named "person" (it knows cat, dog); choose one that counts people' in line
    assert tree(tmp_path / "in") == before
    assert tree(tmp_path / "out") == {}
