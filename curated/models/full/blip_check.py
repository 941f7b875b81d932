"""Whether int8 layers say what the layers as stored say, tried on a made-up picture with the very weights at hand."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch.nn.functional import cosine_similarity, interpolate

# int8 is off by about a thousandth where weights are as they should be; a few enormous ones, whose scale the others
# of their row must share, make it many times as much.
_LEAST_LIKENESS = 0.99
_MOST_SHIFTED = 0.1
# How many tokens the exact captioner needs to write for the trial.
TRIAL = 6
_SIDE = 480


class _Captioner(Protocol):
    def see(self, pictures: list[torch.Tensor]) -> torch.Tensor: ...
    def write_seen(self, sight: torch.Tensor) -> list[list[int]]: ...
    def scores(self, sight: torch.Tensor, tokens: list[int]) -> torch.Tensor: ...


def agree(exact: _Captioner, fast: _Captioner) -> bool:
    """True if both see nearly the same, and give the next words of a caption nearly the same chances.

    Costs what the exact one needs for a caption of as many tokens as it may write, and some more.
    """
    seen, alike = (captioner.see([_picture()]) for captioner in (exact, fast))
    likeness = cosine_similarity(seen, alike, dim=-1).median()
    words = exact.write_seen(seen)[0]
    chances = exact.scores(seen, words).float().softmax(-1)
    others = fast.scores(alike, words).float().softmax(-1)
    shifted = (chances - others).abs().sum(-1).mean() / 2
    return bool(likeness >= _LEAST_LIKENESS and shifted <= _MOST_SHIFTED)


def _picture() -> torch.Tensor:
    """Soft blots, hard blocks and grain in one picture (side, side, 3), uint8; always the same."""
    chance = np.random.default_rng(0)
    blots, blocks = (torch.from_numpy(chance.random((1, 3, side, side), np.float32)) for side in (5, 12))
    size = (_SIDE, _SIDE)
    mixed = 0.6 * interpolate(blots, size=size, mode="bicubic") + 0.3 * interpolate(blocks, size=size)
    grain = torch.from_numpy(chance.random((1, 3, *size), np.float32))
    return ((mixed + 0.1 * grain).clamp(0, 1) * 255).to(torch.uint8)[0].permute(1, 2, 0).contiguous()
