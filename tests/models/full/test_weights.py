"""Which profile runs is decided by what is on disk, and what cannot be right is refused in one line before a start."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from curated.config import Full, Models
from curated.errors import EXIT_CONFIG, ConfigError, CuratedError, WeightsMissing
from curated.models import clip_tags, places, weights
from curated.models.formats import what_is_wrong
from curated.models.weights import list_weights, missing, profile_notice, resolve_profile, verify
from tests.support.checkpoints import CLIP_WEIGHTS

EMBEDDER_REPOSITORY = "models--laion--CLIP-ViT-B-32-laion2B-s34B-b79K"
BLIP_REPOSITORY = "models--Salesforce--blip-image-captioning-base"


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: neither data folder nor hub cache hold anything."""
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def data(disk: Path) -> Path:
    """Our own folder of weights."""
    folder = disk / ".local/share/curated/models"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def blip(tmp_path: Path, clip_folder: Path) -> Path:
    return blip_folder(tmp_path / "blip", (clip_folder / CLIP_WEIGHTS).read_bytes())


def blip_folder(folder: Path, tensors: bytes) -> Path:
    """A folder that looks like BLIP from outside."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "blip"}))
    (folder / "vocab.txt").write_text("[PAD]\n")
    (folder / "model.safetensors").write_bytes(tensors)
    return folder


@pytest.fixture
def by_paths(yolo_file: Path, clip_folder: Path, blip: Path) -> Full:
    return Full(detector=str(yolo_file), embedder=str(clip_folder), captioner=str(blip))


def models(full: Full, profile: str = "auto", device: str = "cpu") -> Models:
    return Models(profile=profile, device=device, full=full)


def refused(settings: Models, kind: type[CuratedError] = ConfigError) -> str:
    with pytest.raises(kind) as caught:
        resolve_profile(settings)
    assert caught.value.exit_code == EXIT_CONFIG
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- which profile -------------------------------------------------------------------------------------------------


def test_without_weights_auto_is_lite_and_says_what_is_missing() -> None:
    assert resolve_profile(Models()) == "lite"
    assert profile_notice(Models()).endswith(
        " The full profile needs yolov8n.pt (models.full.detector), ViT-B-32 laion2b_s34b_b79k "
        "(models.full.embedder_weights) and Salesforce/blip-image-captioning-base (models.full.captioner): "
        "`curated models pull` fetches them."
    )
    assert "full profile" not in profile_notice(Models(profile="lite"))


def test_full_without_weights_names_them_and_the_command(by_paths: Full) -> None:
    line = refused(Models(profile="full"), WeightsMissing)
    assert 'models.profile: "full" needs yolov8n.pt (models.full.detector), ' in line
    assert "`curated models pull`" in line
    one = msgspec.structs.replace(by_paths, detector="/nowhere/yolov8n.pt")
    assert "needs /nowhere/yolov8n.pt (models.full.detector), not on disk" in refused(
        models(one, "full"), WeightsMissing
    )
    assert resolve_profile(models(one)) == "lite"


def test_with_all_weights_auto_is_full(by_paths: Full) -> None:
    assert resolve_profile(models(by_paths)) == resolve_profile(models(by_paths, "full")) == "full"
    assert resolve_profile(models(by_paths, "lite")) == "lite"
    assert profile_notice(models(by_paths)).startswith(f"full: {by_paths.detector}, ")


def test_weights_are_found_in_our_own_folder(data: Path, yolo_file: Path, clip_folder: Path) -> None:
    tensors = (clip_folder / CLIP_WEIGHTS).read_bytes()
    (data / "yolov8n.pt").write_bytes(yolo_file.read_bytes())
    (data / "ViT-B-32--laion2b_s34b_b79k.safetensors").write_bytes(tensors)
    assert resolve_profile(Models()) == "lite"
    blip_folder(data / "Salesforce--blip-image-captioning-base", tensors)
    assert resolve_profile(Models()) == "full"


@pytest.mark.parametrize(
    ("variable", "inside"),
    [("", ".cache/huggingface/hub"), ("HF_HUB_CACHE", ""), ("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")],
)
def test_weights_are_found_in_the_hubs_cache(
    disk: Path,
    data: Path,
    yolo_file: Path,
    clip_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    inside: str,
) -> None:
    hub = disk / inside
    if variable:
        monkeypatch.setenv(variable, str(disk / "elsewhere"))
        hub = disk / "elsewhere" / inside
    tensors = (clip_folder / CLIP_WEIGHTS).read_bytes()
    (data / "yolov8n.pt").write_bytes(yolo_file.read_bytes())
    sha256 = hashlib.sha256(tensors).hexdigest()
    blob = hub / EMBEDDER_REPOSITORY / "blobs" / sha256
    blob.parent.mkdir(parents=True)
    blob.write_bytes(tensors)
    link = hub / EMBEDDER_REPOSITORY / "snapshots" / "abc" / "open_clip_model.safetensors"
    link.parent.mkdir(parents=True)
    link.symlink_to(Path("../../blobs") / sha256)
    assert resolve_profile(Models()) == "lite"
    for revision in ("old", "new"):
        blip_folder(hub / BLIP_REPOSITORY / "snapshots" / revision, tensors)
    (hub / BLIP_REPOSITORY / "refs").mkdir()
    (hub / BLIP_REPOSITORY / "refs" / "main").write_text("new")
    assert resolve_profile(Models()) == "full"
    _, embedder, captioner = (weight for weight in list_weights(Models()) if weight.profile == "full")
    assert (embedder.path, embedder.sha256) == (link, sha256)
    assert captioner.path == hub / BLIP_REPOSITORY / "snapshots" / "new" / "model.safetensors"


def test_an_interrupted_download_of_the_hub_is_no_weight(disk: Path) -> None:
    (disk / ".cache/huggingface/hub" / BLIP_REPOSITORY / "snapshots" / "abc").mkdir(parents=True)
    (disk / ".cache/huggingface/hub" / EMBEDDER_REPOSITORY / "blobs").mkdir(parents=True)
    assert len(missing(Models(), "full")) == 3


# -- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("full", "says"),
    [
        (Full(detector="yolov8n"), 'models.full.detector: "yolov8n" is no ultralytics checkpoint; its name must end'),
        (Full(embedder="ViT-B-33"), 'models.full.embedder: open_clip knows no architecture "ViT-B-33"; the nearest is'),
        (Full(embedder="/no/folder"), "nor is it a folder with open_clip_config.json"),
        (
            Full(embedder_weights="laion2b_s34b_b79"),
            'has no weights "laion2b_s34b_b79" for ViT-B-32, and there is no such file; the nearest is "laion2b_s34b_b',
        ),
        (Full(embedder="ViT-S-32-alt", embedder_weights="x"), "give the path of a checkpoint"),
    ],
)
def test_names_that_nobody_knows_are_refused_even_by_auto(full: Full, says: str) -> None:
    assert says in refused(models(full))
    assert says in refused(models(full, "full"))
    assert resolve_profile(models(full, "lite")) == "lite"


@pytest.mark.parametrize(
    ("part", "damage", "says"),
    [
        ("detector", lambda path: path.write_bytes(b""), "is empty"),
        ("detector", lambda path: path.write_bytes(path.read_bytes()[:1000]), "ends too early"),
        ("detector", lambda path: path.write_bytes(b"<html>404</html>"), "is no PyTorch checkpoint"),
        ("embedder", lambda path: path.write_bytes(path.read_bytes()[:-1]), "ends too early"),
        ("embedder", lambda path: path.write_bytes(b"version https://git-lfs"), "is no safetensors file"),
        ("captioner", lambda path: path.write_bytes(path.read_bytes()[:4]), "ends too early"),
        ("captioner", lambda path: path.with_name("vocab.txt").unlink(), "has no tokenizer beside it"),
        ("captioner", lambda path: path.with_name("config.json").unlink(), "has no readable config.json beside it"),
        ("captioner", lambda path: path.with_name("config.json").write_text("[]"), "has no readable config.json"),
        (
            "captioner",
            lambda path: path.with_name("config.json").write_text('{"model_type": "blip-2"}'),
            "is a model of another kind (blip-2), not BLIP",
        ),
    ],
)
def test_a_broken_file_is_refused_by_its_key(
    tmp_path: Path, yolo_file: Path, clip_folder: Path, blip: Path, part: str, damage, says: str
) -> None:
    detector = tmp_path / "own.pt"
    detector.write_bytes(yolo_file.read_bytes())
    embedder = tmp_path / "clip"
    embedder.mkdir()
    for path in clip_folder.iterdir():
        (embedder / path.name).write_bytes(path.read_bytes())
    full = Full(detector=str(detector), embedder=str(embedder), captioner=str(blip))
    assert resolve_profile(models(full)) == "full"
    damaged = {"detector": detector, "embedder": embedder / CLIP_WEIGHTS, "captioner": blip / "model.safetensors"}[part]
    damage(damaged)
    key = "embedder_weights" if part == "embedder" else part
    for profile in ("auto", "full"):
        line = refused(models(full, profile))
        assert line.startswith(f"models.full.{key}: {damaged} {says}")
        assert line.endswith("; fetch it again with `curated models pull`, or give the path of another")


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("gpu", 'models.device: "gpu" is no device; set it to "auto", "cpu", "cuda" or "cuda:1"'),
        ("cuda:x", "is no device"),
        ("cuda", 'models.device: "cuda" was asked for, but there is no CUDA device; set it to "auto" or "cpu"'),
    ],
)
def test_a_device_that_is_not_there_is_refused(device: str, says: str) -> None:
    if device == "cuda" and Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU")
    for profile in ("auto", "full", "lite"):
        assert says in refused(models(Full(), profile, device))


# -- what is known of them -----------------------------------------------------------------------------------------


def test_a_file_beside_pins_the_sha256(data: Path, yolo_file: Path) -> None:
    path = data / "yolov8n.pt"
    path.write_bytes(yolo_file.read_bytes())

    def detector() -> weights.Weight:
        return next(weight for weight in list_weights(Models()) if weight.role == "detector")

    assert detector().sha256 is None
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name("yolov8n.pt.sha256").write_text(f"{sha256}  yolov8n.pt\n")
    assert verify(detector()) is None
    assert places.identified(path, "yolov8n", "models.full.detector") == f"yolov8n-{sha256[:12]}"
    path.write_bytes(path.read_bytes() + b"\0")
    assert "pinned is" in (verify(detector()) or "")
    with pytest.raises(ConfigError, match=r"models\.full\.detector: .* is not the file that was published"):
        places.identified(path, "yolov8n", "models.full.detector")


def test_the_tables_of_open_clip_are_read_as_it_reads_them() -> None:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    ours = {
        (architecture, tag): hub for architecture, tags in clip_tags.published().items() for tag, hub in tags.items()
    }
    assert set(ours) == set(open_clip.list_pretrained())
    assert all(hub == get_pretrained_cfg(*each).get("hf_hub", "").rstrip("/") for each, hub in ours.items())
    assert clip_tags.architectures() >= {architecture for architecture, _ in ours} - {"Tiny-16"}
    full = Full()
    assert clip_tags.repository(full.embedder, full.embedder_weights) == ours[full.embedder, full.embedder_weights]


def test_a_look_at_the_weights_loads_no_model_library(by_paths: Full) -> None:
    code = (
        "import sys; from curated.config import Full, Models; from curated.models.weights import profile_notice\n"
        f"print(profile_notice(Models(device='cpu', full=Full(detector={by_paths.detector!r}, "
        f"embedder={by_paths.embedder!r}, captioner={by_paths.captioner!r}))))\n"
        "print(profile_notice(Models(full=Full(embedder_weights='openai'))))\n"
        "print({'torch', 'numpy', 'PIL', 'cv2', 'open_clip', 'ultralytics', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_old_formats_of_torch_are_let_through(tmp_path: Path) -> None:
    import torch

    path = tmp_path / "old.pt"
    torch.save({"a": torch.zeros(2)}, path, _use_new_zipfile_serialization=False)
    assert what_is_wrong(path) is None
    assert what_is_wrong(tmp_path / "gone.pt") == "cannot be read: No such file or directory"
