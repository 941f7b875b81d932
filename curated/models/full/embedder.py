"""OpenCLIP: a point for each picture and each sentence; preprocessing in batches on the device, equal to its own."""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from torch.nn.functional import interpolate, normalize

from curated.config import Full
from curated.errors import ConfigError, WeightsMissing
from curated.models import places
from curated.models.base import Vectors
from curated.models.checks import EMBEDDER, MEND
from curated.models.clip_tags import QUICK, clean
from curated.models.formats import what_is_wrong
from curated.models.full.pixels import precision, upload
from curated.pictures.decoded import RGB

_TEXTS_AT_ONCE = 64
# A picture so many times as long as it is wide is a strip, of whose middle so many widths are kept.
_STRIP, _KEPT = 16, 6
_UNREADABLE = (
    RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, StopIteration, IndexError,
    AssertionError, pickle.UnpicklingError, SafetensorError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How the model was shown pictures: open_clip's `PreprocessCfg`, `size` as (height, width)."""

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["bicubic", "bilinear"]
    resize_mode: Literal["shortest", "longest", "squash"]
    fill_color: int

    def scaled(self, height: int, width: int) -> tuple[int, int]:
        """The size (height, width) that a picture has before it is cropped or padded."""
        tall, wide = self.size
        if self.resize_mode == "squash":
            return self.size
        if self.resize_mode == "shortest" and tall == wide:
            # As torchvision's Resize: the longer side is cut off to a whole number.
            short, long = min(height, width), max(height, width)
            other = int(tall * long / short)
            return (other, tall) if height >= width else (tall, other)
        ratios = (height / tall, width / wide)
        ratio = max(ratios) if self.resize_mode == "longest" else min(ratios)
        return round(height / ratio), round(width / ratio)


class OpenClipEmbedder:
    """An Embedder that also embeds sentences into the same space."""

    def __init__(
        self, model: Any, tokenizer: Any, how: Preprocess, dimensions: int, model_id: str, device: str
    ) -> None:
        self.model_id = model_id
        self.dimensions = dimensions
        self.device = device
        self.logit_scale = float(model.logit_scale.detach().exp())
        self._how = how
        self._dtype = precision(device)
        self._model = model.to(device=device, dtype=self._dtype)
        self._tokenizer = tokenizer
        shift = torch.tensor(how.mean, device=device, dtype=torch.float32)
        scale = torch.tensor(how.std, device=device, dtype=torch.float32)
        self._mean, self._std = shift[:, None, None], scale[:, None, None]

    def embed(self, images: Sequence[RGB]) -> Vectors:
        """Unit vectors, shape (n, dimensions)."""
        return self.embed_uploaded(upload(images, self.device))

    def embed_uploaded(self, pictures: Sequence[torch.Tensor]) -> Vectors:
        """The same for pictures (height, width, 3), uint8, that are on the device already."""
        if not pictures:
            return np.zeros((0, self.dimensions), np.float32)
        with torch.inference_mode():
            pixels = self.preprocess(pictures).to(self._dtype, memory_format=torch.channels_last)
            vectors: Vectors = normalize(self._model.encode_image(pixels).float(), dim=-1).cpu().numpy()
        return vectors

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of sentences, shape (n, dimensions)."""
        found = [np.zeros((0, self.dimensions), np.float32)]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            tokens = self._tokenizer(list(texts[start : start + _TEXTS_AT_ONCE])).to(self.device)
            with torch.inference_mode():
                found.append(normalize(self._model.encode_text(tokens).float(), dim=-1).cpu().numpy())
        return np.concatenate(found)

    def forget_text(self) -> None:
        """Give back the memory of the part that reads sentences; `embed_text` works no more."""
        # Only these two kinds keep the part that sees apart from the one that reads.
        for name in ("transformer", "token_embedding", "positional_embedding", "ln_final", "text_projection", "text"):
            if type(self._model).__name__ in ("CLIP", "CustomTextCLIP") and hasattr(self._model, name):
                delattr(self._model, name)

    def preprocess(self, pictures: Sequence[torch.Tensor]) -> torch.Tensor:
        """The network's input, float32 (n, 3, height, width): scaled with antialiasing, cropped, normalised."""
        groups: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, picture in enumerate(pictures):
            groups[tuple(picture.shape[:2])].append(number)
        batch = torch.full(
            (len(pictures), 3, *self._how.size), self._how.fill_color, dtype=torch.float32, device=self.device
        )
        for numbers in groups.values():
            planes = torch.stack([pictures[number] for number in numbers]).permute(0, 3, 1, 2)
            if self._how.resize_mode == "shortest":
                planes = _middle(planes)
            scaled = _resize(planes, self._how.scaled(planes.shape[2], planes.shape[3]), self._how.interpolation)
            _centre(scaled, batch, numbers)
        return batch.div_(255).sub_(self._mean).div_(self._std)


def open_embedder(full: Full, device: str) -> OpenClipEmbedder:
    """The embedder that the configuration names, on the device.

    Raises WeightsMissing where its checkpoint is not on disk, ConfigError naming the key for an architecture or tag
    that open_clip does not know and for a checkpoint that is damaged, carries code or does not fit.
    """
    import open_clip

    path = places.embedder_file(full)
    if path is None:
        raise WeightsMissing(
            f"{EMBEDDER}: {full.embedder} {full.embedder_weights} is not on disk; fetch it with `curated models pull`, "
            "or give the path of a checkpoint"
        )
    if wrong := what_is_wrong(path):
        raise ConfigError(f"{EMBEDDER}: {path} {wrong}; {MEND}")
    folder, own = places.embedder_folder(full), places.own_path(full.embedder_weights)
    name = f"local-dir:{folder}" if folder else full.embedder
    config = open_clip.get_model_config(name)
    if config is None:
        raise ConfigError(f'models.full.embedder: open_clip knows no architecture "{full.embedder}"')
    published = {} if folder or own else open_clip.pretrained.get_pretrained_cfg(full.embedder, full.embedder_weights)
    if published and published.get("quick_gelu", False) != config.get("quick_gelu", False):
        raise ConfigError(
            f'models.full.embedder: the weights "{full.embedder_weights}" were trained with another activation; '
            f'set it to "{full.embedder}{QUICK}"'
        )
    try:
        model = open_clip.create_model(
            name,
            pretrained=None if folder else str(path),
            force_preprocess_cfg=published or None,
            require_pretrained=True,
            weights_only=True,
        ).eval()
        tokenizer = open_clip.get_tokenizer(name)
    except _UNREADABLE as error:
        raise ConfigError(f"{EMBEDDER}: {path} {_in_words(error, full)}") from error
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    label = folder.name if folder else f"{full.embedder}-{own.stem if own else clean(full.embedder_weights)}"
    how = _preprocess(open_clip.get_model_preprocess_cfg(model))
    identity = places.identified(path, label, EMBEDDER)
    return OpenClipEmbedder(model, tokenizer, how, int(config["embed_dim"]), identity, device)


def _in_words(error: Exception, full: Full) -> str:
    if isinstance(error, pickle.UnpicklingError):
        return "holds more than weights and is not opened; get it as safetensors from its maker"
    if "Error(s) in loading state_dict" in str(error) or isinstance(error, AssertionError):
        return f'does not fit models.full.embedder = "{full.embedder}"; name the architecture it was made for'
    if "tokenizer" in str(error).lower():
        return f'has no tokenizer on disk for "{full.embedder}"; {MEND}'
    return f"is no open_clip checkpoint that can be read; {MEND}"


def _preprocess(settings: Mapping[str, Any]) -> Preprocess:
    def three(value: Any) -> tuple[float, ...]:
        return tuple(value) if isinstance(value, list | tuple) else (float(value),) * 3

    size = settings["size"]
    return Preprocess(
        size=(int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[-1])),
        mean=three(settings["mean"]),
        std=three(settings["std"]),
        interpolation="bilinear" if settings.get("interpolation") == "bilinear" else "bicubic",
        resize_mode=settings.get("resize_mode") or "shortest",
        fill_color=int(settings.get("fill_color") or 0),
    )


