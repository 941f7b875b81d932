"""Pictures as tensors: sent to the device once, for all models that look at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from curated.pictures.decoded import RGB


def upload(images: Sequence[RGB], device: str) -> list[torch.Tensor]:
    """Each picture as a uint8 tensor (height, width, 3) on the device; on the CPU it shares a picture's own memory."""
    if device == "cpu":
        # torch takes none that is read-only, as those of Pillow are.
        return [torch.from_numpy(np.require(image, requirements=["C", "W"])) for image in images]
    return [_pinned(image).to(device, non_blocking=True) for image in images]


def _pinned(image: RGB) -> torch.Tensor:
    """A copy in memory that the GPU reads by itself, while it works on what came before."""
    copy = torch.empty(image.shape, dtype=torch.uint8, pin_memory=True)
    np.copyto(copy.numpy(), image)
    return copy


def precision(device: str) -> torch.dtype:
    """What the networks calculate in: half on a GPU, which is twice as fast there; float32 on a CPU."""
    return torch.float32 if device == "cpu" else torch.float16
