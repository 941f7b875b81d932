"""BLIP's vision tower (a ViT), computed from the weights of a checkpoint as transformers does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn.functional import conv2d, gelu, layer_norm, scaled_dot_product_attention

from curated.models.full.linear import Arithmetic, Layer, MakeLayer

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation."""

    weight: torch.Tensor
    bias: torch.Tensor
    epsilon: float

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return layer_norm(rows, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Block:
    norm: Norm
    mixed: Layer
    projection: Layer
    second_norm: Norm
    widen: Layer
    narrow: Layer


class VisionTower:
    """Pixels (n, 3, side, side), normalised, to what is seen (n, 1 + patches, width)."""

    def __init__(self, weights: Weights, heads: int, epsilon: float, how: Arithmetic, at_once: int) -> None:
        self._heads = heads
        self._attention = how.attention
        self._at_once = at_once
        self._patches = weights["embeddings.patch_embedding.weight"]
        self._patch_bias = weights["embeddings.patch_embedding.bias"]
        positions = weights["embeddings.position_embedding"]
        self._first = weights["embeddings.class_embedding"] + positions[:, :1]
        self._positions = positions[:, 1:]
        self._last = _norm(weights, "post_layernorm", epsilon)
        self._blocks: list[_Block] = []
        while (name := f"encoder.layers.{len(self._blocks)}.") + "self_attn.qkv.weight" in weights:
            self._blocks.append(_block(weights, name, epsilon, how.layer))

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        # Few at once, so that what one layer hands to the next stays in the CPU's cache.
        return torch.cat([self._see(part) for part in pixels.split(self._at_once)])

    def _see(self, pixels: torch.Tensor) -> torch.Tensor:
        stride = self._patches.shape[-1]
        patches = conv2d(pixels, self._patches, self._patch_bias, stride=stride).flatten(2).transpose(1, 2)
        rows = torch.cat((self._first.expand(len(pixels), -1, -1), patches + self._positions), dim=1)
        for block in self._blocks:
            rows = rows + block.projection(self._attend(block.mixed(block.norm(rows))))
            rows = rows + block.narrow(gelu(block.widen(block.second_norm(rows))))
        return self._last(rows)

    def _attend(self, mixed: torch.Tensor) -> torch.Tensor:
        pictures, rows, triple = mixed.shape
        heads = mixed.to(self._attention or mixed.dtype).view(pictures, rows, 3, self._heads, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        if self._attention is None:
            seen = scaled_dot_product_attention(query, key, value)
        else:  # On a CPU, torch's own is slower in this type than its parts are.
            seen = ((query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)).softmax(-1) @ value
        return seen.transpose(1, 2).reshape(pictures, rows, triple // 3).to(mixed.dtype)


def _block(weights: Weights, name: str, epsilon: float, layer: MakeLayer) -> _Block:
    def made(part: str) -> Layer:
        return layer(weights[f"{name}{part}.weight"], weights[f"{name}{part}.bias"])

    return _Block(
        norm=_norm(weights, f"{name}layer_norm1", epsilon),
        mixed=made("self_attn.qkv"),
        projection=made("self_attn.projection"),
        second_norm=_norm(weights, f"{name}layer_norm2", epsilon),
        widen=made("mlp.fc1"),
        narrow=made("mlp.fc2"),
    )


def _norm(weights: Weights, name: str, epsilon: float) -> Norm:
    return Norm(weights[f"{name}.weight"], weights[f"{name}.bias"], epsilon)
