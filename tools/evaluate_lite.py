"""Runs the shipped `lite` profile on a labelled folder and prints how right it is.

    python tools/evaluate_lite.py FOLDER [--cache FOLDER] [--errors] [--captions]

FOLDER holds a labels.csv with the columns path, kind and people (blank: nobody could say). On pictures that
the head was trained on the figures flatter; those of the cross-validation are printed below them.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np

from curated.config import Models, Reading
from curated.domain import KINDS, Findings
from curated.errors import PictureError
from curated.models.load import load_models
from curated.pictures.decode import decode
from curated.pictures.decoded import Decoded

BATCH = 8


@dataclass(frozen=True, slots=True)
class Judged:
    path: str
    kind: str
    people: int | None
    findings: Findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "curated-evaluation")
    parser.add_argument("--errors", action="store_true", help="name every picture that was judged wrongly")
    parser.add_argument("--captions", action="store_true", help="print every caption")
    given = parser.parse_args()
    started = time.perf_counter()
    judged = judge_folder(given.folder, given.cache)
    print(f"{len(judged)} pictures in {time.perf_counter() - started:.0f} s\n")
    print_kinds(judged)
    print_people(judged)
    if given.errors:
        print_errors(judged)
    if given.captions:
        for each in judged:
            print(f"{each.path[:60]:60} {each.findings.kind:12} {each.findings.caption}")
    with np.load(str(files("curated.models.lite").joinpath("kind.npz")), allow_pickle=False) as arrays:
        print("\nby cross-validation over sources, when the head was trained:")
        print(json.dumps(json.loads(str(arrays["figures"])), indent=1))


def judge_folder(folder: Path, cache: Path) -> list[Judged]:
    """Every readable picture of labels.csv with its findings."""
    models = load_models(Models(), cache)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        pairs = _decoded(folder, list(csv.DictReader(stream)))
        judged: list[Judged] = []
        while batch := list(islice(pairs, BATCH)):
            for (row, _), findings in zip(batch, models.judge([decoded for _, decoded in batch]), strict=True):
                people = int(row["people"]) if row.get("people") else None
                judged.append(Judged(row["path"], row["kind"], people, findings))
    return judged


def _decoded(folder: Path, rows: list[dict[str, str]]) -> Iterator[tuple[dict[str, str], Decoded]]:
    for row in rows:
        try:
            yield row, decode(folder / row["path"], row["path"], None, Reading())
        except PictureError as error:
            print(f"left out: {error}")


def print_kinds(judged: list[Judged]) -> None:
    true = np.array([KINDS.index(each.kind) for each in judged])  # type: ignore[arg-type]
    found = np.array([KINDS.index(each.findings.kind) for each in judged])
    sure = np.array([max(each.findings.kind_scores.values()) for each in judged])
    print(f"kind: {(true == found).mean():.3f} of {len(true)}")
    print(f"{'true, found:':14}" + "".join(f"{name:>14}" for name in KINDS))
    for row, name in enumerate(KINDS):
        print(f"{name:14}" + "".join(f"{((true == row) & (found == column)).sum():14}" for column in range(len(KINDS))))
    for level in (0.5, 0.6, 0.7, 0.8):
        taken = sure >= level
        if taken.any():
            print(f"confidence ≥ {level}: {(true == found)[taken].mean():.3f} of {taken.mean():.0%}")


def print_people(judged: list[Judged]) -> None:
    counted = [each for each in judged if each.kind == "photo" and each.people is not None]
    if not counted:
        return
    true = np.array([each.people for each in counted], dtype=int)
    found = np.array([each.findings.people or 0 for each in counted])
    known = np.array([each.findings.people is not None for each in counted])
    bucket, presence = np.minimum(true, 3) == np.minimum(found, 3), (true > 0) == (found > 0)
    print(f"\npeople on photos: bucket {bucket.mean():.3f}, presence {presence.mean():.3f} of {len(true)}")
    print(f"of those taken for photo or meme: bucket {bucket[known].mean():.3f}, presence {presence[known].mean():.3f}")


def print_errors(judged: list[Judged]) -> None:
    for each in judged:
        score = max(each.findings.kind_scores.values())
        if each.findings.kind != each.kind:
            print(f"{each.path}: {each.kind}, found {each.findings.kind} {score:.2f}")
        elif each.kind == "photo" and each.people is not None and each.findings.people != each.people:
            print(f"{each.path}: {each.people} people, found {each.findings.people}")


if __name__ == "__main__":
    main()
