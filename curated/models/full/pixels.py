"""Pictures as tensors: sent to the device once, for all models that look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from curated.pictures.decoded import RGB


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture on its way to a GPU: uint8 (height, width, 3), whole once `arrived`."""

    pixels: torch.Tensor
    arrived: torch.cuda.Event


class Uploads:
    """Sends pictures to a GPU on a stream of their own, while it works on those before; from any thread."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def send(self, image: RGB) -> Sent:
        """Begin to send a picture. Raises RuntimeError (torch's out of memory is one) if there is no room for it."""
        with torch.cuda.stream(self._stream):
            pixels = _pinned(image).to(self._device, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record(self._stream)
        return Sent(pixels, arrived)

    def take(self, sent: Sent) -> torch.Tensor:
        """The picture, for the stream that the models run on: it waits, this process does not."""
        models = torch.cuda.current_stream(self._device)
        models.wait_event(sent.arrived)
        # Its memory belongs to the other stream, which must not have it back while the models read it.
        sent.pixels.record_stream(models)
        return sent.pixels


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
