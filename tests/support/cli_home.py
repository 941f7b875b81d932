"""A person's folders, configuration and command line; pictures in it are filed by the real pipeline."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from curated.cli import main
from curated.config import Config, load
from curated.domain import Arrival, Asset, Photo
from curated.duplicates import TwinIndex
from curated.errors import PictureError, PictureUnreadable
from curated.files import RealDisk
from curated.pipeline import Admit, LeftAlone, Outcome, Place, Retries, ToJudge, ToPlace
from curated.state.store import Store
from tests.support.filing_world import World
from tests.support.readings import reading
from tests.support.trees import tree


@dataclass(frozen=True)
class Result:
    """What a command ended with and printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Home:
    """`base` with Unsorted, Library, state and config.toml; `run` is the command line in this process."""

    def __init__(self, base: Path, template: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = World(base, template=template)
        self.base, self.unsorted, self.library = base, self.world.unsorted, self.world.library
        self.config_path = base / "config.toml"
        self.configure()
        self._capsys = capsys

    def configure(self, more: str = "", **folders: str) -> None:
        """Write the configuration; folders that are not given are the usual ones."""
        places = {"unsorted": "Unsorted", "library": "Library", "state": "state", "cache": "cache", **folders}
        lines = [f'{key} = "{value}"' for key, value in places.items()]
        self.config_path.write_text("[folders]\n" + "\n".join(lines) + f"\n{more}\n", encoding="utf-8")

    def run(self, *arguments: object) -> Result:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return Result(int(ended.value.code or 0), said.out, said.err)

    def good(self, *arguments: object) -> Result:
        result = self.run(*arguments)
        assert result.code == 0, result
        return result

    @property
    def config(self) -> Config:
        return load()

    @property
    def store(self) -> Store:
        return self.world.store

    def photo(self, photo_id: int) -> Photo:
        return self.store.get(photo_id)

    def tree(self) -> dict[str, str]:
        return tree(self.base / "Unsorted") | {f"Library/{name}": digest for name, digest in tree(self.library).items()}

    def put(self, name: str, content: bytes | str = "") -> Path:
        return self.world.put(name, content or os.fsencode(f"content of {name}"))

    def offer(self, *paths: Path, answer: PictureError | None = None, **facts: Any) -> Outcome:
        """Bring files through admit and place as the daemon does; the models say `facts`, or fail with `answer`."""
        disk, store = RealDisk(), self.store
        filer = self.world.filer(disk, roots=[self.library])
        retries = Retries.by(store, lambda: datetime.now(UTC), self.config.watch, once=False)
        place = Place(self.config, store, filer, retries, TwinIndex(self.config.duplicates, store))
        first, *others = (_arrival(path) for path in paths)
        step = Admit(store, disk, retries, place)(Asset(first, tuple(others)))
        if isinstance(step, ToPlace):
            return place(step.candidate, step.reading, step.twin)
        if not isinstance(step, ToJudge):
            return step
        return place(step.candidate, answer or reading(step.candidate.sha256, **facts))

    def file(self, name: str, *companions: str, **facts: Any) -> Photo:
        """Drop a file (and its companions) into Unsorted and have it filed."""
        paths = [self.put(each) for each in (name, *companions)]
        outcome = self.offer(*paths, **facts)
        assert not isinstance(outcome, LeftAlone)
        photo: Photo = outcome.photo
        return photo

    def fail(self, name: str, reason: str = "no picture") -> Photo:
        """Drop a file that no reader can read and have it moved to Failed."""
        path = self.put(name)
        outcome = self.offer(path, answer=PictureUnreadable(path, reason))
        photo: Photo = outcome.photo
        return photo

    def close(self) -> None:
        self.world.close()


def _arrival(path: Path) -> Arrival:
    found = path.lstat()
    return Arrival(path, found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)
