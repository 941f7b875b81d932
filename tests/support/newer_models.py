"""Models that came later than those of `readings`: what they say follows from the colour of a picture of one colour.

Mostly red is a photo of a fox, green a meme of a frog, blue something unsure, grey (all alike) a photo without words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from curated.config import Full, Models
from curated.domain import KINDS, Categories, Findings, Kind
from curated.errors import WeightsMissing
from curated.pictures.decoded import Decoded

FACTORY = f"{__name__}:open_newer"
MODELS: Mapping[str, str] = {"embedder": "newer-1", "kind": "newer-kind-1"}
DIMENSIONS = 8


def embedding(colour: Sequence[float]) -> bytes:
    """A unit vector near those of like colours."""
    vector = np.concatenate([np.asarray(colour, np.float32) / 255, np.full(DIMENSIONS - 3, 0.1, np.float32)])
    return (vector / np.linalg.norm(vector)).astype(np.float16).tobytes()


class NewerModels:
    profile = "newer"
    device = "cpu"
    models = MODELS

    def send_ahead(self, decoded: Decoded) -> Decoded:
        return decoded

    def judge(self, batch: Sequence[Decoded]) -> list[Findings]:
        return [self._findings(decoded) for decoded in batch]

    def _findings(self, decoded: Decoded) -> Findings:
        colour = decoded.rgb.reshape(-1, 3).mean(axis=0).round()
        kind: Kind = "photo"
        caption, sure = "", 0.96
        if len(set(colour)) > 1:
            kind, caption, sure = (
                ("photo", "a red fox", 0.96), ("meme", "a green frog", 0.96), ("photo", "a blue bird", 0.4)
            )[int(colour.argmax())]  # fmt: skip
        return Findings(
            sha256=decoded.picture.sha256,
            profile=self.profile,
            models=self.models,
            kind_scores={each: sure if each == kind else (1 - sure) / 4 for each in KINDS},
            people=0,
            people_score=1.0,
            boxes=(),
            labels=(),
            caption=caption,
            text="",
            embedding=embedding(colour),
        )


def open_newer(models: Models, cache: Path, categories: Categories) -> NewerModels:
    return NewerModels()


class NewerTexts:
    """Reads a sentence as the colour it names."""

    model_id = MODELS["embedder"]

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        colours = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
        named = [next((colour for word, colour in colours.items() if word in text), (0, 0, 0)) for text in texts]
        print("libraries print what they like")
        return np.stack([np.frombuffer(embedding(colour), np.float16).astype(np.float32) for colour in named])


def open_texts(full: Full, device: str) -> NewerTexts:
    assert device == "cpu"
    return NewerTexts()


def open_other_texts(full: Full, device: str) -> NewerTexts:
    made = NewerTexts()
    made.model_id = "unheard-of-1"
    return made


def open_no_texts(full: Full, device: str) -> NewerTexts:
    raise WeightsMissing("models.full.embedder_weights: not on disk")
