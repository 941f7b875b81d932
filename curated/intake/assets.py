"""Which files are one picture: RAW+JPEG, Live Photos, sidecars. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from curated.domain import Arrival, Asset
from curated.pictures.sniff import PICTURE_EXTENSIONS, RAW_EXTENSIONS

SIDECAR_EXTENSIONS = frozenset((".xmp", ".aae", ".thm", ".json", ".pp3", ".dop"))
_LIVE_VIDEO = frozenset((".mov", ".mp4"))
_LIVE_STILL = frozenset((".heic", ".heif", ".hif", ".jpg", ".jpeg"))
# Google Takeout: IMG_1.jpg.json, IMG_1.jpg.supplemental-metadata.json cut to 46 characters anywhere,
# and IMG_1.jpg(1).json for IMG_1(1).jpg.
_TAKEOUT = re.compile(
    r"^(?P<name>.+?)(?:\.s(?:u(?:p(?:p(?:l(?:[a-z-]*)?)?)?)?)?)?(?P<number>\(\d+\))?\.json$", re.IGNORECASE
)
_COPY_NUMBER = re.compile(r"\(\d+\)(\.[^.]*)$")
# Marks the key of a name that a Takeout file describes; no file name holds it.
_DESCRIBED = "\0"


@dataclass(frozen=True, slots=True)
class Grouped:
    """Assets, and the files that belong to no picture (videos, sidecars without one, anything else)."""

    assets: tuple[Asset, ...]
    others: tuple[Arrival, ...]


def group(arrivals: Iterable[Arrival], is_picture: Mapping[Path, bool]) -> Grouped:
    """The arrivals as assets; `is_picture` says of each path whether its content is one (RAW included)."""
    everything = sorted(arrivals, key=lambda arrival: arrival.path)
    by_path = {each.path: each for each in everything}
    kin = Kin(by_path)
    taken = {each.path for each in everything if is_picture[each.path] and not _is_raw_of(each.path, kin, is_picture)}
    assets: list[Asset] = []
    for primary in [each for each in everything if each.path in taken]:
        companions: list[Arrival] = []
        for path in kin.near(primary.path):
            if path not in taken and belongs_to(path, primary.path, [by_path[each] for each in kin.near(path)]):
                taken.add(path)
                companions.append(by_path[path])
        assets.append(Asset(primary, tuple(companions)))
    return Grouped(tuple(assets), tuple(each for each in everything if each.path not in taken))


class Kin:
    """Files by the names that a picture they belong to would have: `belongs_to` need not be asked of every pair."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._folders: dict[Path, dict[str, dict[Path, None]]] = {}
        self._takeouts = 0
        for path in paths:
            self.add(path)

    def add(self, path: Path) -> None:
        """Make a file known; it must not be known already."""
        names = self._folders.setdefault(path.parent, {})
        for key in self._keys(path, +1):
            names.setdefault(key, {})[path] = None

    def discard(self, path: Path) -> None:
        """Forget a known file."""
        folder = path.parent
        names = self._folders[folder]
        for key in self._keys(path, -1):
            del names[key][path]
            if not names[key]:
                del names[key]
        if not names:
            del self._folders[folder]

    def near(self, path: Path) -> list[Path]:
        """Every known file but itself that may belong to this one, or the other way round, in order."""
        names = self._folders.get(path.parent)
        if names is None:
            return []
        name = path.name.lower()
        keys = [path.stem.lower(), name]
        if self._takeouts:
            # Takeout writes IMG_1.jpg(1).json for IMG_1(1).jpg, and cuts long names anywhere.
            plain = _COPY_NUMBER.sub(r"\1", name)
            keys += [_DESCRIBED + whole[:end] for whole in {name, plain} for end in range(1, len(whole) + 1)]
        found = {each for key in keys for each in names.get(key, ()) if each != path}
        return sorted(found)

    def _keys(self, path: Path, count: int) -> list[str]:
        takeout = _TAKEOUT.match(path.name) if path.suffix.lower() == ".json" else None
        if not takeout:
            return [path.stem.lower()]
        self._takeouts += count
        return [path.stem.lower(), _DESCRIBED + takeout["name"].lower()]


def belongs_to(companion: Path, primary: Path, members: Iterable[Arrival] = ()) -> bool:
    """Whether a file goes wherever that picture goes."""
    extension, still = companion.suffix.lower(), primary.suffix.lower()
    same_stem = companion.stem.lower() == primary.stem.lower()
    if extension in RAW_EXTENSIONS:
        return same_stem and still in PICTURE_EXTENSIONS
    if extension in _LIVE_VIDEO:
        return same_stem and still in _LIVE_STILL
    if extension not in SIDECAR_EXTENSIONS:
        return False
    if companion.name.lower() == f"{primary.name.lower()}{extension}":
        return True
    if extension == ".json":
        return _is_takeout(companion.name, primary)
    # IMG_1.xmp describes every IMG_1.*; the best picture of that stem takes it along.
    rivals = [each.path for each in members if each.path.stem.lower() == companion.stem.lower()]
    first = min((path for path in rivals if path.suffix.lower() in PICTURE_EXTENSIONS | RAW_EXTENSIONS), default=None)
    return same_stem and (first is None or first == primary or primary.suffix.lower() in _LIVE_STILL)


def companion_target(primary_source: Path, primary_target: Path, companion: Path) -> Path:
    """The companion's path under its primary's new name."""
    name, old_name = companion.name, primary_source.name
    if name.lower().startswith(old_name.lower()):  # IMG_1.jpg.xmp: the suffix follows the whole name
        new = primary_target.name + name[len(old_name) :]
    else:
        new = primary_target.stem + companion.suffix.lower()
        if companion.suffix.lower() == ".json":
            new = f"{primary_target.name}.json"
    return primary_target.with_name(new)


def _is_raw_of(path: Path, kin: Kin, is_picture: Mapping[Path, bool]) -> bool:
    """Whether it is the RAW beside a developed picture, which then comes first."""
    if path.suffix.lower() not in RAW_EXTENSIONS:
        return False
    return any(
        other.stem.lower() == path.stem.lower() and other.suffix.lower() in PICTURE_EXTENSIONS and is_picture[other]
        for other in kin.near(path)
    )


def _is_takeout(name: str, primary: Path) -> bool:
    found = _TAKEOUT.match(name)
    if not found:
        return False
    described, number = found["name"].lower(), found["number"] or ""
    full = primary.name.lower()
    if number:
        stem = primary.stem.lower()
        if not stem.endswith(number):
            return False
        full = f"{stem.removesuffix(number)}{primary.suffix.lower()}"
    # Takeout cuts the described name itself when it is long; a short one must be whole.
    return described == full or (len(name) >= 46 and full.startswith(described))
