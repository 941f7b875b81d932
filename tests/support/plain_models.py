"""A ModelSet without weights for tests of the daemon: every picture is a photo, named by its colour."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from curated.config import Models
from curated.domain import KINDS, Categories, Findings
from curated.pictures.decoded import Decoded

FACTORY = f"{__name__}:open_plain"
SLOW_FACTORY = f"{__name__}:open_slow"
# A picture of exactly this colour kills the process that looks at it.
POISON = (13, 13, 13)


class PlainModels:
    profile = "plain"
    device = "cpu"
    models: Mapping[str, str] = {"embedder": "plain-1"}

    def send_ahead(self, decoded: Decoded) -> Decoded:
        return decoded

    def judge(self, batch: Sequence[Decoded]) -> list[Findings]:
        return [self._findings(decoded) for decoded in batch]

    def _findings(self, decoded: Decoded) -> Findings:
        colour = decoded.rgb.reshape(-1, 3).mean(axis=0)
        if tuple(np.round(colour).astype(int)) == POISON:
            os.kill(os.getpid(), signal.SIGSEGV)
        return Findings(
            sha256=decoded.picture.sha256,
            profile=self.profile,
            models=self.models,
            kind_scores={kind: 0.96 if kind == "photo" else 0.01 for kind in KINDS},
            people=0,
            people_score=1.0,
            boxes=(),
            labels=(),
            caption=f"a photo of {('red', 'green', 'blue')[int(colour.argmax())]} things",
            text="",
            embedding=b"\0\0" * 4,
        )


def open_plain(models: Models, cache: Path, categories: Categories) -> PlainModels:
    return PlainModels()


class SlowModels(PlainModels):
    """The same, a batch taking so long that one can be interrupted."""

    def judge(self, batch: Sequence[Decoded]) -> list[Findings]:
        time.sleep(0.3)
        return super().judge(batch)


def open_slow(models: Models, cache: Path, categories: Categories) -> SlowModels:
    return SlowModels()
