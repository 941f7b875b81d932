"""Captions by any BLIP captioning checkpoint: in batches, token for token what transformers' `generate` writes.

    pictures -> resized and normalised together -> vision tower -> text decoder, a token at a time -> captions

On a CPU the linear layers are int8 where it has instructions for that; on a GPU all is half precision.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torchvision.transforms.v2.functional import resize

from curated.config import Full
from curated.errors import ConfigError, WeightsMissing
from curated.models import places
from curated.models.checks import CAPTIONER, MEND
from curated.models.full.blip_check import TRIAL, agree
from curated.models.full.blip_files import BlipFiles, PixelSettings, read_blip
from curated.models.full.blip_search import Words, write_captions
from curated.models.full.blip_text import TextDecoder
from curated.models.full.blip_vision import VisionTower
from curated.models.full.linear import Precision, arithmetic, resolve
from curated.models.full.pixels import precision as device_precision
from curated.models.full.pixels import upload
from curated.pictures.decoded import RGB

log = logging.getLogger(__name__)

# Pictures that go through the vision tower together: on a CPU few, for its cache; on a GPU enough to fill it.
_AT_ONCE_CPU, _AT_ONCE_GPU = 2, 32


class BlipCaptioner:
    """A Captioner."""

    def __init__(
        self, files: BlipFiles, model_id: str, device: str, precision: Precision, beams: int, words: Words
    ) -> None:
        self.model_id = model_id
        self.device = device
        self.precision = resolve(precision) if device == "cpu" else "fp16"
        self._beams = beams
        self._words = words
        self._tokenizer = files.tokenizer
        self._dtype = device_precision(device)
        self.pixels = files.pixels
        how = arithmetic(precision, device)
        # int8 layers are copies: the file need not stay in memory for the sake of the few weights kept as they are.
        files = files if self.precision != "int8" else replace(files, apart=True)
        vision, text = files.config.vision_config, files.config.text_config
        self._tower = VisionTower(
            files.part("vision_model.", device, self._dtype), vision.num_attention_heads, vision.layer_norm_eps, how,
            _AT_ONCE_CPU if device == "cpu" else _AT_ONCE_GPU,
        )  # fmt: skip
        self._decoder = TextDecoder(
            files.part("text_decoder.", device, self._dtype), text.num_attention_heads, text.layer_norm_eps, how
        )

    def caption(self, images: Sequence[RGB]) -> list[str]:
        """One caption for each picture, the configured prompt first; without loops and special tokens."""
        return self.caption_uploaded(upload(images, self.device))

    def caption_uploaded(self, pictures: Sequence[torch.Tensor]) -> list[str]:
        """The same for pictures (height, width, 3), uint8, that are on the device already."""
        begun = list(self._words.prompt[1:])
        return [
            str(self._tokenizer.decode(begun + tokens, skip_special_tokens=True)).strip()
            for tokens in self.write(pictures)
        ]

    def write(self, pictures: Sequence[torch.Tensor]) -> list[list[int]]:
        """The tokens after the prompt, for pictures that are on the device."""
        return self.write_seen(self.see(pictures)) if pictures else []

    def write_seen(self, sight: torch.Tensor) -> list[list[int]]:
        """The same for pictures that were seen already."""
        with torch.inference_mode():
            return write_captions(self._decoder, sight, self._words, self._beams)

    def scores(self, sight: torch.Tensor, tokens: Sequence[int]) -> torch.Tensor:
        """The logits (1 + tokens, vocabulary) of what follows the prompt and each of the tokens, for one picture."""
        with torch.inference_mode():
            state = self._decoder.begin(sight, 1, len(self._words.prompt) + len(tokens))
            given = [self._words.prompt, *([token] for token in tokens)]
            return torch.cat([self._decoder.step(torch.tensor([each], device=self.device), state) for each in given])

    def see(self, pictures: Sequence[torch.Tensor]) -> torch.Tensor:
        """What the vision tower says of pictures on the device: (n, 1 + patches, width)."""
        with torch.inference_mode():
            return self._tower(show(pictures, self.pixels).to(self._dtype))


def show(pictures: Sequence[torch.Tensor], how: PixelSettings) -> torch.Tensor:
    """Pictures (height, width, 3) of any size as the model is shown them: (n, 3, side, side), float32."""
    size = list(how.size)
    squashed = torch.stack([resize(each.permute(2, 0, 1), size, interpolation=how.filter) for each in pictures])
    mean, std = (torch.tensor(values, device=squashed.device)[:, None, None] for values in (how.mean, how.std))
    return squashed.float().sub_(mean).div_(std)


def open_captioner(full: Full, device: str, threads: int = 0) -> BlipCaptioner:
    """The captioner of a checkpoint on disk, on the device; `threads` is how many torch may use, 0 leaves it as it is.

    Raises WeightsMissing where there is none, ConfigError naming `models.full.captioner` or another key where it, or
    the prompt, cannot be used.
    """
    path = places.captioner_file(full)
    if path is None:
        raise WeightsMissing(
            f"{CAPTIONER}: {full.captioner} is not on disk (model.safetensors or pytorch_model.bin); fetch it with "
            "`curated models pull`, or give the folder of a BLIP captioning model"
        )
    if threads:
        torch.set_num_threads(threads)
    files = read_blip(path)
    words = _words(full, files)
    name = places.identified(path, full.captioner.rstrip("/").rpartition("/")[2], CAPTIONER)
    model_id = f"{name} {_manner(full)}"
    try:
        captioner = BlipCaptioner(files, model_id, device, full.precision, full.caption_beams, words)
        if full.precision != "auto" or captioner.precision != "int8":
            return captioner
        exact = BlipCaptioner(files, model_id, device, "fp32", 1, replace(words, most=min(TRIAL, words.most)))
        if agree(exact, captioner):
            return captioner
        log.warning(
            "%s: int8 says something else than the weights of %s as they are stored, so it is not used; captions take "
            'three times as long (models.full.precision: "int8" uses it nevertheless)', CAPTIONER, full.captioner
        )  # fmt: skip
        return BlipCaptioner(files, model_id, device, "fp32", full.caption_beams, words)
    except (KeyError, RuntimeError, StopIteration, IndexError) as error:
        raise ConfigError(f"{CAPTIONER}: {path} has layers that do not fit together; {MEND}") from error


def _manner(full: Full) -> str:
    """What of the settings changes the words, for the model id; not the precision, which is not meant to."""
    prompt = f", {full.caption_prompt.strip()!r}" if full.caption_prompt.strip() else ""
    return f"(beams {full.caption_beams}, tokens {full.caption_max_tokens}{prompt})"


def _words(full: Full, files: BlipFiles) -> Words:
    text: Any = files.config.text_config
    prompt = [int(text.bos_token_id)]
    if full.caption_prompt.strip():
        # Between the tokenizer's own first and last tokens.
        prompt += files.tokenizer(full.caption_prompt.strip())["input_ids"][1:-1]
    room = int(text.max_position_embeddings) - len(prompt)
    if room < full.caption_max_tokens:
        raise ConfigError(
            f"models.full.caption_max_tokens: {full.caption_max_tokens} and the prompt are more than the "
            f"{text.max_position_embeddings} tokens of {full.captioner}; set it to {max(room, 1)} or less"
        )
    return Words(tuple(prompt), int(text.sep_token_id), full.caption_max_tokens)
