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


@dataclass(frozen=True, slots=True)
class Grouped:
    """Assets, and the files that belong to no picture (videos, sidecars without one, anything else)."""

    assets: tuple[Asset, ...]
    others: tuple[Arrival, ...]


def group(arrivals: Iterable[Arrival], is_picture: Mapping[Path, bool]) -> Grouped:
    """The arrivals as assets; `is_picture` says of each path whether its content is one (RAW included)."""
    everything = sorted(arrivals, key=lambda arrival: arrival.path)
    by_folder: dict[Path, list[Arrival]] = {}
    for arrival in everything:
        by_folder.setdefault(arrival.path.parent, []).append(arrival)
    assets: list[Asset] = []
    others: list[Arrival] = []
    for members in by_folder.values():
        pictures = [each for each in members if is_picture[each.path]]
        primaries = [each for each in pictures if not _is_raw_of(each, pictures)]
        taken = {each.path for each in primaries}
        for primary in primaries:
            companions = tuple(
                each for each in members if each.path not in taken and belongs_to(each.path, primary.path, members)
            )
            taken.update(each.path for each in companions)
            assets.append(Asset(primary, companions))
        others += [each for each in members if each.path not in taken]
    return Grouped(tuple(assets), tuple(others))


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


def _is_raw_of(arrival: Arrival, pictures: list[Arrival]) -> bool:
    """Whether it is the RAW beside a developed picture, which then comes first."""
    if arrival.path.suffix.lower() not in RAW_EXTENSIONS:
        return False
    return any(
        other.path.stem.lower() == arrival.path.stem.lower() and other.path.suffix.lower() in PICTURE_EXTENSIONS
        for other in pictures
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
