"""Pictures and sentences get the vectors that open_clip gives them, in any batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from curated.config import Full
from curated.errors import EXIT_CONFIG, ConfigError, CuratedError, WeightsMissing
from curated.models.full.embedder import OpenClipEmbedder, open_embedder
from tests.models.full.test_detector import Payload
from tests.support import pictures
from tests.support.checkpoints import CLIP_WEIGHTS, TINY_CLIP, tiny_clip
from tests.support.pictures import scene
from tests.support.varied import files, varied

SENTENCES = ("a photo of a cat", "a screenshot", "", "a " * 200, "ein Bild, 図")


@pytest.fixture(scope="module")
def embedder(clip_folder: Path) -> OpenClipEmbedder:
    return opened(clip_folder)


def opened(folder: Path) -> OpenClipEmbedder:
    return open_embedder(Full(embedder=str(folder)), "cpu")


class Reference:
    """One picture at a time, by the functions that open_clip's own readme shows."""

    def __init__(self, folder: Path) -> None:
        import open_clip

        name = f"local-dir:{folder}"
        self.model, self.preprocess = open_clip.create_model_from_pretrained(name)
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(name)

    def image(self, image: Image.Image) -> np.ndarray:
        import torch

        with torch.no_grad():
            return self.model.encode_image(self.preprocess(image)[None], normalize=True)[0].numpy()

    def text(self, text: str) -> np.ndarray:
        import torch

        with torch.no_grad():
            return self.model.encode_text(self.tokenizer([text]), normalize=True)[0].numpy()


def test_embeddings_are_those_of_open_clip(embedder: OpenClipEmbedder, clip_folder: Path) -> None:
    reference = Reference(clip_folder)
    ours = embedder.embed(varied())
    theirs = np.stack([reference.image(Image.fromarray(image)) for image in varied()])
    assert ours.dtype == np.float32
    assert np.linalg.norm(ours, axis=1) == pytest.approx(1, abs=1e-5)
    assert (ours * theirs).sum(axis=1).min() >= 0.999
    assert np.median(ours @ ours.T) < 0.99  # else equality would say nothing


