"""Pictures as tensors: sent to the device once, for all models that look at them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from curated.pictures.decoded import RGB


def upload(images: Sequence[RGB], device: str) -> list[torch.Tensor]:
    """Each picture as a uint8 tensor (height, width, 3) on the device; on the CPU it shares the picture's memory."""
    if device == "cpu":
        return [torch.from_numpy(image) for image in images]
    # Pinned, so that the copies run while the device works on what came before.
    return [torch.from_numpy(image).pin_memory().to(device, non_blocking=True) for image in images]


def precision(device: str) -> torch.dtype:
    """What the networks calculate in: half on a GPU, which is twice as fast there; float32 on a CPU."""
    return torch.float32 if device == "cpu" else torch.float16
