"""Checkpoints in the real formats with random weights: *tiny* for tests, *real-size* for benchmarks.

They are read by the very loaders that read real ones. The same seed gives the same weights.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curated.models.offline import go_offline, import_ultralytics

go_offline()

COCO_START = ("person", "bicycle", "car")
CLIP_WEIGHTS = "open_clip_model.safetensors"
# A YOLOv8 of 60,000 weights: the same layers as yolov8.yaml, an eighth as wide as "n".
_TINY_YOLO: dict[str, Any] = {
    "depth_multiple": 0.33,
    "width_multiple": 0.05,
    "max_channels": 256,
    "backbone": [
        [-1, 1, "Conv", [64, 3, 2]],
        [-1, 1, "Conv", [128, 3, 2]],
        [-1, 3, "C2f", [128, True]],
        [-1, 1, "Conv", [256, 3, 2]],
        [-1, 3, "C2f", [256, True]],
        [-1, 1, "Conv", [512, 3, 2]],
        [-1, 3, "C2f", [512, True]],
        [-1, 1, "Conv", [1024, 3, 2]],
        [-1, 1, "SPPF", [1024, 5]],
    ],
    "head": [
        [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
        [[-1, 6], 1, "Concat", [1]],
        [-1, 3, "C2f", [512]],
        [-1, 1, "nn.Upsample", [None, 2, "nearest"]],
        [[-1, 4], 1, "Concat", [1]],
        [-1, 3, "C2f", [256]],
        [[14, 11, 8], 1, "Detect", ["nc"]],
    ],
}
TINY_CLIP: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}


def tiny_yolo(path: Path, names: Sequence[str] = COCO_START, seed: int = 0, *, masks: bool = False) -> Path:
    """A detection checkpoint of 0.6 MB as ultralytics saves it; with masks, one for segmentation."""
    import yaml

    plan = path.with_suffix(".yaml")
    head = [[[14, 11, 8], 1, "Segment", ["nc", 32, 256]]] if masks else _TINY_YOLO["head"][-1:]
    layers = {**_TINY_YOLO, "head": [*_TINY_YOLO["head"][:-1], *head]}
    plan.write_text(yaml.safe_dump({"nc": len(names), **layers}), encoding="utf-8")
    return _yolo(path, plan, names, seed)


def real_size_yolo(path: Path, size: str = "n", seed: int = 0) -> Path:
    """A checkpoint of YOLOv8's own architecture ("n", "s", "m", "l" or "x") with 80 classes, "person" first."""
    return _yolo(path, f"yolov8{size}.yaml", ("person", *(f"thing {number}" for number in range(1, 80))), seed)


def _yolo(path: Path, plan: Path | str, names: Sequence[str], seed: int) -> Path:
    import torch

    import_ultralytics()
    from ultralytics import YOLO

    torch.manual_seed(seed)
    yolo = YOLO(os.fspath(plan), verbose=False)
    yolo.model.names = dict(enumerate(names))
    _spread(yolo.model)
    path.parent.mkdir(parents=True, exist_ok=True)
    yolo.save(path)
    return path


def _spread(network: Any) -> None:
    """Make random weights detect: as built, they answer every anchor of every picture with the same tiny score.

    Batch normalisation is fitted to noise, so that the features differ from place to
    place. The last layers are then stretched: class scores of logits around -2.8 with a deviation of 0.7, of which some
    pass any threshold and most do not, and the distances to a box's sides, which would all be the same.
    """
    import torch

    # From smooth to rough to black on white, as pictures are: blots, blocks and grain in growing shares, and stripes.
    blots, blocks = (torch.rand(6, 3, side, side) for side in (8, 40))
    smooth = torch.nn.functional.interpolate(blots, size=(320, 320), mode="bicubic")
    rough = 0.7 * torch.nn.functional.interpolate(blocks, size=(320, 320)) + 0.3 * torch.rand(6, 3, 320, 320)
    noise = torch.lerp(smooth, rough, torch.linspace(0, 1, 6)[:, None, None, None] ** 2).clamp(0, 1)
    hard = (torch.nn.functional.interpolate(torch.rand(4, 1, 80, 40), size=(320, 320)) > 0.6).float()
    noise = torch.cat((noise, hard.expand(-1, 3, -1, -1)))
    normalisations = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    usual = [module.momentum for module in normalisations]
    for module in normalisations:
        module.momentum = 1.0  # what was seen last is all that counts
    network.train()
    with torch.no_grad():
        network(noise)
    network.eval()
    for module, momentum in zip(normalisations, usual, strict=True):
        module.momentum = momentum
    head = network.model[-1]
    with torch.no_grad():
        for layers, centre, deviation in ((head.cv3, -2.8, 0.7), (head.cv2, 0.0, 2.0)):
            for layer in layers:
                last, seen = layer[-1], []
                hook = last.register_forward_hook(lambda _module, _given, answer, seen=seen: seen.append(answer))
                network(noise)
                hook.remove()
                (answer,) = seen
                mean, found = answer.mean(dim=(0, 2, 3)), answer.std(dim=(0, 2, 3)).clamp(min=1e-6)
                last.weight.mul_((deviation / found)[:, None, None, None])
                last.bias.copy_((last.bias - mean) * (deviation / found) + centre)


def tiny_clip(folder: Path, seed: int = 0, **preprocess: Any) -> Path:
    """A folder as open_clip publishes one: `open_clip_config.json` and safetensors of 13 MB, images of 64×64.

    `preprocess` overrides what the configuration says of it, for example resize_mode="squash".
    """
    from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    settings = {"mean": list(OPENAI_DATASET_MEAN), "std": list(OPENAI_DATASET_STD), "interpolation": "bicubic"}
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": TINY_CLIP, "preprocess_cfg": settings | preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    _clip(folder / CLIP_WEIGHTS, TINY_CLIP, seed)
    return folder


def real_size_clip(path: Path, architecture: str = "ViT-B-32", seed: int = 0) -> Path:
    """A checkpoint of one of open_clip's architectures: safetensors, or torch's format for another extension."""
    import open_clip

    config = open_clip.get_model_config(architecture)
    if config is None:
        raise ValueError(f"open_clip knows no {architecture}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return _clip(path, config, seed)


def _clip(path: Path, config: dict[str, Any], seed: int) -> Path:
    """Random weights as open_clip builds them, which tell pictures apart already."""
    import torch
    from open_clip import CLIP
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    state = CLIP(**config).state_dict()
    if path.suffix == ".safetensors":
        save_file({key: value.contiguous() for key, value in state.items()}, path)
    else:
        torch.save(state, path)
    return path
