"""Where the weights of `full` are published, which files make them up, and where each goes. Pure; opens no socket.

Nothing but `curated.models.pull` uses these addresses.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from curated.config import Full
from curated.errors import ConfigError
from curated.models import clip_tags, places
from curated.models.checks import CAPTIONER, DETECTOR, EMBEDDER

# Revision, file and sha256 of the models that the configuration names by default.
_PINNED = {
    "laion/CLIP-ViT-B-32-laion2B-s34B-b79K": (
        "1a25a446712ba5ee05982a381eed697ef9b435cf", "open_clip_model.safetensors",
        "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6",
    ),
    "Salesforce/blip-image-captioning-base": (
        "82a37760796d32b1411fe092ab5d4e227313294b", "pytorch_model.bin",
        "d6638651a5526cc2ede56f2b5104d6851b0755816d220e5e046870430180c767",
    ),
}  # fmt: skip
_PINNED_ASSETS = {"yolov8n.pt": "f59b3d833e2ff32e194b5bb8e08d211dc7c5bdf144b90d2c8412c47ccfc83b36"}
_CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors", "pytorch_model.bin")
_BLIP_FILES = ("model.safetensors", "pytorch_model.bin")
# Beside BLIP's weights; a tokenizer comes as one file or as several, so that none of them alone is needed.
_BLIP_NEEDED = ("config.json", "preprocessor_config.json")
_BLIP_PERHAPS = ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json")


class Hubs(msgspec.Struct, frozen=True):
    """The addresses that are asked."""

    releases: str = "https://github.com/ultralytics/assets/releases/download/v8.3.0"
    repositories: str = "https://huggingface.co"


class Source(msgspec.Struct, frozen=True):
    """One file: its address, its place, and the sha256 it must have, if that is known beforehand."""

    url: str
    target: Path
    sha256: str | None = None


class Weights(msgspec.Struct, frozen=True):
    """What is to be fetched for one configuration key.

    Of `choices` the first that is published is the weights file; `needed` and `perhaps` are fetched before it, so that
    where it lies all is there. `page` is where a person finds it.
    """

    key: str
    name: str
    page: str
    choices: tuple[Source, ...]
    needed: tuple[Source, ...] = ()
    perhaps: tuple[Source, ...] = ()


def published(full: Full, hubs: Hubs) -> tuple[Weights, ...]:
    """The three weights as they are published; one that is given by path is left out if it is there.

    Raises ConfigError naming the key for a path at which there is nothing, and for what no hub has.
    """
    found = (_detector(full, hubs), _embedder(full, hubs), _captioner(full, hubs))
    return tuple(each for each in found if each is not None)


def _detector(full: Full, hubs: Hubs) -> Weights | None:
    if _is_own(DETECTOR, full.detector, places.detector_file(full)):
        return None
    url, target = f"{hubs.releases}/{full.detector}", places.data_folder() / full.detector
    return Weights(DETECTOR, full.detector, url, (Source(url, target, _PINNED_ASSETS.get(full.detector)),))


def _embedder(full: Full, hubs: Hubs) -> Weights | None:
    file = places.embedder_file(full)
    if (places.embedder_folder(full) and file) or _is_own(EMBEDDER, full.embedder_weights, file):
        return None
    name = f"{full.embedder} {full.embedder_weights}"
    owner, _, rest = clip_tags.repository(full.embedder, full.embedder_weights).partition("/")
    repository, _, inside = rest.partition("/")
    if not repository:
        raise ConfigError(f"{EMBEDDER}: {name} is on no hub; fetch it by hand and give its path")
    target = places.data_folder() / places.embedder_name(full)
    return Weights(
        EMBEDDER,
        name,
        f"{hubs.repositories}/{owner}/{repository}",
        tuple(
            Source(url, target.with_name(target.name + Path(url).suffix), sha256)
            for url, sha256 in _addresses(hubs, f"{owner}/{repository}", (inside,) if inside else _CLIP_FILES)
        ),
    )


def _captioner(full: Full, hubs: Hubs) -> Weights | None:
    if _is_own(CAPTIONER, full.captioner, places.captioner_file(full)):
        return None
    folder = places.data_folder() / full.captioner.replace("/", "--")
    beside = {
        name: Source(f"{_revision(hubs, full.captioner)}/{name}", folder / name)
        for name in (*_BLIP_NEEDED, *_BLIP_PERHAPS)
    }
    return Weights(
        CAPTIONER,
        full.captioner,
        f"{hubs.repositories}/{full.captioner}",
        tuple(
            Source(url, folder / Path(url).name, sha256)
            for url, sha256 in _addresses(hubs, full.captioner, _BLIP_FILES)
        ),
        needed=tuple(beside[name] for name in _BLIP_NEEDED),
        perhaps=tuple(beside[name] for name in _BLIP_PERHAPS),
    )


def _is_own(key: str, configured: str, file: Path | None) -> bool:
    """Whether the weights are given by path."""
    own = places.own_path(configured)
    if own is not None and file is None:
        raise ConfigError(f"{key}: there is nothing at {own}; give another path, or a published name to fetch")
    return own is not None


def _addresses(hubs: Hubs, repository: str, names: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """(address, sha256) of the files that may be the weights, in the order in which they are tried."""
    if repository in _PINNED:
        _, name, sha256 = _PINNED[repository]
        return [(f"{_revision(hubs, repository)}/{name}", sha256)]
    return [(f"{_revision(hubs, repository)}/{name}", None) for name in names]


def _revision(hubs: Hubs, repository: str) -> str:
    revision = _PINNED[repository][0] if repository in _PINNED else "main"
    return f"{hubs.repositories}/{repository}/resolve/{revision}"
