"""A small BLIP that has learnt to describe drawn scenes: it is sure of its words, as random weights never are."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
    BlipTextConfig,
    BlipVisionConfig,
)

_COLOURS = {
    "red": (214, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 70, 200),
    "yellow": (240, 210, 40),
    "white": (245, 245, 245),
    "black": (15, 15, 15),
    "purple": (130, 40, 160),
    "orange": (240, 130, 30),
}
_SHAPES = ("circle", "square", "triangle", "bar")
_PLACES = {(0, 0): "top left", (1, 0): "top right", (0, 1): "bottom left", (1, 1): "bottom right"}
_SIDE = 64
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_WORDS = (*_SPECIAL, *"a in the on and background top bottom left right big small".split(), *_COLOURS, *_SHAPES)
_PAD, _END = 0, 3
_BEGIN = len(_WORDS)


def scene(seed: int, side: int = _SIDE) -> tuple[np.ndarray, str]:
    """A picture (side, side, 3) of one or two things and the sentence that describes it; others for other seeds."""
    chance = random.Random(seed)
    ground, *colours = chance.sample(list(_COLOURS), 3)
    image = Image.new("RGB", (side, side), _COLOURS[ground])
    draw = ImageDraw.Draw(image)
    said = []
    # In the order of reading: of two sentences that say the same, none could be the right one.
    for place, colour in zip(sorted(chance.sample(list(_PLACES), chance.randint(1, 2))), colours, strict=False):
        big, shape = chance.random() < 0.5, chance.choice(_SHAPES)
        radius = side * (0.2 if big else 0.1) * chance.uniform(0.9, 1.1)
        x, y = (side * (0.27 + 0.46 * each + chance.uniform(-0.04, 0.04)) for each in place)
        _draw(draw, shape, x, y, radius, _COLOURS[colour])
        said.append(f"a {'big' if big else 'small'} {colour} {shape} in the {_PLACES[place]}")
    pixels = np.asarray(image).astype(np.int16) + np.random.default_rng(seed).normal(0, 6, (side, side, 3)).astype(int)
    return pixels.clip(0, 255).astype(np.uint8), f"{' and '.join(said)} on a {ground} background"


def write_trained_blip(folder: Path, steps: int = 800, batch: int = 40) -> Path:
    """The folder, now holding a checkpoint of 64 px and four layers of 128 that knows the scenes (minutes)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(_WORDS) + "\n")
    sizes = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4}
    config = BlipConfig(
        text_config=BlipTextConfig(
            vocab_size=_BEGIN + 2, bos_token_id=_BEGIN, sep_token_id=_END, pad_token_id=_PAD, **sizes
        ).to_dict(),
        vision_config=BlipVisionConfig(initializer_range=0.02, image_size=_SIDE, patch_size=8, **sizes).to_dict(),
    )
    torch.manual_seed(0)
    model = BlipForConditionalGeneration(config)
    processor = BlipProcessor(
        BlipImageProcessor(size={"height": _SIDE, "width": _SIDE}), BertTokenizer(vocab=str(folder / "vocab.txt"))
    )
    _train(model.train(), processor, steps, batch)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _train(model: BlipForConditionalGeneration, processor: BlipProcessor, steps: int, batch: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, steps)
    for step in range(steps):
        pictures, sentences = zip(*(scene(step * batch + number) for number in range(batch)), strict=True)
        pixels = processor.image_processor(list(pictures), return_tensors="pt")["pixel_values"]
        encoded = processor.tokenizer(list(sentences), padding=True, return_tensors="pt")
        tokens = encoded["input_ids"]
        tokens[:, 0] = _BEGIN
        loss = model(
            pixel_values=pixels, input_ids=tokens, attention_mask=encoded["attention_mask"],
            labels=tokens.masked_fill(tokens == _PAD, -100),
        ).loss  # fmt: skip
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"  training step {step + 1}: loss {loss.item():.3f}", flush=True)


def _draw(draw: ImageDraw.ImageDraw, shape: str, x: float, y: float, radius: float, colour: tuple[int, ...]) -> None:
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        draw.ellipse(box, colour)
    elif shape == "square":
        draw.rectangle(box, colour)
    elif shape == "triangle":
        draw.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], colour)
    else:
        draw.rectangle((x - radius, y - radius / 3, x + radius, y + radius / 3), colour)
