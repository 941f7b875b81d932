"""What a training says of itself."""

from __future__ import annotations

import math

import msgspec

from curated.taste.probation import Probation, wanted_after

# The intervals shown are 1.96 standard errors wide on each side, those that trust goes by 3: who tests again after
# every few labels has far more than one chance in forty of passing by mere luck.
_SURE = 3 / 1.96


class Bin(msgspec.Struct, frozen=True):
    """Pictures whose chance was said to lie near `said` (0..1): how many, and what share of them was kept."""

    said: float
    kept: float
    pictures: int


class Point(msgspec.Struct, frozen=True):
    """One point of the learning curve: the AUC that training on so many labels gave; the last is the folds' own."""

    labels: int
    auc: float


class Figures(msgspec.Struct, frozen=True):
    """How well the predictor does on pictures it was not trained on, by grouped cross-validation.

    `auc` is the chance that a kept picture scores above a trashed one (0.5 is guessing), `auc_low` to `auc_high` its
    95 % interval by a bootstrap over groups of twins. `facts_auc` is what date, size and kind alone give in the same
    folds, `gain_low` the lower end of the 95 % interval of the difference. `average_precision` is to be held against
    `base_rate`, the share of kept pictures; `brier` against `base_brier`, that of always saying the base rate (less is
    better). `scored` pictures have a score now; `seen` is the newest verdict that was learnt from; `probation` is what
    it has to go through, or has gone through, since it passed.
    """

    embedder: str
    kept: int
    trashed: int
    groups: int
    auc: float
    auc_low: float
    auc_high: float
    facts_auc: float
    gain_low: float
    average_precision: float
    base_rate: float
    brier: float
    base_brier: float
    regularisation: float
    calibration: tuple[Bin, ...] = ()
    curve: tuple[Point, ...] = ()
    scored: int = 0
    seen: int = 0
    at: str = ""
    probation: Probation | None = None

    @property
    def labels(self) -> int:
        """How many labels it was trained on."""
        return self.kept + self.trashed

    @property
    def passes(self) -> bool:
        """Whether by these labels it beats guessing, the facts alone and the base rate by more than chance would."""
        gain = self.auc - self.facts_auc
        return (
            self.auc - 0.5 > _SURE * (self.auc - self.auc_low)
            and gain > _SURE * (gain - self.gain_low)
            and self.brier < self.base_brier
        )

    @property
    def earns_trust(self) -> bool:
        """Whether it passes and has passed ever since a training by a good many labels fewer."""
        return self.passes and self.probation is not None and self.probation.over

    @property
    def on_probation(self) -> bool:
        """Whether it passes, and a later training has still to say the same."""
        return self.passes and not self.earns_trust

    @property
    def more_labels(self) -> int:
        """About how many more labels would make what it has learnt sure, 0 where it is; a rough guess.

        An interval's width shrinks with the square root of the labels; where nothing was learnt yet, as many again. On
        probation it is no guess.
        """
        if self.earns_trust:
            return 0
        if self.passes:
            return self.probation.left if self.probation else wanted_after(self.labels)
        ahead = min(self.auc - 0.5, self.auc - self.facts_auc)
        width = _SURE * max(self.auc - self.auc_low, self.auc - self.facts_auc - self.gain_low)
        if ahead <= 0 or width <= ahead:
            return self.labels
        return min(9 * self.labels, math.ceil(self.labels * ((width / ahead) ** 2 - 1)))
