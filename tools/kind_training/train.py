"""Trains the kind head, prints how good it is on sources it never saw, and writes curated/models/lite/kind.npz.

    python tools/kind_training/train.py --judged FOLDER [--more FOLDER]… [--made FOLDER] --cache FOLDER [--out FILE]

Every FOLDER but the made one holds a labels.csv. Without --out nothing is written.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from features import BLOCKS, Labelled, groups, read_folder, read_made, sources_table, without_copies
from sklearn.model_selection import GroupKFold
from sklearn.svm import SVC

from curated.config import Lite
from curated.domain import KINDS
from curated.models.lite.kind import CLIP, PAIRS, coupled
from curated.models.lite.labels import animal_chances, likelihoods
from curated.models.lite.people import count_people

# Measured by the cross-validation below; see docs/kind.md.
COST = 3.0
BLOCK_WEIGHTS = {"pooled": 0.3, "texture": 0.3, "grain": 0.3, "statistics": 1.0}
# A source with more pictures of one kind than this counts as if it had this many.
MOST_OF_A_SOURCE = 40
FOLDS = 8


class Trained:
    """Standardisation and pairwise weights, as KindHead uses them."""

    def __init__(self, pictures: list[Labelled], weights: np.ndarray) -> None:
        kinds = np.array([picture.kind for picture in pictures])
        self.means: dict[str, np.ndarray] = {}
        self.scales: dict[str, np.ndarray] = {}
        for name in BLOCKS:
            values = np.stack([picture.blocks[name] for picture in pictures])
            self.means[name], self.scales[name] = values.mean(0), values.std(0) + 1e-6
        table = self.table(pictures)
        self.size = float(np.sqrt((table**2).sum(1).mean()))
        table /= self.size
        balance = len(kinds) / (len(KINDS) * np.bincount(kinds, minlength=len(KINDS)))
        costs = weights * balance[kinds]
        self.weights = np.zeros((table.shape[1], len(PAIRS)), dtype=np.float32)
        self.bias = np.zeros(len(PAIRS), dtype=np.float32)
        products = table @ table.T
        for column, (first, second) in enumerate(PAIRS):
            rows = np.flatnonzero((kinds == first) | (kinds == second))
            machine = SVC(C=COST, kernel="precomputed")
            machine.fit(products[np.ix_(rows, rows)], kinds[rows] == first, sample_weight=costs[rows])
            self.weights[:, column] = table[rows[machine.support_]].T @ machine.dual_coef_[0]
            self.bias[column] = machine.intercept_[0]

    def table(self, pictures: list[Labelled]) -> np.ndarray:
        return np.hstack(
            [
                np.clip(
                    (np.stack([picture.blocks[name] for picture in pictures]) - self.means[name]) / self.scales[name],
                    -CLIP,
                    CLIP,
                )
                * BLOCK_WEIGHTS[name]
                for name in BLOCKS
            ]
        ).astype(np.float32)

    def margins(self, pictures: list[Labelled]) -> np.ndarray:
        return (self.table(pictures) / self.size) @ self.weights + self.bias

    def arrays(self) -> dict[str, np.ndarray]:
        made: dict[str, np.ndarray] = {"blocks": np.array(BLOCKS), "bias": self.bias}
        start = 0
        for name in BLOCKS:
            stop = start + len(self.means[name])
            made[f"{name}.mean"] = self.means[name].astype(np.float32)
            made[f"{name}.scale"] = self.scales[name].astype(np.float32)
            # float16 is exact enough: no probability moves by more than 0.002.
            made[f"{name}.weights"] = (self.weights[start:stop] * BLOCK_WEIGHTS[name] / self.size).astype(np.float16)
            start = stop
        return made


def source_weights(pictures: list[Labelled]) -> np.ndarray:
    counts = Counter((picture.source, picture.kind) for picture in pictures)
    return np.array([min(1.0, MOST_OF_A_SOURCE / counts[picture.source, picture.kind]) for picture in pictures])


def cross_validated(real: list[Labelled], made: list[Labelled], seed: int) -> np.ndarray:
    """Margins of each real picture by a head that saw neither its source nor a duplicate; shape (n, pairs)."""
    margins = np.zeros((len(real), len(PAIRS)))
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    for training, held_back in folds.split(margins, groups=groups(real)):
        seen = [real[index] for index in training] + made
        head = Trained(seen, source_weights(seen))
        margins[held_back] = head.margins([real[index] for index in held_back])
    return margins


def best_temper(margins: np.ndarray, kinds: np.ndarray) -> tuple[float, float]:
    """The two numbers of `coupled` for which the true kinds are likeliest."""
    grid = [(a, b) for a in (2.0, 2.5, 3.0, 3.5, 4.0, 5.0) for b in (0.5, 0.6, 0.7, 0.8, 1.0, 1.2)]
    return min(grid, key=lambda temper: surprise(coupled(margins, *temper), kinds))


def surprise(chances: np.ndarray, kinds: np.ndarray) -> float:
    return float(-np.log(np.maximum(chances[np.arange(len(kinds)), kinds], 1e-6)).mean())


def kind_figures(chances: np.ndarray, kinds: np.ndarray) -> dict[str, object]:
    right = chances.argmax(1) == kinds
    confidence = chances.max(1)
    return {
        "pictures": len(kinds),
        "accuracy": round(float(right.mean()), 3),
        "recall": {name: round(float(right[kinds == k].mean()), 3) for k, name in enumerate(KINDS)},
        "surprise": round(surprise(chances, kinds), 3),
        "sure": {
            str(level): [round(float(value), 3) for value in (right[taken].mean(), taken.mean())]
            for level in (0.5, 0.6, 0.7)
            if (taken := confidence >= level).any()
        },
    }


def people_figures(pictures: list[Labelled]) -> dict[str, object]:
    """How often the count's bucket (0, 1, 2, 3+) and the presence of people are right on labelled photos."""
    settings = Lite()
    photos = [each for each in pictures if KINDS[each.kind] == "photo" and each.people is not None]
    animals = animal_chances(likelihoods(np.stack([each.logits for each in photos])))
    counted = np.array(
        [
            count_people(each.boxes, settings.person_confidence, settings.face_confidence, animal)[0]
            for each, animal in zip(photos, animals, strict=True)
        ]
    )
    true = np.array([each.people for each in photos], dtype=int)
    return {
        "photos": len(photos),
        "bucket": round(float((np.minimum(counted, 3) == np.minimum(true, 3)).mean()), 3),
        "presence": round(float(((counted > 0) == (true > 0)).mean()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judged", type=Path, required=True)
    parser.add_argument("--more", type=Path, action="append", default=[])
    parser.add_argument("--made", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    real = read_folder(given.judged, given.cache, judged=True)
    for folder in given.more:
        real += read_folder(folder, given.cache, judged=False)
    real = without_copies(real)
    made = read_made(given.made, given.cache) if given.made else []
    kinds = np.array([picture.kind for picture in real])
    judged = np.array([picture.judged for picture in real])
    print(sources_table([picture for picture in real if not picture.judged]))
    runs = [cross_validated(real, made, seed) for seed in (0, 1)]
    temper = best_temper(runs[0], kinds)
    figures: dict[str, object] = {"temper": temper, "made": len(made)}
    for name, chosen in (("judged", judged), ("others", ~judged)):
        if not chosen.any():
            continue
        for seed, margins in enumerate(runs):
            figures[f"kind, {name}, seed {seed}"] = kind_figures(coupled(margins[chosen], *temper), kinds[chosen])
        figures[f"people, {name}"] = people_figures([each for each, take in zip(real, chosen, strict=True) if take])
    print(json.dumps(figures, indent=1))
    if given.out:
        everything = real + made
        head = Trained(everything, source_weights(everything))
        np.savez_compressed(
            given.out, **head.arrays(), temper=np.array(temper), figures=np.array(json.dumps(figures))
        )  # fmt: skip
        print(f"{given.out}: {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
