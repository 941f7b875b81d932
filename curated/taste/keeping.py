"""Keep or trash: a calibrated logistic regression on standardised embeddings, judged by grouped cross-validation.

In the training process only. Nothing that a picture's chance is judged by has seen the picture or its twins: scaling,
the strength of regularisation and the calibration are all learnt inside each fold's training half.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from curated.taste.figures import Bin, Figures, Point
from curated.taste.tasks import Linear, TasteAnswer, TasteTask

FOLDS, INNER_FOLDS = 5, 3
REGULARISATIONS = (1e-4, 1e-3, 1e-2, 1e-1)
# The facts are few, and some tell only together: held back like hundreds of numbers they are a baseline of straw.
FACTS_REGULARISATIONS = (1e-2, 1e-1, 1.0, 10.0, 100.0)
# So many labels tell one strength from another; more would only take longer.
_ENOUGH_TO_CHOOSE = 1000
_RESAMPLES = 200
_BINS = 5
_CURVE = (20, 40, 80, 160, 320, 640, 1280, 2560, 5120)
_CURVE_REPEATS = 3

Floats = npt.NDArray[np.floating[Any]]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained predictor: chances of being kept are sigmoid(slope * score + offset)."""

    scaler: StandardScaler
    regression: LogisticRegression
    strength: float
    slope: float
    offset: float

    def scores(self, vectors: Floats) -> Floats:
        """The regression's own scores."""
        found: Floats = self.regression.decision_function(self.scaler.transform(vectors))
        return found

    def chances(self, vectors: Floats) -> Floats:
        """The calibrated chances, 0..1."""
        return sigmoid(self.slope * self.scores(vectors) + self.offset)


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + e^-x), without overflow."""
    found: Floats = 0.5 * (1 + np.tanh(0.5 * values))
    return found


def learn_taste(task: TasteTask) -> TasteAnswer:
    """The model by all labels, and its figures by five grouped folds."""
    vectors, verdicts = matrix(task.vectors), np.asarray(task.verdicts)
    groups, facts = np.asarray(task.groups), np.asarray(task.facts, np.float32)
    chances, by_facts = np.full(len(verdicts), np.nan), np.full(len(verdicts), np.nan)
    learnt_from: list[int] = []
    for training, test in folds(verdicts, groups, FOLDS):
        chances[test] = fit(vectors[training], verdicts[training], groups[training]).chances(vectors[test])
        plain = fit(facts[training], verdicts[training], groups[training], FACTS_REGULARISATIONS)
        by_facts[test] = plain.chances(facts[test])
        learnt_from.append(len(training))
    judged = ~np.isnan(chances)  # all, but where a fold took every one of either with it
    whole = fit(vectors, verdicts, groups)
    base_rate = float(verdicts.mean())
    by_folds = round(float(np.mean(learnt_from))) if learnt_from else 0
    intervals = _Intervals.of(verdicts[judged], chances[judged], by_facts[judged], groups[judged])
    figures = Figures(
        embedder=task.embedder,
        kept=int(verdicts.sum()),
        trashed=int(len(verdicts) - verdicts.sum()),
        groups=len(set(task.groups)),
        auc=intervals.auc,
        auc_low=intervals.auc_low,
        auc_high=intervals.auc_high,
        facts_auc=intervals.facts_auc,
        gain_low=intervals.gain_low,
        average_precision=float(average_precision_score(verdicts[judged], chances[judged])) if judged.any() else 0.0,
        base_rate=base_rate,
        brier=float(brier_score_loss(verdicts[judged], chances[judged])) if judged.any() else 1.0,
        base_brier=base_rate * (1 - base_rate),
        regularisation=whole.strength,
        calibration=_calibration(verdicts[judged], chances[judged]),
        curve=(
            *_curve(vectors, verdicts, groups, whole.strength, by_folds),
            Point(by_folds, round(intervals.auc, 4)),
        ),
    )
    return TasteAnswer(figures, linear(whole.scaler, whole.regression), whole.slope, whole.offset)


def fit(vectors: Floats, verdicts: Counts, groups: Counts, strengths: Sequence[float] = REGULARISATIONS) -> Fitted:
    """A predictor by these labels: the strength by inner folds, the calibration by what those say (Platt 1999)."""
    some = _some(verdicts, groups)
    strength, scores = _choose(vectors[some], verdicts[some], groups[some], strengths)
    scaler = StandardScaler().fit(vectors)
    regression = _regression(strength).fit(scaler.transform(vectors), verdicts)
    said = ~np.isnan(scores)
    slope, offset = 1.0, 0.0
    if len(set(verdicts[some][said])) == 2:
        # Strong regularisation makes small scores; brought to one size, they are all calibrated alike.
        spread = float(scores[said].std()) or 1.0
        platt = LogisticRegression(C=1.0).fit(scores[said, None] / spread, verdicts[some][said])
        slope, offset = max(0.0, float(platt.coef_[0, 0]) / spread), float(platt.intercept_[0])
    return Fitted(scaler, regression, strength, slope, offset)


def folds(verdicts: Counts, groups: Counts, number: int) -> Iterator[tuple[Counts, Counts]]:
    """(training, test) places; twins never stand in both, and each training half has both verdicts."""
    # A training half may hold so few that there are less than five of either.
    number = min(number, len(set(groups.tolist())), int(np.bincount(verdicts).max()))
    if number < 2:
        return
    for training, test in split(verdicts, groups, number):
        if len(test) and len(set(verdicts[training].tolist())) == 2:
            yield training, test


def split(labels: Counts, groups: Counts, number: int) -> Iterator[tuple[Counts, Counts]]:
    """(training, test) places of so many folds with about the same share of each label; groups stay together."""
    # Where nothing has a twin it comes to the same, and one that looks at each group takes a third of the training.
    counts = np.bincount(labels)
    alone = len(np.unique(groups)) == len(groups) and int(counts[counts > 0].min()) >= number
    if alone:
        yield from StratifiedKFold(number, shuffle=True, random_state=0).split(labels[:, None], labels)
    else:
        with warnings.catch_warnings():
            # Fewer of a label than there are folds stand in as many as there are of it, which is all that is wanted.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            found = list(
                StratifiedGroupKFold(number, shuffle=True, random_state=0).split(labels[:, None], labels, groups)
            )
        yield from found


def matrix(vectors: list[bytes]) -> Floats:
    """Float32 rows of float16 bytes."""
    found: Floats = np.stack([np.frombuffer(vector, np.float16) for vector in vectors]).astype(np.float32)
    return found


def linear(scaler: StandardScaler, regression: LogisticRegression) -> Linear:
    """The model as arrays."""
    return Linear(
        mean=scaler.mean_.astype("<f4").tobytes(),
        scale=scaler.scale_.astype("<f4").tobytes(),
        weights=regression.coef_.astype("<f4").tobytes(),
        bias=regression.intercept_.astype("<f4").tobytes(),
    )


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=300, tol=1e-3, class_weight="balanced")


def _some(verdicts: Counts, groups: Counts) -> Counts:
    """Places of at most so many labels as it takes to choose a strength, whole groups at random."""
    if len(verdicts) <= _ENOUGH_TO_CHOOSE:
        return np.arange(len(verdicts))
    names = np.unique(groups)
    kept = np.random.default_rng(0).permutation(names)[: max(1, len(names) * _ENOUGH_TO_CHOOSE // len(verdicts))]
    found: Counts = np.flatnonzero(np.isin(groups, kept))
    return found if len(set(verdicts[found].tolist())) == 2 else np.arange(len(verdicts))


def _choose(vectors: Floats, verdicts: Counts, groups: Counts, strengths: Sequence[float]) -> tuple[float, Floats]:
    """The strength (scikit-learn's C) that ranks best in inner folds (AUC), and the scores it gave there."""
    inner = list(folds(verdicts, groups, INNER_FOLDS))
    scaled = []
    for training, test in inner:
        scaler = StandardScaler().fit(vectors[training])
        scaled.append((scaler.transform(vectors[training]), scaler.transform(vectors[test])))
    best, found = float("-inf"), (strengths[0], np.full(len(verdicts), np.nan))
    for strength in strengths:
        scores, aucs = np.full(len(verdicts), np.nan), []
        for (training, test), (before, after) in zip(inner, scaled, strict=True):
            scores[test] = _regression(strength).fit(before, verdicts[training]).decision_function(after)
            if len(set(verdicts[test])) == 2:
                aucs.append(_auc(verdicts[test], scores[test]))
        quality = float(np.mean(aucs)) if aucs else 0.0
        if quality > best:
            best, found = quality, (strength, scores)
    return found


@dataclass(frozen=True, slots=True)
class _Intervals:
    auc: float
    auc_low: float
    auc_high: float
    facts_auc: float
    gain_low: float

    @classmethod
    def of(cls, verdicts: Counts, chances: Floats, by_facts: Floats, groups: Counts) -> _Intervals:
        """AUCs of both over all folds, with 95 % intervals by a bootstrap that draws whole groups."""
        if len(set(verdicts.tolist())) < 2:
            return cls(0.5, 0.0, 1.0, 0.5, -0.5)
        names, members = np.unique(groups, return_inverse=True)
        places = [np.flatnonzero(members == name) for name in range(len(names))]
        chance = np.random.default_rng(0)
        drawn = []
        for _ in range(_RESAMPLES):
            rows = np.concatenate([places[name] for name in chance.integers(len(names), size=len(names))])
            if len(set(verdicts[rows].tolist())) == 2:
                auc = _auc(verdicts[rows], chances[rows])
                drawn.append((auc, auc - _auc(verdicts[rows], by_facts[rows])))
        aucs, gains = np.asarray(drawn).T
        return cls(
            auc=_auc(verdicts, chances),
            auc_low=float(np.quantile(aucs, 0.025)),
            auc_high=float(np.quantile(aucs, 0.975)),
            facts_auc=_auc(verdicts, by_facts),
            gain_low=float(np.quantile(gains, 0.025)),
        )


def _auc(verdicts: Counts, chances: Floats) -> float:
    """The area under the ROC curve, by ranks (Mann and Whitney 1947): scikit-learn's takes 20 times as long."""
    kept = int(verdicts.sum())
    ranks = float(rankdata(chances)[verdicts == 1].sum())
    return (ranks - kept * (kept + 1) / 2) / (kept * (len(verdicts) - kept))


def _calibration(verdicts: Counts, chances: Floats) -> tuple[Bin, ...]:
    """Bins of equally many pictures, by what was said of them."""
    if not len(verdicts):
        return ()
    return tuple(
        Bin(round(float(chances[rows].mean()), 4), round(float(verdicts[rows].mean()), 4), len(rows))
        for rows in np.array_split(np.argsort(chances, kind="stable"), min(_BINS, len(verdicts)))
    )


def _curve(vectors: Floats, verdicts: Counts, groups: Counts, strength: float, most: int) -> Iterator[Point]:
    """The AUC that fewer labels than `most` would have given, on the pictures left out; a mean of some drawings.

    All at the strength that suits all labels, which is a little hard on few. Groups stay together, so that a point may
    stand for more labels than were asked for.
    """
    names, sizes = np.unique(groups, return_counts=True)
    chance, last = np.random.default_rng(1), 0
    for size in _CURVE:
        if size > len(verdicts) * 0.6:
            return
        aucs, counts = [], []
        for _ in range(_CURVE_REPEATS):
            order = chance.permutation(names)
            taken = order[: int(np.searchsorted(np.cumsum(sizes[np.searchsorted(names, order)]), size)) + 1]
            inside = np.isin(groups, taken)
            if len(set(verdicts[inside])) == 2 and len(set(verdicts[~inside])) == 2:
                scaler = StandardScaler().fit(vectors[inside])
                model = _regression(strength).fit(scaler.transform(vectors[inside]), verdicts[inside])
                aucs.append(_auc(verdicts[~inside], model.decision_function(scaler.transform(vectors[~inside]))))
                counts.append(int(inside.sum()))
        labels = round(float(np.mean(counts))) if counts else 0
        if last < labels < most:
            last = labels
            yield Point(labels, round(float(np.mean(aucs)), 4))
