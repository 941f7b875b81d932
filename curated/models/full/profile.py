"""The `full` profile: detector, embedder, zero-shot kinds and categories, captioner and text as one step."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from curated.config import Models
from curated.domain import KINDS, Box, Findings, Kind
from curated.errors import WeightsMissing
from curated.models import places
from curated.models.base import TextReader
from curated.models.checks import DETECTOR
from curated.models.device import choose_device
from curated.models.full.captioner import BlipCaptioner, open_captioner
from curated.models.full.detector import FLOOR, YoloDetector, open_detector
from curated.models.full.embedder import OpenClipEmbedder, open_embedder
from curated.models.full.pixels import Sent, Uploads, upload
from curated.models.full.prompts import Ensembles, ZeroShot, kind_ensembles, open_zero_shot, prompts_id
from curated.pictures.decoded import Decoded

log = logging.getLogger(__name__)

_PEOPLE_KINDS: frozenset[Kind] = frozenset(("photo", "meme"))


class FullModels:
    """A ModelSet of YOLOv8, OpenCLIP and BLIP."""

    profile = "full"

    def __init__(
        self,
        device: str,
        detector: YoloDetector,
        embedder: OpenClipEmbedder,
        zero_shot: ZeroShot,
        captioner: BlipCaptioner,
        reader: TextReader,
        *,
        judges: Mapping[str, str],
        person_confidence: float,
        clear_photo: float,
    ) -> None:
        """`judges` maps "kind", and "category" where there are any with prompts, to the id of what judges them."""
        self.device = device
        self.models: Mapping[str, str] = {
            "detector": detector.model_id,
            "embedder": embedder.model_id,
            **judges,
            "captioner": captioner.model_id,
            "text": reader.model_id,
        }
        self._detector = detector
        self._embedder = embedder
        self._zero_shot = zero_shot
        self._captioner = captioner
        self._reader = reader
        self._person_confidence = person_confidence
        self._clear_photo = clear_photo
        self._uploads = Uploads(device) if device != "cpu" else None
        # Text is read on the CPU: beside the captions where those are written on a GPU, after them where they are not.
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="text") if device != "cpu" else None

    def send_ahead(self, decoded: Decoded) -> Decoded:
        """The picture on its way to the GPU; the same on a CPU, which has no memory of its own."""
        if self._uploads is None:
            return decoded
        try:
            return replace(decoded, sent=self._uploads.send(decoded.rgb))
        except RuntimeError as error:  # no room: `judge` sends it, and is split if there is none then either
            log.warning("a picture could not be sent ahead: %s", str(error).split("\n", 1)[0])
            return decoded

    def judge(self, batch: Sequence[Decoded]) -> list[Findings]:
        """Findings in the batch's order."""
        uploaded = self._uploaded(batch)
        embeddings = self._embedder.embed_uploaded(uploaded)
        kinds = self._zero_shot.kind_scores(embeddings)
        categories = self._zero_shot.category_scores(embeddings)
        wordy = [number for number, scores in enumerate(kinds) if scores["photo"] < self._clear_photo]
        pages = [batch[number].rgb for number in wordy]
        reading = self._beside.submit(self._reader.read, pages) if self._beside else None
        boxes = self._people(uploaded, kinds)
        captions = self._captioner.caption_uploaded(uploaded)
        read = reading.result() if reading else self._reader.read(pages)
        texts = dict(zip(wordy, read, strict=True))
        return [
            self._findings(
                decoded, kinds[number], categories[number], boxes.get(number), captions[number], texts.get(number, ""),
                embeddings[number].astype(np.float16).tobytes(),
            )
            for number, decoded in enumerate(batch)
        ]  # fmt: skip

    def _uploaded(self, batch: Sequence[Decoded]) -> list[torch.Tensor]:
        """The pictures on the device, uint8 (height, width, 3)."""
        if self._uploads is None:
            return upload([decoded.rgb for decoded in batch], self.device)
        sent = [each.sent if isinstance(each.sent, Sent) else self._uploads.send(each.rgb) for each in batch]
        return [self._uploads.take(each) for each in sent]

    def _people(
        self, uploaded: Sequence[torch.Tensor], kinds: Sequence[Mapping[str, float]]
    ) -> dict[int, tuple[Box, ...]]:
        """The boxes of the pictures on which people are counted, by the picture's number."""
        counted = [number for number, scores in enumerate(kinds) if _kind(scores) in _PEOPLE_KINDS]
        return dict(zip(counted, self._detector.detect_uploaded([uploaded[number] for number in counted]), strict=True))

    def _findings(
        self,
        decoded: Decoded,
        kinds: Mapping[str, float],
        categories: Mapping[str, float],
        boxes: tuple[Box, ...] | None,
        caption: str,
        text: str,
        embedding: bytes,
    ) -> Findings:
        people, certainty = (None, None) if boxes is None else count_people(boxes, self._person_confidence)
        return Findings(
            sha256=decoded.picture.sha256,
            profile=self.profile,
            models=self.models,
            kind_scores=kinds,
            people=people,
            people_score=certainty,
            boxes=boxes or (),
            labels=(),
            caption=caption,
            text=text,
            embedding=embedding,
            category_scores=categories,
        )


def count_people(boxes: Sequence[Box], confidence: float) -> tuple[int, float]:
    """(people, certainty): the boxes from the confidence up, and how firmly that count stands.

    The certainty is 0.5 where a box lies at the threshold itself, and grows to 1 with the distance of the nearest.
    """
    margins = [
        (box.score - confidence) / max(1 - confidence, 1e-9)
        if box.score >= confidence
        else (confidence - box.score) / confidence
        for box in boxes
    ]
    return sum(box.score >= confidence for box in boxes), 0.5 + 0.5 * min(margins, default=1.0)


def open_full(models: Models, cache: Path, categories: Ensembles | None = None) -> FullModels:
    """The profile on the configured device; `categories` maps the user's categories to their prompts.

    Raises ConfigError naming the key, or WeightsMissing, each with the mend.
    """
    # Imported here: it brings ONNX Runtime, of which nothing else in this profile has need.
    from curated.models.lite.reading import RapidReader

    device, full = choose_device(models.device), models.full
    path = places.detector_file(full)
    if path is None:
        raise WeightsMissing(
            f"{DETECTOR}: {full.detector} is not on disk; fetch it with `curated models pull`, or give a path"
        )
    detector = open_detector(path, device, full.nms_iou, min(FLOOR, full.person_confidence))
    embedder = open_embedder(full, device)
    described = {name: prompts for name, prompts in (categories or {}).items() if prompts}
    zero_shot = open_zero_shot(
        embedder.embed_text, embedder.model_id, embedder.logit_scale, full.prompts, described, cache
    )
    embedder.forget_text()
    judges = {"kind": prompts_id(embedder.model_id, kind_ensembles(full.prompts))}
    if described:
        judges["category"] = prompts_id(embedder.model_id, {**described, "": full.prompts.other})
    return FullModels(
        device,
        detector,
        embedder,
        zero_shot,
        open_captioner(full, device),
        RapidReader(max(1, len(os.sched_getaffinity(0)))),
        judges=judges,
        person_confidence=full.person_confidence,
        clear_photo=full.clear_photo,
    )


def _kind(scores: Mapping[str, float]) -> Kind:
    return max(KINDS, key=lambda kind: scores[kind])
