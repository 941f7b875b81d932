"""Disks that fulfil the Disk protocol and record, refuse, fail, race or die at a chosen step."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from curated.files import Digest, Disk, Entry, RealDisk

T = TypeVar("T")

CHANGING = frozenset({"make_folder", "rename", "link", "unlink", "create", "copy", "sync_folder"})


@dataclass(frozen=True)
class Step:
    """One call: its number among all calls, its name and its paths."""

    number: int
    name: str
    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{self.number}:{self.name}({', '.join(path.name for path in self.paths)})"


class WrappedDisk:
    """Passes every call on; subclasses look at it before and after."""

    def __init__(self, inner: Disk | None = None) -> None:
        self.inner: Disk = inner or RealDisk()
        self.count = 0

    def before(self, step: Step) -> None:
        pass

    def after(self, step: Step) -> None:
        pass

    def _run(self, name: str, action: Callable[[], T], *paths: Path) -> T:
        step = Step(self.count, name, paths)
        self.count += 1
        self.before(step)
        try:
            return action()
        finally:
            self.after(step)

    def look(self, path: Path) -> Entry | None:
        return self._run("look", lambda: self.inner.look(path), path)

    def digest(self, path: Path) -> Digest:
        return self._run("digest", lambda: self.inner.digest(path), path)

    def folder(self, path: Path) -> int | None:
        return self._run("folder", lambda: self.inner.folder(path), path)

    def writable(self, folder: Path) -> bool:
        return self._run("writable", lambda: self.inner.writable(folder), folder)

    def free_space(self, folder: Path) -> int:
        return self._run("free_space", lambda: self.inner.free_space(folder), folder)

    def make_folder(self, path: Path) -> None:
        self._run("make_folder", lambda: self.inner.make_folder(path), path)

    def rename(self, source: Path, target: Path) -> None:
        self._run("rename", lambda: self.inner.rename(source, target), source, target)

    def link(self, source: Path, target: Path) -> None:
        self._run("link", lambda: self.inner.link(source, target), source, target)

    def unlink(self, path: Path) -> None:
        self._run("unlink", lambda: self.inner.unlink(path), path)

    def create(self, path: Path) -> None:
        self._run("create", lambda: self.inner.create(path), path)

    def copy(self, source: Path, target: Path) -> Digest:
        return self._run("copy", lambda: self.inner.copy(source, target), source, target)

    def sync_folder(self, folder: Path) -> None:
        self._run("sync_folder", lambda: self.inner.sync_folder(folder), folder)


class RecordingDisk(WrappedDisk):
    """Remembers every step in order."""

    def __init__(self, inner: Disk | None = None) -> None:
        super().__init__(inner)
        self.steps: list[Step] = []

    def before(self, step: Step) -> None:
        self.steps.append(step)

    def changing(self) -> list[Step]:
        return [step for step in self.steps if step.name in CHANGING]


class FailingDisk(WrappedDisk):
    """Raises an errno at one step, given by its number or by a question; once, or from then on."""

    def __init__(
        self, at: int | Callable[[Step], bool], code: int, inner: Disk | None = None, *, for_ever: bool = False
    ):
        super().__init__(inner)
        self._at = at
        self._code = code
        self._for_ever = for_ever
        self.failed = 0

    def before(self, step: Step) -> None:
        hit = step.number == self._at if isinstance(self._at, int) else self._at(step)
        if hit and (self._for_ever or not self.failed):
            self.failed += 1
            raise OSError(self._code, os.strerror(self._code), str(step.paths[0]))


class DyingDisk(WrappedDisk):
    """Kills its own process, uncatchably, before or after a step, or in the middle of a copy."""

    def __init__(self, at: int, moment: str, inner: Disk | None = None) -> None:
        super().__init__(inner)
        self._at = at
        self._moment = moment

    def before(self, step: Step) -> None:
        if step.number != self._at:
            return
        if self._moment == "middle":
            source, target = step.paths
            content = source.read_bytes()
            target.write_bytes(content[: len(content) // 2])
        if self._moment in ("before", "middle"):
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self, step: Step) -> None:
        if step.number == self._at and self._moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)


class NoFlagDisk(WrappedDisk):
    """A file system that refuses RENAME_NOREPLACE; with `no_links` hard links as well."""

    def __init__(self, inner: Disk | None = None, *, code: int = errno.EINVAL, no_links: bool = False) -> None:
        super().__init__(inner)
        self._code = code
        self._no_links = no_links

    def before(self, step: Step) -> None:
        if step.name == "rename":
            raise OSError(self._code, os.strerror(self._code))
        if step.name == "link" and self._no_links:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))


class SplitDisk(WrappedDisk):
    """Everything below a folder is another file system; `silent` ones only say so when asked to rename."""

    def __init__(self, boundary: Path, inner: Disk | None = None, *, silent: bool = False) -> None:
        super().__init__(inner)
        self._boundary = boundary
        self._silent = silent

    def before(self, step: Step) -> None:
        if step.name in ("rename", "link") and len({self._beyond(path) for path in step.paths}) > 1:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def look(self, path: Path) -> Entry | None:
        entry = super().look(path)
        return replace(entry, identity=self._moved(entry.identity, path)) if entry else None

    def digest(self, path: Path) -> Digest:
        digest = super().digest(path)
        return replace(digest, identity=self._moved(digest.identity, path))

    def copy(self, source: Path, target: Path) -> Digest:
        digest = super().copy(source, target)
        return replace(digest, identity=self._moved(digest.identity, source))

    def folder(self, path: Path) -> int | None:
        device = super().folder(path)
        return device + 1 if device is not None and self._beyond(path) and not self._silent else device

    def _beyond(self, path: Path) -> bool:
        return path.is_relative_to(self._boundary)

    def _moved(self, identity, path: Path):
        return replace(identity, device=identity.device + 1) if self._beyond(path) and not self._silent else identity


class RacingDisk(WrappedDisk):
    """Another program takes the target's name just before the first rename or link to a name that matches."""

    def __init__(self, suffix: str, content: bytes, inner: Disk | None = None) -> None:
        super().__init__(inner)
        self._suffix = suffix
        self._content = content
        self._done = False

    def before(self, step: Step) -> None:
        if step.name in ("rename", "link") and step.paths[1].name.endswith(self._suffix) and not self._done:
            self._done = True
            if not step.paths[1].exists():
                step.paths[1].write_bytes(self._content)
