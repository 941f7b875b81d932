"""What a model must do. The worker knows only these protocols; `lite` and `full` fulfil them.

RGB pictures are as `pictures.decoded.Decoded` describes them. Every method takes a batch and answers in its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from curated.domain import Box, Findings
from curated.pictures.decoded import RGB, Decoded

Vectors = npt.NDArray[np.float32]


class Detector(Protocol):
    """Finds people."""

    @property
    def model_id(self) -> str: ...

    def detect(self, images: Sequence[RGB]) -> list[tuple[Box, ...]]:
        """Boxes of persons as fractions of the picture, best first."""
        ...


class Embedder(Protocol):
    """Turns a picture into a point; near points look alike."""

    @property
    def model_id(self) -> str: ...

    def embed(self, images: Sequence[RGB]) -> Vectors:
        """Unit vectors, shape (len(images), dimensions)."""
        ...


class TextReader(Protocol):
    """Reads the text in a picture."""

    @property
    def model_id(self) -> str: ...

    def read(self, images: Sequence[RGB]) -> list[str]:
        """The text of each picture, lines in reading order, "" where there is none."""
        ...


class Captioner(Protocol):
    """Writes a sentence about a picture."""

    @property
    def model_id(self) -> str: ...

    def caption(self, images: Sequence[RGB]) -> list[str]:
        """One caption for each picture."""
        ...


class ModelSet(Protocol):
    """A loaded profile: all its models as one step of the worker."""

    @property
    def profile(self) -> str: ...

    @property
    def device(self) -> str:
        """ "cpu" or "cuda:0", as torch writes it."""
        ...

    @property
    def models(self) -> Mapping[str, str]:
        """Role ("detector", "embedder", "kind", "captioner", "text") to model id."""
        ...

    def send_ahead(self, decoded: Decoded) -> Decoded:
        """The picture, on its way to the device if that has memory of its own; called by the threads that decode."""
        ...

    def judge(self, batch: Sequence[Decoded]) -> list[Findings]:
        """Findings in the batch's order. Raises whatever the runtime raises; the worker splits the batch."""
        ...
