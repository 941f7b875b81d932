"""Tiny checkpoints, made once for all tests of the full profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import checkpoints


@pytest.fixture(scope="session")
def yolo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.tiny_yolo(tmp_path_factory.mktemp("yolo") / "tiny.pt")


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.tiny_clip(tmp_path_factory.mktemp("clip") / "tiny")
