"""A BLIP captioning checkpoint as it lies on disk: its sizes, weights, tokenizer, and how it was shown pictures."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torchvision.transforms.v2.functional import InterpolationMode

from curated.errors import ConfigError
from curated.models.checks import CAPTIONER, MEND
from curated.models.formats import what_is_wrong

_KIND = "BlipForConditionalGeneration"
_TOKENIZERS = ("tokenizer.json", "vocab.txt")
_PIXELS = ("preprocessor_config.json", "processor_config.json")
_FILTERS = {2: InterpolationMode.BILINEAR, 3: InterpolationMode.BICUBIC}
# What every decoder of captions has, and a model of another task does not.
_NEEDED = (
    "vision_model.post_layernorm.weight",
    "vision_model.encoder.layers.0.self_attn.qkv.weight",
    "text_decoder.bert.embeddings.word_embeddings.weight",
    "text_decoder.bert.encoder.layer.0.crossattention.self.key.weight",
    "text_decoder.cls.predictions.transform.dense.weight",
)
# Matrices that are kept as they are stored, whatever the precision.
_KEPT = ("embedding", "predictions.decoder")
_UNREADABLE = (
    RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, IndexError, ImportError,
    pickle.UnpicklingError, SafetensorError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PixelSettings:
    """How the model was shown pictures: squashed to `size` (height, width), then (value - mean) / std, of 0 to 255."""

    size: tuple[int, int]
    filter: Any
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BlipFiles:
    """What a checkpoint says; `weights` by the names that transformers gives them, on the CPU.

    They may be seen straight in the file; with `apart`, those that no linear layer copies are copied by `part`.
    """

    config: Any
    weights: Mapping[str, torch.Tensor]
    tokenizer: Any
    pixels: PixelSettings
    apart: bool = False

    def part(self, name: str, device: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """The weights whose names begin so, without the beginning, on the device."""
        found = {key.removeprefix(name): value for key, value in self.weights.items() if key.startswith(name)}
        placed = {key: value.to(device, dtype) for key, value in found.items() if value.is_floating_point()}
        if self.apart:
            for key, value in placed.items():
                if value.ndim != 2 or any(part in key for part in _KEPT):
                    placed[key] = value.clone()
        return placed


def read_blip(path: Path) -> BlipFiles:
    """The checkpoint whose weights lie at `path`, with the files beside them; no code in it is run.

    Raises ConfigError naming `models.full.captioner` for what is damaged, incomplete or no BLIP captioner.
    """
    folder = path.parent
    _look_first(path)
    try:
        from transformers import BlipConfig, BlipProcessor

        config = BlipConfig.from_pretrained(folder, local_files_only=True)
        processor = cast("Any", BlipProcessor).from_pretrained(folder, local_files_only=True)
        pixels = _pixel_settings(processor.image_processor)
    except _UNREADABLE as error:
        raise _unusable(folder, "has files beside the weights that cannot be read") from error
    weights = _weights(path)
    if any(name not in weights for name in _NEEDED):
        raise _unusable(path, "lacks layers that a BLIP captioning model has")
    side, patch = pixels.size[0], weights["vision_model.embeddings.patch_embedding.weight"].shape[-1]
    if (
        pixels.size != (side, side)
        or weights["vision_model.embeddings.position_embedding"].shape[1] != 1 + (side // patch) ** 2
    ):
        raise _unusable(folder, f"shows its model pictures of {side}×{pixels.size[1]} pixels, which are not its size")
    return BlipFiles(config, weights, processor.tokenizer, pixels)


def _look_first(path: Path) -> None:
    """Say what plain reading shows before a library is asked, whose words are for its own makers."""
    folder = path.parent
    if wrong := what_is_wrong(path):
        raise _unusable(path, wrong)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind, names = str(config.get("model_type")), config.get("architectures") or [_KIND]
    except (OSError, ValueError, AttributeError) as error:
        raise _unusable(folder, "has no readable config.json") from error
    if kind != "blip" or _KIND not in names:
        what = kind if kind != "blip" else names[0]
        raise ConfigError(
            f"{CAPTIONER}: {folder} holds a model of another kind ({what}); give a BLIP captioning model ({_KIND})"
        )
    for wanted, what in ((_TOKENIZERS, "tokenizer"), (_PIXELS, "picture settings")):
        if not any((folder / name).is_file() for name in wanted):
            raise _unusable(folder, f"has no {what} ({' or '.join(wanted)})")


def _weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
        return {str(name): value for name, value in loaded.items() if isinstance(value, torch.Tensor)}
    except _UNREADABLE as error:
        raise _unusable(path, "holds no weights that can be read safely") from error


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"PK"


def _pixel_settings(processor: Any) -> PixelSettings:
    size = processor.size
    scale = processor.rescale_factor if processor.do_rescale else 1.0
    means = processor.image_mean if processor.do_normalize else (0.0,) * 3
    deviations = processor.image_std if processor.do_normalize else (1.0,) * 3
    return PixelSettings(
        size=(int(size["height"]), int(size["width"])),
        filter=_FILTERS[int(processor.resample)],
        mean=tuple(mean / scale for mean in means),
        std=tuple(deviation / scale for deviation in deviations),
    )


def _unusable(what: Path, why: str) -> ConfigError:
    return ConfigError(f"{CAPTIONER}: {what} {why}; {MEND}")