@pytest.mark.parametrize(
    "preprocess",
    [
        {"resize_mode": "squash"},
        {"resize_mode": "longest", "fill_color": 127},
        {"interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.25, 0.5]},
    ],
    ids=lambda preprocess: next(iter(preprocess.values())),
)
def test_every_way_of_preprocessing_is_open_clips(preprocess: dict[str, Any], tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path, **preprocess)
    embedder, reference = opened(folder), Reference(folder)
    for image, ours in zip(varied()[::3], embedder.embed(varied()[::3]), strict=True):
        assert ours @ reference.image(Image.fromarray(image)) >= 0.999


def test_the_reduced_decode_gives_nearly_the_same(
    embedder: OpenClipEmbedder, clip_folder: Path, tmp_path: Path
) -> None:
    reference = Reference(clip_folder)
    paths = [path for path in files(348) if path.suffix.lower() in (".jpg", ".jpeg") and path.stat().st_size > 1e6][:4]
    for number, (width, height) in enumerate(((4000, 3000), (2400, 3600))):
        paths.append(pictures.write(tmp_path / f"{number}.jpg", pictures.encoded(scene(width, height), "JPEG")))
    reduced = 0
    for path in paths:
        with Image.open(path) as image:
            whole = ImageOps.exif_transpose(image).convert("RGB")
        decoded = pictures.read(path)
        reduced += decoded.original_scale < 1
        (ours,) = embedder.embed([decoded.rgb])
        assert ours @ reference.image(whole) >= 0.99
    assert reduced >= 2


def test_a_batch_of_one_is_a_batch_of_thirty_two(embedder: OpenClipEmbedder) -> None:
    images = varied()[:32]
    together = embedder.embed(images)
    for image, vector in zip(images, together, strict=True):
        (alone,) = embedder.embed([image])
        assert alone @ vector >= 0.99999


def test_a_strip_is_embedded_by_its_middle(embedder: OpenClipEmbedder, clip_folder: Path) -> None:
    reference = Reference(clip_folder)
    for width, height in ((1280, 1), (1, 1280), (1280, 30), (3, 1280)):
        image = pictures.scene(width, height, 7)
        (ours,) = embedder.embed([np.asarray(image)])
        assert ours @ reference.image(image) >= 0.99


def test_sentences_are_those_of_open_clip(embedder: OpenClipEmbedder, clip_folder: Path) -> None:
    reference = Reference(clip_folder)
    for ours, text in zip(embedder.embed_text(SENTENCES), SENTENCES, strict=True):
        assert ours @ reference.text(text) >= 0.9999


def test_nothing_gives_nothing(embedder: OpenClipEmbedder) -> None:
    assert embedder.embed([]).shape == (0, 64)
    assert embedder.embed_text([]).shape == (0, 64)


def test_pictures_are_embedded_after_the_text_is_forgotten(clip_folder: Path) -> None:
    embedder = opened(clip_folder)
    before = embedder.embed(varied()[:2])
    weights = sum(parameter.numel() for parameter in embedder._model.parameters())
    embedder.forget_text()
    assert np.array_equal(embedder.embed(varied()[:2]), before)
    assert sum(parameter.numel() for parameter in embedder._model.parameters()) < weights / 10


@pytest.fixture
def known_tiny(tmp_path: Path) -> str:
    """The name of a small architecture that open_clip knows from now on."""
    import json

    import open_clip

    plan = tmp_path / "Tiny-16.json"
    plan.write_text(json.dumps(TINY_CLIP))
    open_clip.add_model_config(plan)
    return "Tiny-16"


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.pt"])
def test_a_checkpoint_by_path_goes_with_an_architecture(known_tiny: str, clip_folder: Path, name: str) -> None:
    import torch
    from safetensors.torch import load_file

    path = clip_folder.parent / name
    whole = clip_folder / CLIP_WEIGHTS
    if path.suffix == ".pt":
        torch.save({"state_dict": {f"module.{key}": value for key, value in load_file(whole).items()}}, path)
    else:
        path.write_bytes(whole.read_bytes())
    by_path = open_embedder(Full(embedder=known_tiny, embedder_weights=str(path)), "cpu")
    assert by_path.model_id.startswith("Tiny-16-mine-")
    assert np.allclose(by_path.embed(varied()[:2]), opened(clip_folder).embed(varied()[:2]), atol=1e-6)


def refused(full: Full, kind: type[CuratedError] = ConfigError) -> str:
    with pytest.raises(kind) as caught:
        open_embedder(full, "cpu")
    assert caught.value.exit_code == EXIT_CONFIG
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_damaged_foreign_and_evil_checkpoints_are_refused(known_tiny: str, clip_folder: Path, tmp_path: Path) -> None:
    import torch

    whole = (clip_folder / CLIP_WEIGHTS).read_bytes()
    for name, data, says in (
        ("cut.safetensors", whole[:-100], "ends too early; fetch it again with `curated models pull`"),
        ("short.safetensors", whole[:100], "ends too early"),
        ("text.safetensors", b"not a checkpoint", "is no safetensors file"),
        ("text.pt", b"not a checkpoint", "is no PyTorch checkpoint"),
        ("empty.pt", b"", "is empty"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        line = refused(Full(embedder=known_tiny, embedder_weights=str(path)))
        assert line.startswith(f"models.full.embedder_weights: {path} {says}")
    fits = Full(embedder="RN50", embedder_weights=str(clip_folder / CLIP_WEIGHTS))
    assert 'does not fit models.full.embedder = "RN50"' in refused(fits)
    torch.save({"epoch": 3}, tmp_path / "other.pt")
    other = Full(embedder=known_tiny, embedder_weights=str(tmp_path / "other.pt"))
    assert "is no open_clip checkpoint" in refused(other) or "does not fit" in refused(other)
    torch.save({"state_dict": Payload(tmp_path / "it ran")}, tmp_path / "evil.pt")
    evil = Full(embedder=known_tiny, embedder_weights=str(tmp_path / "evil.pt"))
    assert "holds more than weights and is not opened" in refused(evil)
    assert not (tmp_path / "it ran").exists()


def test_unknown_names_are_refused(clip_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    weights = str(clip_folder / CLIP_WEIGHTS)
    assert 'no architecture "ViT-B-33"' in refused(Full(embedder="ViT-B-33", embedder_weights=weights))
    missing = refused(Full(), WeightsMissing)
    assert missing.startswith("models.full.embedder_weights: ViT-B-32 laion2b_s34b_b79k is not on disk; fetch it with")
