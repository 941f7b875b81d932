"""Linear layers in the precision in force: as they are, or int8 with one scale for each row of either side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import linear

Precision = Literal["auto", "fp32", "int8"]
Layer = Callable[[torch.Tensor], torch.Tensor]
MakeLayer = Callable[[torch.Tensor, torch.Tensor], Layer]

# oneDNN has fast kernels for unsigned activations alone; signed ones fall to a reference loop a thousand times slower.
_MIDDLE = 128
_MOST = 127
# How many of the highest scores are computed again.
_AGAIN = 32


class Plain:
    """A layer as it is stored: (…, inputs) to (…, outputs)."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self._weight = weight.contiguous()
        self._bias = bias

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return linear(rows, self._weight, self._bias)


class Int8:
    """A layer whose weights are int8 (one scale for each output) and whose inputs become so on the way in.

    Each input row has its own scale, so that what comes out for a picture does not depend on what else is in the batch.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        weight = weight.float()
        scales = weight.abs().amax(1).clamp_min(1e-12) / _MOST
        codes = (weight / scales[:, None]).round().to(torch.int8)
        self._outputs = weight.shape[0]
        self._weight = torch.ops.onednn.qlinear_prepack(codes, None)
        self._scales = scales
        self._zeros = torch.zeros(self._outputs, dtype=torch.int32)
        self._bias = bias.float()

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        flat = rows.reshape(-1, rows.shape[-1])
        high = torch.maximum(flat.amax(1, keepdim=True), flat.amin(1, keepdim=True).neg_()).clamp_min_(1e-12)
        # Half a step more than the middle: the conversion cuts off, which so becomes rounding.
        codes = (flat * (_MOST / high)).add_(_MIDDLE + 0.5).to(torch.uint8)
        sums = torch.ops.onednn.qlinear_pointwise(
            codes, 1.0, _MIDDLE, self._weight, self._scales, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        answer = torch.addcmul(self._bias, sums, high.div_(_MOST), out=sums)
        return answer.view(*rows.shape[:-1], self._outputs)


class Scores:
    """An int8 layer of very many outputs whose highest ones are computed again as they are stored.

    The choice of a token is among these few, and near ties among them are decided as without int8.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self._all = Int8(weight, bias)
        self._weight = weight
        self._bias = bias

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        answer = self._all(rows)
        places = answer.topk(min(_AGAIN, answer.shape[-1]), dim=-1)[1]
        again = torch.bmm(self._weight[places], rows[:, :, None])[:, :, 0] + self._bias[places]
        return answer.scatter_(-1, places, again)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a network calculates: what makes its layers, its last one of many outputs, and in what it attends.

    `attention` is None where that is done in the type of everything else.
    """

    layer: MakeLayer
    scores: MakeLayer
    attention: torch.dtype | None = None


def arithmetic(precision: Precision, device: str) -> Arithmetic:
    """The arithmetic of a precision; a GPU calculates in half precision whatever is configured."""
    if device != "cpu" or resolve(precision) == "fp32":
        return Arithmetic(Plain, Plain)
    return Arithmetic(Int8, Scores, torch.bfloat16 if _has("avx512_bf16", "amx_bf16") else None)


def resolve(precision: Precision) -> Literal["fp32", "int8"]:
    """ "fp32" or "int8": "auto" is int8 where the CPU multiplies bytes without overflow, else fp32."""
    if precision != "auto":
        return precision
    return "int8" if _multiplies_bytes() else "fp32"


def _multiplies_bytes() -> bool:
    """Whether the CPU has VNNI or AMX: older ones add pairs of products in 16 bits, which overflow."""
    return bool(torch.backends.mkldnn.is_available()) and _has("avx512_vnni", "avx_vnni", "amx_int8")


def _has(*names: str) -> bool:
    # Older versions of torch cannot tell; for them no CPU has anything.
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(able.get(name) for name in names)