def _resize(planes: torch.Tensor, size: tuple[int, int], interpolation: str) -> torch.Tensor:
    """uint8 planes (n, 3, height, width), scaled as Pillow does it."""
    if planes.shape[2:] == size:
        return planes
    if planes.device.type == "cpu":  # torch has a kernel of its own for bytes there, exact and fast
        return interpolate(planes, size=size, mode=interpolation, antialias=True)
    return interpolate(planes.float(), size=size, mode=interpolation, antialias=True).round_().clamp_(0, 255)


def _middle(planes: torch.Tensor) -> torch.Tensor:
    """The middle of strips: all that is left of them after the crop, which would first blow them up out of bounds."""
    for axis in (2, 3):
        long, short = planes.shape[axis], planes.shape[5 - axis]
        keep = _KEPT * short + (long - _KEPT * short) % 2
        if long > _STRIP * short:
            planes = planes.narrow(axis, (long - keep) // 2, keep)
    return planes


def _centre(planes: torch.Tensor, batch: torch.Tensor, numbers: Sequence[int]) -> None:
    """Put the middle of the scaled planes into the middle of the batch's, whichever is the larger."""
    given, taken = [], []
    for length, wanted in zip(planes.shape[2:], batch.shape[2:], strict=True):
        begin = max(round((length - wanted) / 2), 0)
        place = max((wanted - length) // 2, 0)
        given.append(slice(begin, begin + min(length, wanted)))
        taken.append(slice(place, place + min(length, wanted)))
    batch[numbers, :, taken[0], taken[1]] = planes[:, :, given[0], given[1]].to(batch.dtype)
