"""Which of the five kinds a picture is: a linear head on standardised blocks of features.

Weights and figures are described in docs/kind.md; tools/kind_training makes them.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from curated.domain import KINDS
from curated.models.base import Vectors

WEIGHTS = "kind.npz"
# Standardised features beyond this many deviations say no more than that they are extreme.
CLIP = 6.0

Blocks = Mapping[str, Vectors]


@dataclass(frozen=True, slots=True)
class _Block:
    """Features of one name: standardised, clipped, then weighted into the five logits."""

    mean: Vectors
    scale: Vectors
    weights: Vectors

    def logits(self, values: Vectors) -> Vectors:
        standard = np.clip((values - self.mean) / self.scale, -CLIP, CLIP)
        summed: Vectors = (standard @ self.weights).astype(np.float32)
        return summed


class KindHead:
    """Feature blocks in, the probability of each kind out."""

    def __init__(self, model_id: str, blocks: Mapping[str, _Block], bias: Vectors) -> None:
        self.model_id = model_id
        self._blocks = blocks
        self._bias = bias

    @classmethod
    def load(cls) -> KindHead:
        """The head shipped with the package; its id holds the sha256 of the weights."""
        return cls.read(files("curated.models.lite").joinpath(WEIGHTS).read_bytes())

    @classmethod
    def read(cls, data: bytes) -> KindHead:
        """A head from the bytes of an .npz; raises ValueError where they hold anything but plain arrays."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            names = [str(name) for name in arrays["blocks"]]
            blocks = {
                name: _Block(
                    *(arrays[f"{name}.{part}"].astype(np.float32) for part in ("mean", "scale", "weights")),
                )
                for name in names
            }
            bias = arrays["bias"].astype(np.float32)
        return cls(f"kind-{hashlib.sha256(data).hexdigest()[:12]}", blocks, bias)

    def scores(self, features: Blocks) -> list[Mapping[str, float]]:
        """For each picture the probability of every kind, summing to 1; `features` maps block to (n, size)."""
        chances = self.probabilities(features)
        return [dict(zip(KINDS, (float(chance) for chance in row), strict=True)) for row in chances]

    def probabilities(self, features: Blocks) -> npt.NDArray[np.float64]:
        """Shape (n, 5), in the order of KINDS."""
        logits = np.asarray(self._bias, dtype=np.float64) + sum(
            block.logits(features[name]).astype(np.float64) for name, block in self._blocks.items()
        )
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return chances
