"""The `lite` profile: detector, embedder, kind, text and caption as one step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from curated.config import Lite, Models
from curated.domain import KINDS, Box, Findings, Kind
from curated.models.base import Vectors
from curated.models.device import choose_device
from curated.models.lite import backbone, people, reading
from curated.models.lite.backbone import EfficientNetLite0, open_backbone
from curated.models.lite.caption import compose
from curated.models.lite.evidence import gather
from curated.models.lite.kind import KindHead
from curated.models.lite.labels import animal_chances, best_labels, likelihoods
from curated.models.lite.people import PeopleDetector, count_people
from curated.models.lite.reading import Line, RapidReader
from curated.pictures.decoded import Decoded

# A picture that is a photo this surely is not searched for text: reading costs more than all the rest.
_CLEAR_PHOTO = 0.9
# A face this high, as a share of the picture, makes it a portrait.
_CLOSE = 0.25
_PEOPLE_KINDS: frozenset[Kind] = frozenset(("photo", "meme"))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the networks say of one picture, before its text is read."""

    boxes: tuple[Box, ...]
    kinds: Mapping[str, float]
    labels: tuple[tuple[str, float], ...]
    animal: float
    embedding: Vectors


class LiteModels:
    """A ModelSet of packaged weights."""

    profile = "lite"

    def __init__(
        self,
        settings: Lite,
        device: str,
        detector: PeopleDetector,
        embedder: EfficientNetLite0,
        kinds: KindHead,
        reader: RapidReader,
    ) -> None:
        self.device = device
        self.models: Mapping[str, str] = {
            "detector": people.MODEL_ID,
            "embedder": backbone.MODEL_ID,
            "kind": kinds.model_id,
            "captioner": "composed-1",
            "text": reading.MODEL_ID,
        }
        self._settings = settings
        self._detector = detector
        self._embedder = embedder
        self._kinds = kinds
        self._reader = reader

    def send_ahead(self, decoded: Decoded) -> Decoded:
        """The same: ONNX Runtime takes a batch to the device by itself."""
        return decoded

    def judge(self, batch: Sequence[Decoded]) -> list[Findings]:
        """Findings in the batch's order."""
        images = [decoded.rgb for decoded in batch]
        boxes = self._detector.detect(images)
        evidence = gather(self._embedder, batch, boxes)
        scores = self._kinds.scores(evidence.blocks)
        chances = likelihoods(evidence.logits)
        seen = [
            _Seen(*each)
            for each in zip(
                boxes, scores, best_labels(chances), animal_chances(chances), evidence.embedding, strict=True
            )
        ]
        return [self._findings(*pair) for pair in zip(batch, seen, strict=True)]

    def _findings(self, decoded: Decoded, seen: _Seen) -> Findings:
        lines: tuple[Line, ...] = ()
        if seen.kinds["photo"] < _CLEAR_PHOTO:
            lines = self._reader.lines(decoded.rgb)
        kind = max(KINDS, key=lambda each: seen.kinds[each])
        number: int | None = None
        certainty: float | None = None
        if kind in _PEOPLE_KINDS:
            settings = self._settings
            number, certainty = count_people(
                seen.boxes, settings.person_confidence, settings.face_confidence, seen.animal
            )
        return Findings(
            sha256=decoded.picture.sha256,
            profile=self.profile,
            models=self.models,
            kind_scores={each: round(score, 4) for each, score in seen.kinds.items()},
            people=number,
            people_score=certainty,
            boxes=seen.boxes,
            labels=seen.labels,
            caption=compose(
                kind, lines, seen.labels, number, decoded.picture.taken_at, self._settings.label_confidence
            ),
            text="\n".join(line.text for line in lines),
            embedding=seen.embedding.astype(np.float16).tobytes(),
        )


def open_lite(models: Models, cache: Path) -> LiteModels:
    """The profile on the configured device; weights are converted into `cache` on first use.

    Raises ConfigError for a GPU that is not there, WeightsMissing for a package that is not installed.
    """
    device = choose_device(models.device)
    threads = max(1, len(os.sched_getaffinity(0)))
    cv2.setNumThreads(1)
    return LiteModels(
        models.lite,
        device,
        PeopleDetector(cache, threads),
        open_backbone(cache, device, threads),
        KindHead.load(),
        RapidReader(threads),
    )
