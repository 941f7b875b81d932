"""BLIP's text decoder (BERT with cross-attention), one step at a time, with all its state in buffers made once.

Keys and values of the picture are never made: what a head asks for is turned into the picture's own space instead
(q·(W s) = (Wᵀ q)·s), which for captions of less than about fifty tokens is less work, and all layers then read the
same small `sight`, which stays in the CPU's cache, in place of forty megabytes a picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from curated.models.full.linear import Arithmetic, Layer, MakeLayer

Weights = Mapping[str, torch.Tensor]
_BODY = "bert.encoder.layer."


@dataclass(frozen=True, slots=True)
class _Residual:
    """A layer whose answer is added to what came before, then normalised."""

    layer: Layer
    weight: torch.Tensor
    bias: torch.Tensor
    epsilon: float

    def __call__(self, rows: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return layer_norm(self.layer(rows) + before, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Block:
    mixed: Layer  # query, key and value of the text
    own: _Residual
    query: Layer
    into_sight: torch.Tensor  # (heads, head size, width of sight), with the scale of attention in it
    from_sight: torch.Tensor  # (heads, width of sight, head size)
    from_sight_bias: torch.Tensor
    crossed: _Residual
    widen: Layer
    narrow: _Residual


class TextState:
    """What the decoder remembers of n pictures with `beams` rows each: what it saw, and the keys and values so far."""

    def __init__(self, sight: torch.Tensor, beams: int, cache: torch.Tensor) -> None:
        """`cache` is empty: (layers, 2, rows, heads, room for tokens, head size)."""
        self.sight = sight
        self.beams = beams
        self.length = 0
        self.cache = cache

    def order(self, rows: torch.Tensor) -> None:
        """Let row i go on from what is now row `rows[i]`, which must be of the same picture."""
        self.cache[:, :, :, :, : self.length] = self.cache[:, :, :, :, : self.length].index_select(2, rows)

    def keep(self, pictures: torch.Tensor) -> None:
        """Forget all pictures but these."""
        rows = (pictures[:, None] * self.beams + torch.arange(self.beams, device=pictures.device)).flatten()
        self.sight = self.sight.index_select(0, pictures)
        self.cache = self.cache.index_select(2, rows)


class TextDecoder:
    """Scores of the next token, for tokens so far and pictures seen."""

    def __init__(self, weights: Weights, heads: int, epsilon: float, how: Arithmetic) -> None:
        self._heads = heads
        self._attention = how.attention or weights["bert.embeddings.word_embeddings.weight"].dtype
        self._epsilon = epsilon
        self._words = weights["bert.embeddings.word_embeddings.weight"]
        self._positions = weights["bert.embeddings.position_embeddings.weight"]
        self._norm = (weights["bert.embeddings.LayerNorm.weight"], weights["bert.embeddings.LayerNorm.bias"])
        self._head_size = self._words.shape[1] // heads
        self.longest = len(self._positions)
        self._blocks: list[_Block] = []
        while (name := f"{_BODY}{len(self._blocks)}.") + "output.dense.weight" in weights:
            self._blocks.append(self._block(weights, name, how.layer))
        head = "cls.predictions."
        self._last = how.layer(weights[f"{head}transform.dense.weight"], weights[f"{head}transform.dense.bias"])
        self._last_norm = (
            weights[f"{head}transform.LayerNorm.weight"],
            weights[f"{head}transform.LayerNorm.bias"],
        )
        self._scores = how.scores(_first(weights, f"{head}decoder.weight", "bert.embeddings.word_embeddings.weight"),
                             _first(weights, f"{head}decoder.bias", f"{head}bias"))  # fmt: skip

    def begin(self, sight: torch.Tensor, beams: int, room: int) -> TextState:
        """An empty state for pictures seen as `sight` (n, patches, width), with room for so many tokens."""
        shape = (len(self._blocks), 2, len(sight) * beams, self._heads, min(room, self.longest), self._head_size)
        return TextState(sight.to(self._attention), beams, sight.new_empty(shape))

    def step(self, tokens: torch.Tensor, state: TextState) -> torch.Tensor:
        """Logits (rows, vocabulary) of what comes after `tokens` (rows, new ones), which the state remembers."""
        start, end = state.length, state.length + tokens.shape[1]
        rows = self._words[tokens] + self._positions[start:end]
        rows = layer_norm(rows, self._norm[0].shape, *self._norm, self._epsilon)
        for number, block in enumerate(self._blocks):
            own = self._remember(block.mixed(rows), state.cache[number], start, end)
            rows = block.own(own, rows)
            rows = block.crossed(self._look(block, rows, state.sight), rows)
            rows = block.narrow(gelu(block.widen(rows)), rows)
        state.length = end
        last = gelu(self._last(rows[:, -1]))
        return self._scores(layer_norm(last, self._last_norm[0].shape, *self._last_norm, self._epsilon))

    def _remember(self, mixed: torch.Tensor, cache: torch.Tensor, start: int, end: int) -> torch.Tensor:
        """Attention of the new tokens to all so far."""
        rows, new, triple = mixed.shape
        query, key, value = mixed.view(rows, new, 3, self._heads, self._head_size).permute(2, 0, 3, 1, 4)
        cache[0, :, :, start:end] = key
        cache[1, :, :, start:end] = value
        found = scaled_dot_product_attention(query, cache[0, :, :, :end], cache[1, :, :, :end], is_causal=new > 1)
        return found.transpose(1, 2).reshape(rows, new, triple // 3)

    def _look(self, block: _Block, rows: torch.Tensor, sight: torch.Tensor) -> torch.Tensor:
        """Attention of every token to its picture."""
        count, new, width = rows.shape
        pictures, _, depth = sight.shape
        asked = block.query(rows).to(sight.dtype).view(-1, self._heads, self._head_size).transpose(0, 1)
        asked = torch.bmm(asked, block.into_sight).transpose(0, 1).reshape(pictures, -1, depth)
        found = torch.bmm(torch.bmm(asked, sight.transpose(1, 2)).softmax(-1), sight)
        found = found.view(-1, self._heads, depth).transpose(0, 1)
        answer = torch.bmm(found, block.from_sight).transpose(0, 1).reshape(count, new, width)
        return answer.to(rows.dtype) + block.from_sight_bias

    def _block(self, weights: Weights, name: str, layer: MakeLayer) -> _Block:
        def stored(part: str) -> tuple[torch.Tensor, torch.Tensor]:
            return weights[f"{name}{part}.weight"], weights[f"{name}{part}.bias"]

        def residual(part: str) -> _Residual:
            return _Residual(layer(*stored(f"{part}.dense")), *stored(f"{part}.LayerNorm"), self._epsilon)

        mixed = [stored(f"attention.self.{part}") for part in ("query", "key", "value")]
        # The key's bias adds the same to the score of every patch, which softmax does not see.
        key, _ = stored("crossattention.self.key")
        value, value_bias = stored("crossattention.self.value")
        heads = (self._heads, self._head_size, -1)
        return _Block(
            mixed=layer(torch.cat([weight for weight, _ in mixed]), torch.cat([bias for _, bias in mixed])),
            own=residual("attention.output"),
            query=layer(*stored("crossattention.self.query")),
            into_sight=(key.view(heads) / math.sqrt(self._head_size)).to(self._attention),
            from_sight=value.view(heads).transpose(1, 2).contiguous().to(self._attention),
            from_sight_bias=value_bias,
            crossed=residual("crossattention.output"),
            widen=layer(*stored("intermediate.dense")),
            narrow=residual("output"),
        )


def _first(weights: Weights, *names: str) -> torch.Tensor:
    """The first of these that there is: layers that share weights are stored once."""
    return next(weights[name] for name in names if name in weights)
