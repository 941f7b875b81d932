"""Categories by a person's corrections: a multinomial regression on the embedding and on what the rules say.

In the training process only. What a category is worth is measured on pictures that were not learnt from, nor any of
their twins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from curated.taste.keeping import linear, matrix, split
from curated.taste.models import log_odds
from curated.taste.tasks import CategoryAnswer, CategoryFigures, CategoryTask

FOLDS = 5
# The rules' few columns beside hundreds of the embedding's: they know more each, so they are held back less.
_RULES_WEIGH = 5.0
_STRENGTHS = (1e-3, 1e-2, 1e-1)
_NEVER = 2.0
# In standard errors. A threshold is cautious by one; that a category is told apart at all must be sure by three, for
# chance is asked again at each training (benchmarks/taste.py: sequences of labels that have nothing to do with looks).
_CAUTIOUS, _SURE = 1.0, 3.0

Floats = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.int64]


def learn_categories(task: CategoryTask) -> CategoryAnswer:
    """The model by all labels, and for each category from which chance on it is as right as is wanted."""
    labels, groups = np.asarray(task.labels), np.asarray(task.groups)
    rules = np.asarray(task.rules, np.float32)
    inputs = np.hstack([matrix(task.vectors), log_odds(rules)])
    width, known = rules.shape[1], labels >= 0
    said = [_unseen(inputs, labels, groups, width, each, len(task.categories)) for each in _STRENGTHS]
    quality = np.stack([_log_likelihood(each, labels) for each in said])
    unseen = _chosen(said, quality)
    best = _STRENGTHS[int(np.nanmean(quality, axis=1).argmax())]
    scaler, regression = _fit(inputs[known], labels[known], width, best)
    figures = [_figures(task, number, unseen, labels, groups) for number in range(len(task.categories))]
    return CategoryAnswer(linear(scaler, regression), task.categories, figures)


def _fit(inputs: Floats, labels: Counts, width: int, strength: float) -> tuple[StandardScaler, LogisticRegression]:
    scaler = StandardScaler().fit(inputs)
    scaler.scale_[-width:] /= _RULES_WEIGH
    regression = LogisticRegression(C=strength, max_iter=300, tol=1e-3, class_weight="balanced")
    regression.fit(scaler.transform(inputs), labels)
    if len(regression.classes_) == 2:  # scikit-learn writes two classes as one row: as two, of which the first is 0
        regression.coef_ = np.vstack([np.zeros_like(regression.coef_), regression.coef_])
        regression.intercept_ = np.array([0.0, regression.intercept_[0]])
    return scaler, regression


@dataclass(frozen=True, slots=True)
class _Said:
    """Each picture's chances (rows of classes) by a model that has not seen it, and the fold that it was in."""

    chances: Floats
    folds: Counts


def _unseen(inputs: Floats, labels: Counts, groups: Counts, width: int, strength: float, classes: int) -> _Said:
    """What models say that have not seen the picture; 0 where no fold could say."""
    chances, places = np.zeros((len(labels), classes)), np.zeros(len(labels), np.int64)
    for fold, (training, test) in enumerate(_folds(labels, groups)):
        places[test] = fold
        scaler, regression = _fit(inputs[training], labels[training], width, strength)
        scores = scaler.transform(inputs[test]) @ regression.coef_.T + regression.intercept_
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances[np.ix_(test, regression.classes_)] = shares / shares.sum(axis=1, keepdims=True)
    return _Said(chances, places)


def _log_likelihood(said: _Said, labels: Counts) -> Floats:
    """Of each picture, of the category that it has; NaN where that is none that is learnt."""
    found: Floats = np.log(np.clip(said.chances[np.arange(len(labels)), labels], 1e-6, 1))
    return np.where(labels >= 0, found, np.nan)


def _chosen(said: list[_Said], quality: Floats) -> _Said:
    """Of each fold's pictures, what the strength says that is best (rows of `quality`) on those of the other folds."""
    chances, folds = said[0].chances.copy(), said[0].folds
    for fold in np.unique(folds):
        here = folds == fold
        others = quality if np.isnan(quality[0, ~here]).all() else quality[:, ~here]
        chances[here] = said[int(np.nanmean(others, axis=1).argmax())].chances[here]
    return _Said(chances, folds)


