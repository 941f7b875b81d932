"""BLIP captioning checkpoints with random weights, in the files and the format of the real ones.

The weights are random but not dull: the captions of different pictures differ and vary in length; those of the tiny
checkpoint loop now and then, as the real model's do. All are read by the very loaders that read real checkpoints.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import TYPE_CHECKING

from curated.models.offline import go_offline

if TYPE_CHECKING:
    from transformers import BlipForConditionalGeneration

go_offline()

# Where BERT's vocabulary, and so BLIP's, has its special tokens.
_SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}
_END = 102
# Words that a prompt may use.
_PROMPT_WORDS = ("a", "photo", "picture", "of", "the", "photography")


def write_tiny_blip(folder: Path, seed: int = 0, ends: float = 1.0, positions: int = 512) -> Path:
    """The folder, now holding a checkpoint that loads in a moment: 48 px, three layers of 32.

    `ends` is how readily a caption ends (0 never, 1 soon), `positions` how many tokens it may have.
    """
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2}
    text = {**vision, "max_position_embeddings": positions}
    return _write(folder, seed, 402, {**vision, "image_size": 48, "patch_size": 8}, text, ends, (6.0, 1.0))


def write_blip_base(folder: Path, seed: int = 0, ends: float = 0.0) -> Path:
    """The folder, now holding a checkpoint as large as BLIP base: 384 px, twelve layers of 768, 990 MB.

    Its captions have no loops, so that nothing is saved by ending them early.
    """
    sizes = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    return _write(folder, seed, 30524, {**sizes, "image_size": 384, "patch_size": 16}, sizes, ends, (0.25, 0.3))


def _write(
    folder: Path,
    seed: int,
    vocabulary: int,
    vision: dict[str, int],
    text: dict[str, int],
    ends: float,
    lively: tuple[float, float],
) -> Path:
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
        BlipTextConfig,
        BlipVisionConfig,
    )

    folder.mkdir(parents=True, exist_ok=True)
    # The last two, [DEC] and [ENC], are known to the model but not to its tokenizer: so it is in the real ones.
    words = _vocabulary(vocabulary - 2, seed)
    lines = folder / "vocab.txt"
    lines.write_text("\n".join(words) + "\n", encoding="utf-8")
    config = BlipConfig(
        text_config=BlipTextConfig(
            vocab_size=vocabulary,
            bos_token_id=vocabulary - 2,
            sep_token_id=_END,
            initializer_range=_spread(text["hidden_size"]),
            **text,
        ).to_dict(),
        vision_config=BlipVisionConfig(initializer_range=_spread(vision["hidden_size"]), **vision).to_dict(),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BlipForConditionalGeneration(config).eval()
        with torch.no_grad():
            _enliven(model, ends, *lively)
    model.save_pretrained(folder)
    side = vision["image_size"]
    processor = BlipProcessor(
        BlipImageProcessor(size={"height": side, "width": side}), BertTokenizer(vocab=str(lines), do_lower_case=True)
    )
    processor.save_pretrained(folder)
    return folder


def _spread(width: int) -> float:
    """The deviation that makes a layer of that width as lively as BLIP's own, which are 768 wide."""
    return 0.02 * math.sqrt(768 / width)


def _vocabulary(size: int, seed: int) -> list[str]:
    """`size` different made-up words, with the special tokens where BERT has them; some are parts of words."""
    chance = random.Random(seed)
    words = dict.fromkeys(_PROMPT_WORDS)
    while len(words) < size - len(_SPECIAL):
        word = "".join(
            chance.choice("bcdfghjklmnprstvwz") + chance.choice("aeiou") for _ in range(chance.randint(1, 4))
        )
        words.setdefault(f"##{word}" if chance.random() < 0.1 else word)
    names = iter(words)
    return [_SPECIAL.get(place) or next(names) for place in range(size)]


def _enliven(model: BlipForConditionalGeneration, ends: float, seen: float, rest: float) -> None:
    """Scale fresh weights so that captions depend on the picture and on what was said, as a trained model's do.

    As transformers makes them, the decoder says one word for ever. `seen` is how much of what it sees, and `rest` how
    much of what its other layers say, goes on to the next: the more layers there are, the less it must be.
    """
    for name, weight in model.named_parameters():
        if weight.ndim == 1 and "orm" not in name and "embedding" not in name:
            weight.normal_(0, 0.02)
        elif "crossattention.self" in name:
            weight.mul_(4)
        elif "crossattention.output.dense" in name:
            weight.mul_(seen)
        elif "text_decoder" in name and "output.dense" in name:
            weight.mul_(rest)
        elif "position_embeddings" in name:
            weight.mul_(6)
    model.text_decoder.cls.predictions.decoder.bias[_END] = ends
