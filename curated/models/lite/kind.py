"""Which of the five kinds a picture is: pairwise linear margins on blocks of evidence.

tools/kind_training makes the weights; docs/kind.md says from what, and how good they are.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import combinations

import numpy as np
import numpy.typing as npt

from curated.domain import KINDS
from curated.models.base import Vectors

WEIGHTS = "kind.npz"
# Features further than this many deviations from the mean say no more than that they are extreme.
CLIP = 6.0
# Every pair of kinds has one margin: positive for the first of the two.
PAIRS: tuple[tuple[int, int], ...] = tuple(combinations(range(len(KINDS)), 2))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Block:
    """One block's part in the margins: standardised, clipped, weighted. Shapes (size,), (size,), (size, pairs)."""

    mean: Vectors
    scale: Vectors
    weights: Vectors

    def margins(self, values: Vectors) -> Floats:
        """Shape (n, pairs)."""
        standard = np.clip((values - self.mean) / self.scale, -CLIP, CLIP)
        summed: Floats = (standard @ self.weights).astype(np.float64)
        return summed


class KindHead:
    """Blocks of evidence in, the probability of each kind out."""

    def __init__(self, model_id: str, blocks: Mapping[str, Block], bias: Vectors, temper: tuple[float, float]) -> None:
        self.model_id = model_id
        self._blocks = blocks
        self._bias = bias
        self._temper = temper

    @classmethod
    def load(cls) -> KindHead:
        """The head that comes with the package; its id holds the sha256 of the weights."""
        return cls.read(files("curated.models.lite").joinpath(WEIGHTS).read_bytes())

    @classmethod
    def read(cls, data: bytes) -> KindHead:
        """A head from the bytes of an .npz; raises ValueError where they hold anything but plain arrays."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            blocks = {
                str(name): Block(
                    *(arrays[f"{name}.{part}"].astype(np.float32) for part in ("mean", "scale", "weights"))
                )
                for name in arrays["blocks"]
            }
            bias = arrays["bias"].astype(np.float32)
            steepness, sharpness = (float(value) for value in arrays["temper"])
        return cls(f"kind-{hashlib.sha256(data).hexdigest()[:12]}", blocks, bias, (steepness, sharpness))

    def scores(self, evidence: Mapping[str, Vectors]) -> list[Mapping[str, float]]:
        """For each picture the probability of every kind, summing to 1."""
        return [
            dict(zip(KINDS, (float(chance) for chance in row), strict=True)) for row in self.probabilities(evidence)
        ]

    def probabilities(self, evidence: Mapping[str, Vectors]) -> Floats:
        """Shape (n, 5), in the order of KINDS; `evidence` maps each block's name to (n, size)."""
        margins = sum((block.margins(evidence[name]) for name, block in self._blocks.items()), self._bias)
        return coupled(np.asarray(margins, dtype=np.float64), *self._temper)


def coupled(margins: Floats, steepness: float, sharpness: float) -> Floats:
    """Probabilities from pairwise margins: a kind's score is how likely it wins each of its four duels."""
    scores = np.zeros((len(margins), len(KINDS)))
    for column, (first, second) in enumerate(PAIRS):
        scores[:, first] -= np.logaddexp(0, -steepness * margins[:, column])
        scores[:, second] -= np.logaddexp(0, steepness * margins[:, column])
    powers = np.exp(sharpness * (scores - scores.max(axis=1, keepdims=True)))
    chances: Floats = powers / powers.sum(axis=1, keepdims=True)
    return chances
