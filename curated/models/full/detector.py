"""People by an ultralytics checkpoint: our own letterbox and NMS, in batches, equal to `YOLO.predict`.

The file runs no code: it is read with `weights_only` and the model classes that ultralytics allows.
"""

from __future__ import annotations

import math
import pickle
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch.nn.functional import interpolate
from torchvision.ops import batched_nms

from curated.domain import Box
from curated.errors import ConfigError
from curated.models.checks import DETECTOR, MEND
from curated.models.formats import what_is_wrong
from curated.models.full.pixels import precision, upload
from curated.models.offline import import_ultralytics
from curated.models.places import identified
from curated.pictures.decoded import RGB

PERSON = "person"
# Boxes below are not kept, unless people count from lower still.
FLOOR = 0.25
_MOST = 300
_GREY = 114
_UNREADABLE = (
    TypeError, RuntimeError, EOFError, ImportError, AttributeError, KeyError, ValueError, IndexError, StopIteration,
    OSError, pickle.UnpicklingError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """How a picture lies in the network's input, in pixels: its own size there, the input's, and where it begins."""

    inner: tuple[int, int]  # height, width
    outer: tuple[int, int]
    top: int
    left: int


def frame(height: int, width: int, side: int, stride: int) -> Frame:
    """The smallest rectangle of whole strides around the picture scaled to `side`, as ultralytics pads it."""
    gain = min(side / height, side / width)
    inner = (max(round(height * gain), 1), max(round(width * gain), 1))
    spare_h, spare_w = ((side - length) % stride for length in inner)
    return Frame(inner, (inner[0] + spare_h, inner[1] + spare_w), round(spare_h / 2 - 0.1), round(spare_w / 2 - 0.1))


class YoloDetector:
    """A Detector of the class named "person"."""

    def __init__(
        self, network: Any, people: Sequence[int], model_id: str, device: str, nms_iou: float, floor: float
    ) -> None:
        self.floor = floor
        self.model_id = model_id
        self.device = device
        self._dtype = precision(device)
        self._stride = int(max(network.stride))
        self._side = math.ceil(_side(network) / self._stride) * self._stride
        self._classes = len(network.names)
        self._whole = bool(getattr(network, "end2end", False))
        self._nms_iou = nms_iou
        self._network = network.to(device=device, dtype=self._dtype, memory_format=torch.channels_last)
        self._people = torch.tensor(sorted(people), device=device)

    def detect(self, images: Sequence[RGB]) -> list[tuple[Box, ...]]:
        """People from the score `floor` up, as fractions of each picture, best first, at most 300."""
        return self.detect_uploaded(upload(images, self.device))

    def detect_uploaded(self, pictures: Sequence[torch.Tensor]) -> list[tuple[Box, ...]]:
        """The same for pictures (height, width, 3), uint8, that are on the device already."""
        frames = [frame(picture.shape[0], picture.shape[1], self._side, self._stride) for picture in pictures]
        groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for number, each in enumerate(frames):
            groups[each.outer].append(number)
        found: dict[int, tuple[Box, ...]] = {}
        for outer, numbers in groups.items():
            with torch.inference_mode():
                batch = torch.full((len(numbers), *outer, 3), _GREY, dtype=torch.uint8, device=self.device)
                for place, number in enumerate(numbers):
                    _lay(pictures[number], frames[number], batch[place])
                # (n, height, width, 3) seen as (n, 3, height, width) is channels-last already.
                rows = self._rows(batch.permute(0, 3, 1, 2).to(self._dtype).div_(255))
            for place, number in enumerate(numbers):
                found[number] = _boxes(rows[rows[:, 0] == place].tolist(), frames[number])
        return [found[number] for number in range(len(pictures))]

    def _rows(self, pixels: torch.Tensor) -> torch.Tensor:
        """What is kept of a batch, best first: rows of place in the batch, left, top, right, bottom, score."""
        output = self._network(pixels)
        while isinstance(output, list | tuple):  # beside what is needed for training, or for masks
            output = output[0]
        output = output.float()
        if self._whole:  # (n, boxes, 6): corners, score, class, each object once
            corners, scores, classes = output[..., :4], output[..., 4], output[..., 5].long()
        else:  # (n, 4 + classes + more, anchors): centre and size, a score for each class
            output = output.transpose(1, 2)
            scores, classes = output[..., 4 : 4 + self._classes].max(dim=2)
            middle, half = output[..., :2], output[..., 2:4] / 2
            corners = torch.cat((middle - half, middle + half), dim=2)
        place, anchor = torch.nonzero((scores > self.floor) & torch.isin(classes, self._people), as_tuple=True)
        corners, scores = corners[place, anchor], scores[place, anchor]
        kept = scores.argsort(descending=True) if self._whole else batched_nms(corners, scores, place, self._nms_iou)
        # One transfer for the whole batch.
        return torch.cat((place[kept, None], corners[kept], scores[kept, None]), dim=1).cpu()


def open_detector(path: Path, device: str, nms_iou: float, floor: float = FLOOR) -> YoloDetector:
    """The detector of an ultralytics checkpoint, on the device.

    Raises ConfigError naming `models.full.detector` for a file that is damaged, of another format or task, carries
    code, or knows no class "person".
    """
    network = _load(path)
    names: Mapping[int, str] | Sequence[str] = network.names
    numbered = dict(names) if isinstance(names, Mapping) else dict(enumerate(names))
    people = [int(number) for number, name in numbered.items() if str(name).strip().casefold() == PERSON]
    if not people:
        some = ", ".join(str(name) for name in list(numbered.values())[:5])
        raise ConfigError(
            f'{DETECTOR}: {path} has no class named "{PERSON}" (it knows {some}); choose one that counts people'
        )
    return YoloDetector(network, people, identified(path, path.stem, DETECTOR), device, nms_iou, floor)


def _load(path: Path) -> Any:
    import_ultralytics()
    from ultralytics.nn.modules.head import OBB, Detect
    from ultralytics.nn.tasks import torch_safe_load

    if wrong := what_is_wrong(path):
        raise ConfigError(f"{DETECTOR}: {path} {wrong}; {MEND}")
    try:
        # Through a link of a plain name: ultralytics renames some files and would go and look for others.
        with tempfile.TemporaryDirectory(prefix="curated-") as folder:
            link = Path(folder) / "detector.pt"
            link.symlink_to(path.absolute())
            checkpoint, _ = torch_safe_load(link, safe_only=True)
        network = checkpoint.get("ema") or checkpoint["model"]
        head = network.model[-1]
        channels = next(network.parameters()).shape[1]
    except _UNREADABLE as error:
        raise ConfigError(f"{DETECTOR}: {path} {_in_words(error)}") from error
    if not isinstance(head, Detect) or isinstance(head, OBB) or channels != 3:
        raise ConfigError(
            f"{DETECTOR}: {path} is a checkpoint for another task ({getattr(network, 'task', type(head).__name__)}); "
            "choose one for detection"
        )
    network = network.float().fuse(verbose=False).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network


def _in_words(error: Exception) -> str:
    if "outside the supported" in str(error) or isinstance(error, ImportError | pickle.UnpicklingError):
        return "holds more than the weights of an ultralytics model and is not opened; get it from its maker again"
    return f"is no ultralytics checkpoint that can be read; {MEND}"


def _side(network: Any) -> int:
    """The picture size that the checkpoint was trained on, which `YOLO.predict` takes too."""
    arguments = getattr(network, "args", None)
    side = arguments.get("imgsz", 640) if isinstance(arguments, Mapping) else getattr(arguments, "imgsz", 640)
    return max(side) if isinstance(side, list | tuple) else int(side or 640)


def _lay(picture: torch.Tensor, where: Frame, canvas: torch.Tensor) -> None:
    """Put the picture, scaled, into its place on the grey canvas (height, width, 3)."""
    height, width = where.inner
    if picture.shape[:2] != where.inner:
        if picture.device.type == "cpu":  # the very function that ultralytics calls, and the fastest there
            scaled = cv2.resize(picture.numpy(), (width, height), interpolation=cv2.INTER_LINEAR)
            picture = torch.from_numpy(scaled)
        else:
            planes = picture.permute(2, 0, 1)[None].float()
            planes = interpolate(planes, size=where.inner, mode="bilinear", align_corners=False)
            picture = planes[0].round_().permute(1, 2, 0)
    canvas[where.top : where.top + height, where.left : where.left + width] = picture


def _boxes(rows: Sequence[Sequence[float]], where: Frame) -> tuple[Box, ...]:
    height, width = where.inner

    def fraction(value: float, begin: int, length: int) -> float:
        return min(max((value - begin) / length, 0.0), 1.0)

    return tuple(
        Box(
            fraction(left, where.left, width),
            fraction(top, where.top, height),
            fraction(right, where.left, width),
            fraction(bottom, where.top, height),
            round(score, 4),
            PERSON,
        )
        for _, left, top, right, bottom, score in rows[:_MOST]
    )