def _folds(labels: Counts, groups: Counts) -> Iterator[tuple[Counts, Counts]]:
    """(training, test) places; pictures of no category that is learnt are only ever tested."""
    number = min(FOLDS, len(np.unique(groups)), int(np.bincount(labels + 1)[1:].max()))
    if number < 2:
        return
    for training, test in split(labels + 1, groups, number):
        known = training[labels[training] >= 0]
        if len(test) and len(set(labels[known].tolist())) > 1:
            yield known, test


def _figures(task: CategoryTask, number: int, said: _Said, labels: Counts, groups: Counts) -> CategoryFigures:
    """What a category is worth: each fold's pictures by a threshold that the other folds have set."""
    belongs = labels == number
    asked = np.asarray(task.asked)
    likeliest = (said.chances.argmax(axis=1) == number) & asked
    chances = said.chances[:, number]
    taken = np.zeros(len(labels), bool)
    for fold in np.unique(said.folds):
        here = said.folds == fold
        others = likeliest & ~here
        taken[here] = likeliest[here] & (chances[here] >= _threshold(chances, belongs, groups, others, task.precision))
    precision = _share(belongs, groups, taken)
    threshold = _threshold(chances, belongs, groups, likeliest, task.precision)
    if precision < task.precision or not _tells(belongs[asked], groups[asked], taken[asked]):
        threshold, taken = _NEVER, np.zeros(len(labels), bool)
    ruled = np.asarray(task.ruled) == number
    return CategoryFigures(
        category=task.categories[number],
        labels=int(belongs.sum()),
        filed=len(np.unique(groups[taken])),
        precision=precision,
        recall=_share(taken, groups, belongs),
        threshold=threshold,
        rules_precision=_share(belongs, groups, ruled),
        rules_filed=len(np.unique(groups[ruled])),
    )


def _share(right: npt.NDArray[np.bool_], groups: Counts, among: npt.NDArray[np.bool_]) -> float:
    """The share of `right` ones among those, 0..1, twins being one picture together; 0.0 where there are none."""
    return float(np.average(right[among], weights=_weights(groups[among]))) if among.any() else 0.0


def _tells(belongs: npt.NDArray[np.bool_], groups: Counts, taken: npt.NDArray[np.bool_]) -> bool:
    """Whether those taken surely belong there more often than any; of a common category nearly all do anyway."""
    if not len(belongs):
        return False
    share = float(np.average(belongs, weights=_weights(groups)))
    weights = _weights(groups[taken])
    right, number = np.atleast_1d(weights @ belongs[taken]), np.atleast_1d(weights.sum())
    return bool(number[0] > 0 and _surely(right, number, _SURE)[0] > share)


def _weights(groups: Counts) -> Floats:
    """Twins count as one picture together."""
    if not len(groups):
        return np.zeros(0)
    _, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    found: Floats = 1 / sizes[members]
    return found


def _threshold(chances: Floats, belongs: npt.NDArray[np.bool_], groups: Counts, among: Any, precision: float) -> float:
    """The lowest chance from which on so many of these pictures surely belong."""
    order = np.flatnonzero(among)[np.argsort(-chances[among], kind="stable")]
    if not len(order):
        return _NEVER
    weights = _weights(groups[order])
    right, taken = np.cumsum(weights * belongs[order]), np.cumsum(weights)
    sure = np.flatnonzero(_surely(right, taken, _CAUTIOUS) >= precision)
    return float(chances[order[sure[-1]]]) if len(sure) else _NEVER


def _surely(right: Floats, taken: Floats, errors: float) -> Floats:
    """The lower end of Wilson's interval for right / taken, so many standard errors wide: few are not enough."""
    share, square = right / taken, errors**2
    spread = errors * np.sqrt(share * (1 - share) / taken + square / (4 * taken**2))
    found: Floats = (share + square / (2 * taken) - spread) / (1 + square / taken)
    return found
