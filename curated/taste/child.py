"""The training process: `python -m curated.taste.child` reads a Task from stdin and writes an Answer to stdout."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from curated.taste.figures import Figures
from curated.taste.training import Answer, Task

FOLDS = 5
REGULARISATIONS = (1e-4, 1e-3, 1e-2, 1e-1)

Floats = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.int64]


def main() -> None:
    """Train, score, answer."""
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.msgpack.encode(train(task)))


def train(task: Task) -> Answer:
    """A logistic regression on standardised embeddings: figures by grouped cross-validation, scores by all labels.

    The strength of regularisation is chosen inside each training half, never on the pictures it is judged by.
    """
    vectors, verdicts, groups = _matrix(task.labelled), np.asarray(task.verdicts), np.asarray(task.groups)
    chances = np.full(len(verdicts), np.nan)
    aucs = []
    for training, test in _folds(vectors, verdicts, groups):
        strength = _choose(vectors[training], verdicts[training], groups[training])
        model = _model(strength).fit(vectors[training], verdicts[training])
        chances[test] = model.predict_proba(vectors[test])[:, 1]
        if len(set(verdicts[test])) == 2:
            aucs.append(roc_auc_score(verdicts[test], chances[test]))
    judged = ~np.isnan(chances)  # all, but where a fold took every one of either with it
    strength = _choose(vectors, verdicts, groups)
    model = _model(strength).fit(vectors, verdicts)
    scores = model.predict_proba(_matrix(task.unlabelled))[:, 1].tolist() if task.unlabelled else []
    base_rate = float(verdicts.mean())
    figures = Figures(
        embedder=task.embedder,
        kept=int(verdicts.sum()),
        trashed=int(len(verdicts) - verdicts.sum()),
        groups=len(set(task.groups)),
        auc=float(np.mean(aucs)) if aucs else 0.5,
        auc_deviation=float(np.std(aucs)) if aucs else 0.5,
        average_precision=float(average_precision_score(verdicts[judged], chances[judged])),
        base_rate=base_rate,
        brier=float(brier_score_loss(verdicts[judged], chances[judged])),
        base_brier=base_rate * (1 - base_rate),
        regularisation=strength,
        scored=len(scores),
    )
    return Answer(figures, scores)


def _folds(vectors: Floats, verdicts: Counts, groups: Counts) -> list[tuple[Counts, Counts]]:
    # A training half may hold so few that there are less than five of either.
    number = min(FOLDS, len(set(groups.tolist())), int(np.bincount(verdicts).max()))
    if number < 2:
        return []
    splitter = StratifiedGroupKFold(n_splits=number, shuffle=True, random_state=0)
    return [
        (training, test)
        for training, test in splitter.split(vectors, verdicts, groups)
        if len(test) and len(set(verdicts[training])) == 2
    ]


def _choose(vectors: Floats, verdicts: Counts, groups: Counts) -> float:
    """The strength (scikit-learn's C) with the best mean AUC over inner grouped folds."""
    folds = _folds(vectors, verdicts, groups)

    def quality(strength: float) -> float:
        aucs = []
        for training, test in folds:
            if len(set(verdicts[test])) < 2:
                continue
            model = _model(strength).fit(vectors[training], verdicts[training])
            aucs.append(roc_auc_score(verdicts[test], model.predict_proba(vectors[test])[:, 1]))
        return float(np.mean(aucs)) if aucs else 0.0

    return max(REGULARISATIONS, key=quality)


def _model(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))


def _matrix(vectors: list[bytes]) -> Floats:
    matrix: Floats = np.stack([np.frombuffer(vector, np.float16) for vector in vectors]).astype(np.float32)
    return matrix


if __name__ == "__main__":
    main()
