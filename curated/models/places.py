"""Where the weights of `full` lie: a path of one's own, our data folder, or the hub's cache. Light: no model library.

    $XDG_DATA_HOME/curated/models/yolov8n.pt
                                  ViT-B-32--laion2b_s34b_b79k.safetensors
                                  Salesforce--blip-image-captioning-base/

The hub's cache ($HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub) is what other programs share with us.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from curated.config import Full
from curated.config.settings import xdg_folder
from curated.errors import ConfigError
from curated.models import clip_tags

CLIP_CONFIG = "open_clip_config.json"
_CLIP_FILES = (
    "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin",
    "model.safetensors", "pytorch_model.bin",
)  # fmt: skip
_CLIP_ENDINGS = (".safetensors", ".bin", ".pt", ".pth")
_BLIP_FILES = ("model.safetensors", "pytorch_model.bin")


def data_folder() -> Path:
    """The folder of weights that are ours alone."""
    return xdg_folder("XDG_DATA_HOME", ".local/share") / "models"


def own_path(text: str) -> Path | None:
    """The absolute path that a configured value is, if it is written as one or there is something of that name."""
    path = Path(text).expanduser()
    written = text.startswith(("/", "~", "./", "../"))
    return path.absolute() if written or path.exists() else None


def detector_file(full: Full) -> Path | None:
    """The detector's checkpoint, or None where it is not on disk."""
    return _file(own_path(full.detector) or data_folder() / full.detector)


def embedder_folder(full: Full) -> Path | None:
    """The folder that `models.full.embedder` names in place of an architecture, as open_clip publishes one."""
    path = own_path(full.embedder)
    return path if path is not None and (path / CLIP_CONFIG).is_file() else None


def embedder_file(full: Full) -> Path | None:
    """The embedder's checkpoint, or None where it is not on disk."""
    if folder := embedder_folder(full):
        return _first(folder / name for name in _CLIP_FILES)
    if path := own_path(full.embedder_weights):
        return _file(path)
    ours = _first(data_folder() / f"{embedder_name(full)}{ending}" for ending in _CLIP_ENDINGS)
    repository = clip_tags.repository(full.embedder, full.embedder_weights)
    owner, _, rest = repository.partition("/")
    name, _, file = rest.partition("/")
    return ours or (_in_hub(f"{owner}/{name}", (file,) if file else _CLIP_FILES) if name else None)


def embedder_name(full: Full) -> str:
    """What the checkpoint of an architecture and a tag is called in our data folder, without its ending."""
    return f"{full.embedder}--{clip_tags.clean(full.embedder_weights)}".replace("/", "-")


def captioner_file(full: Full) -> Path | None:
    """The captioner's weights, or None where they are not on disk; its other files lie beside them."""
    if path := own_path(full.captioner):
        return _first(path / name for name in _BLIP_FILES)
    ours = data_folder() / full.captioner.replace("/", "--")
    return _first(ours / name for name in _BLIP_FILES) or _in_hub(full.captioner, _BLIP_FILES)


def identified(path: Path, name: str, key: str) -> str:
    """The model id: the name and the first 12 letters of the file's sha256.

    Raises ConfigError naming the key where the place of the file says that it should have another sha256.
    """
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    wanted = pinned(path)
    if wanted is not None and wanted != found:
        raise ConfigError(
            f"{key}: {path} is not the file that was published (its sha256 is {found[:12]}…, not {wanted[:12]}…); "
            "fetch it again with `curated models pull`"
        )
    return f"{name}-{found[:12]}"


def pinned(path: Path) -> str | None:
    """The sha256 that a weights file must have, where its place says so, or None.

    The hub's cache calls a file by its hash; our data folder has it in a file beside (`NAME.sha256`).
    """
    blob = path.resolve()
    if blob.parent.name == "blobs" and len(blob.name) == 64:
        return blob.name
    try:
        words = path.with_name(f"{path.name}.sha256").read_text(encoding="ascii").split()
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return words[0].lower() if words else None


def _in_hub(repository: str, names: tuple[str, ...]) -> Path | None:
    folder = _hub() / f"models--{repository.replace('/', '--')}"
    try:
        main = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        main = ""
    snapshots = [folder / "snapshots" / main] if main else sorted(folder.glob("snapshots/*"))
    return _first(snapshot / name for snapshot in snapshots for name in names)


def _hub() -> Path:
    if given := os.environ.get("HF_HUB_CACHE"):
        return Path(given).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "huggingface" / "hub"


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None
