"""Zero-shot: kinds and categories by how well sentences describe the picture (Radford et al. 2021).

Each kind and category is one direction: the mean of its sentences' embeddings. The probabilities are the softmax of the
similarities, scaled as the model was trained.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from curated.config import Prompts
from curated.domain import KINDS
from curated.models.base import Vectors

_FORMAT = "1"

EmbedText = Callable[[Sequence[str]], Vectors]
Ensembles = Mapping[str, Sequence[str]]


class ZeroShot:
    """Embeddings in, probabilities of each kind and each category out."""

    def __init__(self, kinds: Vectors, categories: Mapping[str, Vectors], other: Vectors, logit_scale: float) -> None:
        self._kinds = kinds
        self._names = tuple(categories)
        self._categories = np.stack([*categories.values(), other])
        self._logit_scale = logit_scale

    def kind_scores(self, embeddings: Vectors) -> list[dict[str, float]]:
        """For each picture the probability of every kind, summing to 1."""
        return [dict(zip(KINDS, row, strict=True)) for row in self._chances(embeddings, self._kinds)]

    def category_scores(self, embeddings: Vectors) -> list[dict[str, float]]:
        """For each picture the probability of every category with prompts; what is missing to 1 is none of them."""
        return [dict(zip(self._names, row[:-1], strict=True)) for row in self._chances(embeddings, self._categories)]

    def _chances(self, embeddings: Vectors, directions: Vectors) -> list[list[float]]:
        logits = self._logit_scale * (embeddings @ directions.T).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        rows: list[list[float]] = (powers / powers.sum(axis=1, keepdims=True)).round(4).tolist()
        return rows


def open_zero_shot(
    embed_text: EmbedText, model_id: str, logit_scale: float, prompts: Prompts, categories: Ensembles, cache: Path
) -> ZeroShot:
    """The classifier of the configured prompts; their embeddings come from the cache where it has them."""

    def of(texts: Sequence[str]) -> Vectors:
        return direction(embed_text, model_id, texts, cache)

    kinds = np.stack([of(getattr(prompts, kind)) for kind in KINDS])
    by_name = {name: of(texts) for name, texts in categories.items() if texts}
    return ZeroShot(kinds, by_name, of(prompts.other), logit_scale)


def direction(embed_text: EmbedText, model_id: str, texts: Sequence[str], cache: Path) -> Vectors:
    """The unit mean of the sentences' embeddings, computed once for each model and list of sentences."""
    key = json.dumps([_FORMAT, model_id, list(texts)], ensure_ascii=True)
    path = cache / "models" / f"prompts-{_digest(key)}.npy"
    try:
        kept = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        kept = None
    if isinstance(kept, np.ndarray) and kept.ndim == 1 and kept.dtype == np.float32 and np.isfinite(kept).all():
        return kept
    mean = embed_text(texts).mean(axis=0)
    made: Vectors = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        with temporary.open("wb") as stream:
            np.save(stream, made, allow_pickle=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return made


def prompts_id(model_id: str, ensembles: Ensembles) -> str:
    """The id of what judges by these prompts: it changes with the model and with every word."""
    return f"{model_id}+prompts-{_digest(json.dumps({name: list(texts) for name, texts in ensembles.items()}))[:12]}"


def kind_ensembles(prompts: Prompts) -> Ensembles:
    """The sentences of each kind."""
    return {kind: getattr(prompts, kind) for kind in KINDS}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
