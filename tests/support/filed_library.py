"""A small library of real pictures, filed, for what shows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from curated.domain import Photo
from tests.support.cli_home import Home
from tests.support.pictures import encoded, scene


@contextmanager
def home_for(
    base: Path, template: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """Folders, configuration and an empty database in `base`; nothing of the person who runs the tests is seen."""
    for name in [name for name in os.environ if name.startswith(("CURATED_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(base / "home"))
    monkeypatch.setenv("CURATED_CONFIG", str(base / "config.toml"))
    home = Home(base, template, capsys)
    yield home
    home.close()


def file_pictures(home: Home, *names: str) -> list[Photo]:
    """Pictures of these names, each another scene, dropped and filed as photos."""
    filed = []
    for seed, name in enumerate(names):
        path = home.put(os.fsdecode(name.encode("utf-8", "surrogateescape")), encoded(scene(seed=seed), "JPEG"))
        outcome = home.offer(path, size=(320, 240))
        filed.append(outcome.photo)
    return filed
