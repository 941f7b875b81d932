"""How right a profile is on a labelled folder: kinds, people, categories, as text and as JSON.

    python -m benchmarks.accuracy FOLDER [--profile lite|full] [--json FILE] [--errors] [--captions]

FOLDER holds a labels.csv with the columns path, kind and people (blank: nobody could say). On pictures that the head
of `lite` was trained on its figures flatter; those of its cross-validation are in docs/kind.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from curated.config import Config, load
from curated.decide import decide
from curated.domain import KINDS, Findings, Reading
from curated.errors import PictureError
from curated.models.load import load_models
from curated.pictures.decode import decode
from curated.pictures.decoded import Decoded

BATCH = 8
LEVELS = (0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True, slots=True)
class Judged:
    path: str
    kind: str
    people: int | None
    findings: Findings
    category: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", choices=("auto", "lite", "full"), default="auto")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--errors", action="store_true", help="name every picture that was judged wrongly")
    parser.add_argument("--captions", action="store_true", help="print every caption")
    given = parser.parse_args()
    config = load(environ={"CURATED_MODELS__PROFILE": given.profile} | _models_environment())
    started = time.perf_counter()
    judged = list(judge_folder(given.folder, config))
    figures = {
        "pictures": len(judged),
        "seconds": round(time.perf_counter() - started, 1),
        "profile": judged[0].findings.profile if judged else None,
        "models": dict(judged[0].findings.models) if judged else {},
        "kinds": kinds(judged),
        "people": people(judged),
        "categories": categories(judged),
    }
    print_figures(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    for each in judged if given.errors else ():
        print_error(each)
    for each in judged if given.captions else ():
        print(f"{each.path[:60]:60} {each.findings.kind:12} {each.findings.caption}")


def judge_folder(folder: Path, config: Config) -> Iterator[Judged]:
    """Every readable picture of labels.csv with its findings and the category it would be filed in."""
    prompts = {rule.name: rule.prompts for rule in config.category if rule.prompts}
    models = load_models(config.models, config.folders.cache_path, prompts)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    pairs = _decoded(folder, rows, config)
    while batch := list(islice(pairs, BATCH)):
        for (row, decoded), findings in zip(batch, models.judge([each for _, each in batch]), strict=True):
            count = int(row["people"]) if row.get("people") else None
            category = decide(Reading(decoded.picture, findings), Path("IMG_1.jpg"), config).category
            yield Judged(row["path"], row["kind"], count, findings, category)


def kinds(judged: list[Judged]) -> dict:
    """Accuracy, confusion (true kind to found kind to count) and precision by confidence."""
    confusion = {true: Counter(each.findings.kind for each in judged if each.kind == true) for true in KINDS}
    sure = [(max(each.findings.kind_scores.values()), each.findings.kind == each.kind) for each in judged]
    levels = {}
    for level in LEVELS:
        taken = [right for score, right in sure if score >= level]
        levels[str(level)] = {"share": _share(len(taken), len(sure)), "precision": _share(sum(taken), len(taken))}
    accuracy = _share(sum(right for _, right in sure), len(sure))
    return {"accuracy": accuracy, "confusion": {true: dict(row) for true, row in confusion.items()}, "levels": levels}


def people(judged: list[Judged]) -> dict:
    """On photos with a known count: bucket (0, 1, 2, 3+) and presence, and bucket counts (true to found)."""
    counted = [each for each in judged if each.kind == "photo" and each.people is not None]
    true = np.array([min(each.people or 0, 3) for each in counted])
    found = np.array([min(each.findings.people or 0, 3) for each in counted])
    table = [[int(((true == row) & (found == column)).sum()) for column in range(4)] for row in range(4)]
    bucket, presence = int((true == found).sum()), int(((true > 0) == (found > 0)).sum())
    return {
        "photos": len(counted),
        "bucket": _share(bucket, len(counted)),
        "presence": _share(presence, len(counted)),
        "table": table,
    }


def categories(judged: list[Judged]) -> dict:
    """Precision and recall of each default category, where the label says which is right."""
    pairs = [(expected, each.category) for each in judged if (expected := _expected(each)) is not None]
    figures = {}
    for name in sorted({each for pair in pairs for each in pair}):
        right = sum(true == found == name for true, found in pairs)
        of_true, of_found = sum(true == name for true, _ in pairs), sum(found == name for _, found in pairs)
        figures[name] = {"pictures": of_true, "precision": _share(right, of_found), "recall": _share(right, of_true)}
    return figures


def _expected(each: Judged) -> str | None:
    if each.kind != "photo":
        return {"illustration": "Illustrations", "screenshot": "Screenshots", "document": "Documents", "meme": "Memes"}[
            each.kind
        ]
    if each.people is None:
        return None
    return ("Photos", "People/Solo", "People/Pair", "People/Group")[min(each.people, 3)]


def print_figures(figures: dict) -> None:
    print(f"{figures['pictures']} pictures in {figures['seconds']:.0f} s, profile {figures['profile']}\n")
    print(f"kind: {figures['kinds']['accuracy']:.3f}")
    print(f"{'true, found:':14}" + "".join(f"{name:>14}" for name in KINDS))
    for name, row in figures["kinds"]["confusion"].items():
        print(f"{name:14}" + "".join(f"{row.get(found, 0):14}" for found in KINDS))
    for level, row in figures["kinds"]["levels"].items():
        print(f"confidence ≥ {level}: {row['precision']:.3f} of {row['share']:.0%}")
    counted = figures["people"]
    print(f"\npeople on {counted['photos']} photos: bucket {counted['bucket']:.3f}, presence {counted['presence']:.3f}")
    for number, row in enumerate(counted["table"]):
        print(f"  {number}{'+' if number == 3 else ' '} people, found 0, 1, 2, 3+: {row}")
    print(f"\n{'category':16}{'pictures':>10}{'precision':>11}{'recall':>8}")
    for name, row in figures["categories"].items():
        print(f"{name:16}{row['pictures']:10}{row['precision']:11.3f}{row['recall']:8.3f}")


def print_error(each: Judged) -> None:
    score = max(each.findings.kind_scores.values())
    if each.findings.kind != each.kind:
        print(f"{each.path}: {each.kind}, found {each.findings.kind} {score:.2f}")
    elif each.kind == "photo" and each.people is not None and each.findings.people != each.people:
        print(f"{each.path}: {each.people} people, found {each.findings.people}")


def _decoded(folder: Path, rows: list[dict[str, str]], config: Config) -> Iterator[tuple[dict[str, str], Decoded]]:
    for row in rows:
        try:
            yield row, decode(folder / row["path"], row["path"], None, config.reading)
        except PictureError as error:
            print(f"left out: {error}")


def _models_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith(("CURATED_MODELS__", "CURATED_CONFIG"))}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


if __name__ == "__main__":
    main()
