"""Which files are one picture: RAW+JPEG, Live Photos, sidecars. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from curated.domain import Arrival, Asset
from curated.pictures.sniff import PICTURE_EXTENSIONS, RAW_EXTENSIONS

SIDECAR_EXTENSIONS = frozenset((".xmp", ".aae", ".thm", ".json", ".pp3", ".dop"))
_LIVE_VIDEO = frozenset((".mov", ".mp4", ".mp"))
COMPANION_EXTENSIONS = SIDECAR_EXTENSIONS | _LIVE_VIDEO
_LIVE_STILL = frozenset((".heic", ".heif", ".hif", ".jpg", ".jpeg"))
# Google Takeout describes IMG_1.jpg in IMG_1.jpg.json or IMG_1.jpg.supplemental-metadata.json, cuts either to 46
# characters before ".json", and IMG_1(1).jpg in IMG_1.jpg(1).json.
_TAKEOUT_TAIL = "supplemental-metadata"
_TAKEOUT_LENGTH = 46
_COUNTER = re.compile(r"\(\d+\)$")
_COPY_NUMBER = re.compile(r"\(\d+\)(\.[^.]*)$")
# An iPhone keeps the edits before the last ones of IMG_1.HEIC in IMG_O1.AAE.
_OLDER_EDITS = re.compile(r"^(img_)o(\d+)$")
# Marks the key of a name that a Takeout file describes; no file name holds it.
_DESCRIBED = "\0"
# How surely a file belongs to a picture: named after its whole name, after its stem, or after its beginning.
_WHOLE_NAME, _STEM, _BEGINNING = 3, 2, 1


@dataclass(frozen=True, slots=True)
class Grouped:
    """Assets, and the files that belong to no picture (videos, sidecars without one, anything else)."""

    assets: tuple[Asset, ...]
    others: tuple[Arrival, ...]


def group(arrivals: Iterable[Arrival], is_picture: Mapping[Path, bool]) -> Grouped:
    """The arrivals as assets; `is_picture` says of each path whether its content is one (RAW included).

    A file that could belong to several pictures goes with the one whose name it has most of, then with a photo
    of a phone or camera, then with the first.
    """
    everything = sorted(arrivals, key=lambda arrival: arrival.path)
    by_path = {each.path: each for each in everything}
    kin = Kin(by_path)
    primaries = [each.path for each in everything if is_picture[each.path] and _comes_first(each.path, kin, is_picture)]
    first = set(primaries)
    owner: dict[Path, tuple[int, bool, Path]] = {}
    for primary in primaries:
        for path in kin.near(primary):
            if path not in first and (surely := _how_surely(path, primary)):
                claim = (-surely, primary.suffix.lower() not in _LIVE_STILL, primary)
                owner[path] = min(claim, owner.get(path, claim))
    companions: dict[Path, list[Arrival]] = {primary: [] for primary in primaries}
    for path in sorted(owner):
        companions[owner[path][2]].append(by_path[path])
    assets = tuple(Asset(by_path[primary], tuple(companions[primary])) for primary in primaries)
    return Grouped(assets, tuple(each for each in everything if each.path not in first and each.path not in owner))


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
            plain = _COPY_NUMBER.sub(r"\1", name)
            keys += [_DESCRIBED + whole[:end] for whole in {name, plain} for end in range(1, len(whole) + 1)]
        found = {each for key in keys for each in names.get(key, ()) if each != path}
        return sorted(found)

    def _keys(self, path: Path, count: int) -> set[str]:
        stem, extension = path.stem.lower(), path.suffix.lower()
        keys = {stem}
        if extension == ".json":
            self._takeouts += count
            keys |= {_DESCRIBED + described for described in _described(path.name)[0]}
        elif extension == ".mp":
            keys.add(path.name.lower())
        elif extension in SIDECAR_EXTENSIONS:
            keys |= {_without_raw(stem), _OLDER_EDITS.sub(r"\1\2", stem)}
        return keys


def belongs_to(companion: Path, primary: Path) -> bool:
    """Whether a file of that name may go wherever that picture goes."""
    return _how_surely(companion, primary) > 0


def companion_target(primary_source: Path, primary_target: Path, companion: Path) -> Path:
    """The companion's path under its primary's new name."""
    name, old_name, old_stem = companion.name, primary_source.name.lower(), primary_source.stem.lower()
    extension = companion.suffix.lower()
    if name.lower().startswith(old_name):  # IMG_1.jpg.xmp: the suffix follows the whole name
        new = primary_target.name + name[len(old_name) :]
    elif extension == ".json" and companion.stem.lower() != old_stem:
        new = f"{primary_target.name}.json"
    elif name.lower().startswith(f"{old_stem}."):  # IMG_1.CR2.xmp: it follows the RAW beside the JPEG
        new = primary_target.stem + name[len(old_stem) :].lower()
    else:
        new = primary_target.stem + extension
    return primary_target.with_name(new)


def _how_surely(companion: Path, primary: Path) -> int:
    """0 where the file is nothing of that picture's, else the more the surer."""
    extension, still = companion.suffix.lower(), primary.suffix.lower()
    name, full = companion.name.lower(), primary.name.lower()
    stem, picture = companion.stem.lower(), primary.stem.lower()
    same_stem = _STEM if stem == picture else 0
    if extension in RAW_EXTENSIONS:
        return same_stem if still in PICTURE_EXTENSIONS else 0
    if extension in _LIVE_VIDEO:
        # A Pixel writes PXL_1.MP beside PXL_1.MP.jpg.
        return max(same_stem, _WHOLE_NAME if name == picture else 0) if still in _LIVE_STILL else 0
    if extension not in SIDECAR_EXTENSIONS:
        return 0
    if stem == full:
        return _WHOLE_NAME
    if extension == ".json":
        return max(_how_surely_described(companion.name, primary), same_stem)
    if picture in (_without_raw(stem), _OLDER_EDITS.sub(r"\1\2", stem)):
        return _STEM
    return same_stem


