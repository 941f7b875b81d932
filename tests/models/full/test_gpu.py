"""On a GPU: the same pictures give what they give on a CPU, whether or not they were sent ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curated.config import Full, Models
from curated.models.device import choose_device
from curated.models.full.pixels import Sent
from curated.models.full.profile import FullModels, open_full
from tests.models.full.test_profile import decoded
from tests.support.blip_checkpoints import write_tiny_blip
from tests.support.varied import varied

pytestmark = pytest.mark.skipif(choose_device("auto") == "cpu", reason="there is no GPU")


@pytest.fixture(scope="module")
def full(yolo_file: Path, clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Full:
    blip = write_tiny_blip(tmp_path_factory.mktemp("blip") / "tiny")
    return Full(detector=str(yolo_file), embedder=str(clip_folder), captioner=str(blip))


@pytest.fixture(scope="module")
def gpu(full: Full, tmp_path_factory: pytest.TempPathFactory) -> FullModels:
    return open_full(Models(device="cuda", full=full), tmp_path_factory.mktemp("gpu"))


def test_a_picture_sent_ahead_is_judged_as_one_that_was_not(gpu: FullModels) -> None:
    batch = decoded(varied()[-8:])
    ahead = [gpu.send_ahead(each) for each in batch]
    assert all(isinstance(each.sent, Sent) for each in ahead)
    assert gpu.judge(ahead) == gpu.judge(batch)


def test_half_precision_says_nearly_what_the_cpu_says(
    gpu: FullModels, full: Full, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cpu = open_full(Models(device="cpu", full=full), tmp_path_factory.mktemp("cpu"))
    batch = decoded(varied()[-8:])
    for there, here in zip(gpu.judge(batch), cpu.judge(batch), strict=True):
        one, other = (np.frombuffer(each.embedding, np.float16).astype(np.float32) for each in (there, here))
        assert float(one @ other) >= 0.99
        assert there.kind_scores == pytest.approx(here.kind_scores, abs=0.05)
