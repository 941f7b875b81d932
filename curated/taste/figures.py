"""What a training says of itself."""

from __future__ import annotations

import msgspec


class Figures(msgspec.Struct, frozen=True):
    """How well the predictor does on pictures it was not trained on, by five-fold grouped cross-validation.

    `auc` is the chance that a kept picture scores above a trashed one (0.5 is guessing), with the standard deviation
    over the folds; `average_precision` is to be held against `base_rate`, the share of kept pictures; `brier` against
    `base_brier`, that of always saying the base rate (less is better).
    """

    embedder: str
    kept: int
    trashed: int
    groups: int
    auc: float
    auc_deviation: float
    average_precision: float
    base_rate: float
    brier: float
    base_brier: float
    regularisation: float
    scored: int

    @property
    def earns_trust(self) -> bool:
        """Whether it beats guessing by more than its own scatter, and its probabilities beat the base rate."""
        return self.auc - self.auc_deviation > 0.5 and self.brier < self.base_brier