def _without_raw(stem: str) -> str:
    """ "img_1" of "img_1.cr2", the name that a RAW developer gives its notes."""
    inner, dot, extension = stem.rpartition(".")
    return inner if dot + extension in RAW_EXTENSIONS else stem


def _comes_first(path: Path, kin: Kin, is_picture: Mapping[Path, bool]) -> bool:
    """Whether a picture stands for itself: not a video's thumbnail, nor the RAW beside a developed picture."""
    if path.suffix.lower() == ".thm":
        return False
    if path.suffix.lower() not in RAW_EXTENSIONS:
        return True
    return not any(belongs_to(path, other) and is_picture[other] for other in kin.near(path))


def _described(name: str) -> tuple[tuple[str, ...], str]:
    """(the names that a Takeout file may mean, in lower case; its counter or "")."""
    whole = name.lower().removesuffix(".json")
    counter = found[0] if (found := _COUNTER.search(whole)) else ""
    rest = whole.removesuffix(counter)
    inner, dot, tail = rest.rpartition(".")
    return ((rest, inner) if dot and inner and _TAKEOUT_TAIL.startswith(tail) else (rest,)), counter


def _how_surely_described(name: str, primary: Path) -> int:
    names, counter = _described(name)
    full, stem = primary.name.lower(), primary.stem.lower()
    if counter:
        if not stem.endswith(counter):
            return 0
        full = f"{stem.removesuffix(counter)}{primary.suffix.lower()}"
    if full in names:
        return _WHOLE_NAME
    # Only a name that was too long is cut; a short one must be whole.
    was_cut = len(os.fsencode(name.lower().removesuffix(".json"))) >= _TAKEOUT_LENGTH
    return _BEGINNING if was_cut and any(full.startswith(each) for each in names) else 0
