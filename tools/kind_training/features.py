"""Evidence of labelled pictures, kept in a cache folder so that training again costs seconds."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from curated.config import Reading
from curated.domain import KINDS, Box
from curated.errors import PictureError
from curated.models.lite.backbone import EfficientNetLite0, open_backbone
from curated.models.lite.evidence import gather
from curated.models.lite.people import PeopleDetector
from curated.pictures.decode import decode

# To be raised whenever evidence changes, or the cache would answer with the old.
VERSION = "1"
BLOCKS = ("pooled", "texture", "grain", "statistics")
_LIKE = 6  # perceptual hashes at most this many bits apart are the same picture


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture with its labels and its evidence; `people` is None where nobody could say."""

    path: Path
    kind: int
    people: int | None
    source: str
    duplicates: str
    judged: bool
    phash: int
    blocks: dict[str, np.ndarray]
    logits: np.ndarray
    boxes: tuple[Box, ...]


def read_folder(folder: Path, cache: Path, *, judged: bool) -> list[Labelled]:
    """The pictures of a folder's labels.csv (path, kind, people, source, dup_group); unreadable ones are named."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return list(_read(((folder / row["path"], row) for row in rows), cache, judged))


def read_made(folder: Path, cache: Path) -> list[Labelled]:
    """Pictures made by make_pictures.py: the folder's name is the kind, all are of one source."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg"))
    return list(_read(((path, {"kind": path.parent.name, "source": "made"}) for path in files), cache, False))


def without_copies(pictures: list[Labelled]) -> list[Labelled]:
    """All but those that look like an earlier picture of another source."""
    kept: list[Labelled] = []
    for picture in pictures:
        copies = (each for each in kept if each.source != picture.source)
        if picture.source == "made" or all((each.phash ^ picture.phash).bit_count() > _LIKE for each in copies):
            kept.append(picture)
        else:
            print(f"left out, like one of another source: {picture.path.name}")
    return kept


def groups(pictures: list[Labelled]) -> np.ndarray:
    """A number for each picture: the same for all that share a source or a group of duplicates, by any chain."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            name = parents[name]
        return name

    for picture in pictures:
        source = root(f"source {picture.source}")
        if picture.duplicates:
            parents[root(f"duplicates {picture.duplicates}")] = source
    roots = [root(f"source {picture.source}") for picture in pictures]
    order = {name: number for number, name in enumerate(sorted(set(roots)))}
    return np.array([order[name] for name in roots])


def sources_table(pictures: list[Labelled]) -> str:
    """Markdown: how many pictures of each kind every source gave."""
    counts = Counter((picture.source, picture.kind) for picture in pictures)
    lines = ["| source | " + " | ".join(KINDS) + " |", "|---|" + "---:|" * len(KINDS)]
    lines += [
        f"| {source} | " + " | ".join(str(counts[source, kind] or "") for kind in range(5)) + " |"
        for source in sorted({source for source, _ in counts})
    ]
    return "\n".join(lines)


class _Tools:
    """The networks, opened only if something is not in the cache."""

    def __init__(self, cache: Path) -> None:
        self.detector = PeopleDetector(cache, 2)
        self.network: EfficientNetLite0 = open_backbone(cache, "cpu", 2)


def _read(rows: Iterable[tuple[Path, dict[str, str]]], cache: Path, judged: bool) -> Iterable[Labelled]:
    tools: _Tools | None = None
    seen: set[str] = set()
    for path, row in rows:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in seen:
            continue
        seen.add(digest)
        stored = cache / "evidence" / f"{digest}-{VERSION}.npz"
        if not stored.exists():
            tools = tools or _Tools(cache)
            try:
                _store(path, digest, stored, tools)
            except PictureError as error:
                print(f"left out: {error}")
                continue
        with np.load(stored, allow_pickle=False) as arrays:
            people = row.get("people") or ""
            yield Labelled(
                path=path,
                kind=KINDS.index(row["kind"]),  # type: ignore[arg-type]
                people=int(people) if people else None,
                source=row["source"],
                duplicates=row.get("dup_group") or "",
                judged=judged,
                phash=int(str(arrays["phash"]), 16),
                blocks={name: arrays[name].astype(np.float32) for name in BLOCKS},
                logits=arrays["logits"].astype(np.float32),
                boxes=tuple(Box(*each) for each in json.loads(str(arrays["boxes"]))),
            )


def _store(path: Path, digest: str, target: Path, tools: _Tools) -> None:
    decoded = decode(path, digest, None, Reading())
    boxes = tools.detector.detect([decoded.rgb])[0]
    evidence = gather(tools.network, [decoded], [boxes])
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        target,
        **{name: values[0] for name, values in evidence.blocks.items()},
        logits=evidence.logits[0],
        phash=decoded.picture.phash,
        boxes=json.dumps([[b.left, b.top, b.right, b.bottom, b.score, b.label] for b in boxes]),
    )
