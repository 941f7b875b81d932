"""Text in pictures, by RapidOCR (PP-OCRv6, whose weights lie in its wheel)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from curated.pictures.decoded import RGB

MODEL_ID = "rapidocr-3.10.0-ppocrv6"
# At 736 the text was the same as at full size, three times faster (measured on the labelled pictures).
_DETECTION_SIDE = 736
_LINE_CONFIDENCE = 0.6


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text: confidence and place, as fractions of the picture."""

    text: str
    score: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


class RapidReader:
    """A TextReader that also gives each line's place and size."""

    model_id = MODEL_ID

    def __init__(self, threads: int) -> None:
        from rapidocr import RapidOCR

        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._engine = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,
                "Det.limit_type": "max",
                "Det.limit_side_len": _DETECTION_SIDE,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def read(self, images: Sequence[RGB]) -> list[str]:
        """The text of each picture, a line a line, in reading order."""
        return ["\n".join(line.text for line in self.lines(image)) for image in images]

    def lines(self, image: RGB) -> tuple[Line, ...]:
        """The lines of one picture from the confidence 0.6 up, rows from the top, each from the left."""
        answer = self._engine(np.ascontiguousarray(image[:, :, ::-1]))
        if answer.txts is None or answer.boxes is None or answer.scores is None:
            return ()
        height, width = image.shape[:2]
        found = [
            Line(
                text=" ".join(str(text).split()),
                score=float(score),
                left=float(box[:, 0].min()) / width,
                top=float(box[:, 1].min()) / height,
                right=float(box[:, 0].max()) / width,
                bottom=float(box[:, 1].max()) / height,
            )
            for text, score, box in zip(answer.txts, answer.scores, answer.boxes, strict=True)
            if score >= _LINE_CONFIDENCE and str(text).strip()
        ]
        return in_reading_order(found)


def in_reading_order(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Lines grouped into rows by their middles, rows from the top, each row from the left."""
    if not lines:
        return ()
    tolerance = median(line.height for line in lines) * 0.5
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda each: each.top + each.bottom):
        middle = (line.top + line.bottom) / 2
        if rows and middle - (rows[-1][0].top + rows[-1][0].bottom) / 2 <= tolerance:
            rows[-1].append(line)
        else:
            rows.append([line])
    return tuple(line for row in rows for line in sorted(row, key=lambda each: each.left))
