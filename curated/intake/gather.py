"""Whole files become assets, and one whose other files are still on their way waits for them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from curated.domain import Asset
from curated.files import open_regular
from curated.intake.assets import Kin, belongs_to, group
from curated.intake.scan import Stat, unfinished
from curated.pictures.sniff import HEAD_BYTES, PICTURE_EXTENSIONS, RAW_EXTENSIONS, VIDEO_EXTENSIONS, sniff

# How many settle periods a picture waits for a file of its own that is there, grows no more, and is not whole.
_PATIENCE = 5
_SHORTEST_WAIT = 0.2


@dataclass(frozen=True, slots=True)
class _Held:
    """A whole asset that waits: its files, what it waits for, and since when that has not changed."""

    files: Mapping[Path, Stat]
    coming: Mapping[Path, Stat]
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """The assets that are complete, and whole files that went or changed before they could be one."""

    assets: list[Asset]
    lost: dict[Path, Stat]


class Gatherer:
    """Keeps whole files that are nobody's picture (loose) or wait for companions (held)."""

    def __init__(self, settle_seconds: float, look: Callable[[Path], Stat | None]) -> None:
        self._seconds = settle_seconds
        self._look = look
        self._loose: dict[Path, Stat] = {}
        self._loose_kin = Kin()
        self._held: dict[Path, _Held] = {}
        # Kept along, because status asks for them at every turn.
        self.loose_kinds: Counter[str] = Counter()

    @property
    def holds(self) -> int:
        """Files that are whole and wait for others."""
        return sum(len(held.files) for held in self._held.values())

    def next_deadline(self) -> float | None:
        """When the first held asset is looked at again."""
        return min((held.until for held in self._held.values()), default=None)

    def keep_only(self, seen: Mapping[Path, Stat]) -> None:
        """Forget every loose file that a full scan no longer saw, or saw changed."""
        for path in [path for path, stat in self._loose.items() if not stat.same_content(seen.get(path))]:
            self.forget(path)

    def forget(self, path: Path) -> Stat | None:
        """A file is gone; what it was if it was a loose one."""
        stat = self._loose.pop(path, None)
        if stat is not None:
            self._loose_kin.discard(path)
            self.loose_kinds[_loose_kind(path)] -= 1
        return stat

    def gather(self, whole: Mapping[Path, Stat], coming: Mapping[Path, Stat], now: float) -> Gathered:
        """What is complete, now that the files of `whole` are whole; those in `coming` are on their way."""
        deadline = self.next_deadline()
        if not whole and (deadline is None or now < deadline):
            return Gathered([], {})
        before, self._held = self._held, {}
        pictures = {path: _is_picture(path) for path in whole}
        files = {path: stat for path, stat in whole.items() if pictures[path] is not None}
        lost = {path: stat for path, stat in whole.items() if pictures[path] is None}
        for primary, held in before.items():
            still = self._unchanged(held.files, coming)
            files.update(still)
            pictures.update((path, path == primary or path.suffix.lower() in RAW_EXTENSIONS) for path in still)
            lost.update((path, stat) for path, stat in held.files.items() if path not in still)
        files.update(self._loose_near([path for path in files if pictures[path]], coming))
        for path in (*files, *lost):
            self.forget(path)
        grouped = group(
            [stat.arrival(path) for path, stat in files.items()], {path: bool(pictures.get(path)) for path in files}
        )
        for other in grouped.others:
            self._add_loose(other.path, files[other.path])
        awaited = dict(coming)
        for folder in {asset.primary.path.parent for asset in grouped.assets}:
            awaited.update(unfinished(folder))
        kin = Kin(awaited)
        ready = [asset for asset in grouped.assets if not self._holds_back(asset, files, before, kin, awaited, now)]
        return Gathered(ready, lost)

    def _holds_back(
        self,
        asset: Asset,
        files: Mapping[Path, Stat],
        before: Mapping[Path, _Held],
        kin: Kin,
        awaited: Mapping[Path, Stat],
        now: float,
    ) -> bool:
        """Hold an asset while a file that belongs to it is still being written, or may still come."""
        primary = asset.primary.path
        mine = {
            path: awaited[path]
            for path in kin.near(primary)
            if belongs_to(path, primary) or belongs_to(primary, path)
        }  # fmt: skip
        held = before.get(primary)
        if mine:
            stands_still = held is not None and held.coming == mine
            since = held.since if held is not None and stands_still else now
            until = now + max(self._seconds, _SHORTEST_WAIT)
            wait = now - since < _PATIENCE * max(self._seconds, _SHORTEST_WAIT)
        else:
            # A lone RAW: cameras and card readers write its JPEG next to it, before or after.
            alone = primary.suffix.lower() in RAW_EXTENSIONS
            since = held.since if held is not None else now
            until = held.until if held is not None else now + self._seconds
            wait = alone and (held is None or now < until)
        if wait:
            self._held[primary] = _Held({each.path: files[each.path] for each in asset.arrivals}, mine, since, until)
        return wait

    def _loose_near(self, pictures: list[Path], coming: Mapping[Path, Stat]) -> dict[Path, Stat]:
        near = {path: self._loose[path] for picture in pictures for path in self._loose_kin.near(picture)}
        return self._unchanged(near, coming)

    def _unchanged(self, files: Mapping[Path, Stat], coming: Mapping[Path, Stat]) -> dict[Path, Stat]:
        return {
            path: stat
            for path, stat in files.items()
            if path not in coming and stat.same_content(self._look(path))
        }  # fmt: skip

    def _add_loose(self, path: Path, stat: Stat) -> None:
        self._loose[path] = stat
        self._loose_kin.add(path)
        self.loose_kinds[_loose_kind(path)] += 1


def _loose_kind(path: Path) -> str:
    return "video" if path.suffix.lower() in VIDEO_EXTENSIONS else "other file"


def _is_picture(path: Path) -> bool | None:
    """Whether the file is one, or claims to be; None where it is gone."""
    claims = path.suffix.lower() in PICTURE_EXTENSIONS | RAW_EXTENSIONS
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return None
    except OSError:
        return claims  # it cannot be read: whoever reads it next says why
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        sniffed = sniff(stream.read(HEAD_BYTES) or b"", path.suffix)
    return sniffed.kind in ("picture", "raw") or (claims and sniffed.kind != "video")
