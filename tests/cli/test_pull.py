"""Fetching weights from a hub on this machine: whole, after a cut, damaged, and with no network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from curated.cli.settings import fetch
from curated.config import Full, Models
from curated.errors import ConfigError, CuratedError
from curated.models import places
from curated.models.hubs import Hubs, published
from curated.models.pull import Said, pull, wanted
from curated.models.weights import list_weights, resolve_profile, verify
from tests.support.cli_home import Home
from tests.support.hub import Hub, open_hub

ROOT = Path(__file__).parents[2]
DETECTOR, EMBEDDER, CAPTIONER = "yolov8s.pt", "laion/CLIP-ViT-B-16-laion2B-s34B-b88K", "someone/blip"
FULL = Full(detector=DETECTOR, embedder="ViT-B-16", embedder_weights="laion2b_s34b_b88k", captioner=CAPTIONER)
MODELS = Models(full=FULL, profile="full")
YOLO = b"\x80\x02" + bytes(range(256)) * 9_000
CLIP = struct.pack("<Q", 2) + b"{}" + b"clip" * 500_000
BLIP = b"\x80\x02" + b"blip" * 100_000
DETECTOR_PATH = f"/releases/{DETECTOR}"
CLIP_PATH = f"/{EMBEDDER}/resolve/main/open_clip_model.safetensors"


@pytest.fixture(autouse=True)
def nothing_on_disk(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with open_hub() as made:
        made.files |= {
            DETECTOR_PATH: YOLO,
            CLIP_PATH: CLIP,
            f"/{CAPTIONER}/resolve/main/config.json": json.dumps({"model_type": "blip"}).encode(),
            f"/{CAPTIONER}/resolve/main/preprocessor_config.json": b"{}",
            f"/{CAPTIONER}/resolve/main/vocab.txt": b"[PAD]\n",
            f"/{CAPTIONER}/resolve/main/pytorch_model.bin": BLIP,
        }
        yield made


def fetched(hub: Hub, models: Models = MODELS) -> list[Said]:
    return list(pull(wanted(models, hub.hubs)))


def on_disk() -> dict[str, bytes]:
    folder = places.data_folder()
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def line(name: str, content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def test_the_three_weights_come_to_where_they_are_looked_for(hub: Hub) -> None:
    said = fetched(hub)
    clip, blip = "ViT-B-16--laion2b_s34b_b88k.safetensors", "someone--blip"
    assert on_disk() == {
        DETECTOR: YOLO,
        f"{DETECTOR}.sha256": line(DETECTOR, YOLO),
        clip: CLIP,
        f"{clip}.sha256": line(clip, CLIP),
        f"{blip}/config.json": b'{"model_type": "blip"}',
        f"{blip}/preprocessor_config.json": b"{}",
        f"{blip}/vocab.txt": b"[PAD]\n",
        f"{blip}/pytorch_model.bin": BLIP,
        f"{blip}/pytorch_model.bin.sha256": line("pytorch_model.bin", BLIP),
    }
    assert resolve_profile(MODELS) == "full"
    assert [verify(weight) for weight in list_weights(MODELS) if weight.profile == "full"] == [None] * 3
    assert said[-1].what == "placed"
    assert {each.total for each in said if each.name == DETECTOR and each.what == "grown"} == {len(YOLO)}


def test_what_is_there_is_not_fetched_again_and_what_is_damaged_is(hub: Hub) -> None:
    fetched(hub)
    hub.asked.clear()
    assert wanted(MODELS, hub.hubs) == ()
    damaged = places.data_folder() / DETECTOR
    damaged.write_bytes(YOLO[:-1])
    fetched(hub)
    assert hub.asked == [(DETECTOR_PATH, "")]
    assert damaged.read_bytes() == YOLO


def test_a_broken_connection_is_gone_on_with(hub: Hub) -> None:
    hub.cuts[DETECTOR_PATH] = [100_000, 700_000]
    fetched(hub)
    assert hub.ranges(DETECTOR_PATH) == ["", "bytes=100000-", "bytes=700000-"]
    assert (places.data_folder() / DETECTOR).read_bytes() == YOLO


def test_a_later_run_goes_on_where_an_earlier_one_was_killed(hub: Hub) -> None:
    hub.cuts[CLIP_PATH] = [300_000, 1_500_000, *[1_500_000] * 4]
    saved = hub.files.pop(DETECTOR_PATH)
    with pytest.raises(CuratedError, match="is the name right"):
        fetched(hub)
    hub.files[DETECTOR_PATH] = saved
    with pytest.raises(CuratedError, match="the connection broke"):
        fetched(hub)
    assert DETECTOR in on_disk()
    assert not any(name.startswith("ViT") for name in on_disk())
    hub.asked.clear()
    fetched(hub)
    assert hub.ranges(DETECTOR_PATH) == []
    assert hub.ranges(f"/bytes{CLIP_PATH}") == ["bytes=1500000-"]
    assert not any(name.startswith(".") for name in on_disk())


def test_a_file_that_was_replaced_meanwhile_comes_whole(hub: Hub) -> None:
    hub.cuts[DETECTOR_PATH] = [100_000] * 5
    with pytest.raises(CuratedError):
        fetched(hub)
    hub.files[DETECTOR_PATH] = b"\x80" + b"new" * 400_000
    fetched(hub)
    assert (places.data_folder() / DETECTOR).read_bytes() == hub.files[DETECTOR_PATH]


def test_another_content_than_the_hub_or_we_say_is_refused(hub: Hub) -> None:
    hub.lies[CLIP_PATH] = "0" * 64
    with pytest.raises(
        CuratedError, match=r"models\.full\.embedder_weights: .* another content .* nothing of it was kept"
    ):
        fetched(hub)
    assert set(on_disk()) == {DETECTOR, f"{DETECTOR}.sha256"}
    hub.files["/releases/yolov8n.pt"] = YOLO
    with pytest.raises(CuratedError, match="sha256"):
        fetched(hub, Models(full=Full(detector="yolov8n.pt")))
    assert set(on_disk()) == {DETECTOR, f"{DETECTOR}.sha256"}


def test_what_is_no_checkpoint_is_refused(hub: Hub) -> None:
    hub.files[DETECTOR_PATH] = b"<html>Please log in</html>"
    with pytest.raises(CuratedError, match=r"models\.full\.detector: .*is no PyTorch checkpoint; nothing"):
        fetched(hub)
    assert on_disk() == {}


def test_without_a_network_one_line_says_what_to_fetch_by_hand(
    home: Home, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_hub() as closed:
        gone = closed.hubs
    with pytest.raises(CuratedError) as error:
        fetch(gone)
    said = str(error.value)
    assert error.value.exit_code == 1
    assert "\n" not in said
    assert "Connection refused" in said
    for key in ("detector", "embedder_weights", "captioner"):
        assert f"(models.full.{key})" in said
    for name in ("yolov8n.pt", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "Salesforce/blip-image-captioning-base"):
        assert f"{gone.repositories}/{name}" in said or f"{gone.releases}/{name}" in said
    assert on_disk() == {}


def test_the_command_says_what_it_fetches_and_what_runs_now(
    home: Home, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    home.configure(
        f'[models.full]\ndetector = "{DETECTOR}"\nembedder = "ViT-B-16"\nembedder_weights = "laion2b_s34b_b88k"\n'
        f'captioner = "{CAPTIONER}"'
    )
    fetch(hub.hubs)
    said = capsys.readouterr().out
    assert f"fetching {hub.address}{DETECTOR_PATH} (2.3 MB)" in said
    assert "The profile is full: yolov8s.pt, ViT-B-16 laion2b_s34b_b88k, someone/blip." in said
    fetch(hub.hubs)
    assert "All weights are there" in capsys.readouterr().out
    assert "nothing to fetch" in home.good("models", "pull", "--profile", "lite").out


def test_weights_given_by_path_are_equal_citizens(hub: Hub, tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    with pytest.raises(ConfigError, match=r"models\.full\.detector: there is nothing at"):
        published(Full(detector=str(own)), hub.hubs)
    own.write_bytes(YOLO)
    assert [each.key for each in published(Full(detector=str(own)), hub.hubs)] == [
        "models.full.embedder_weights", "models.full.captioner",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_written_is_named(hub: Hub) -> None:
    places.data_folder().parent.mkdir(parents=True)
    places.data_folder().write_text("a file")
    with pytest.raises(CuratedError, match=re.escape(os.fspath(places.data_folder()))):
        fetched(hub)


def test_only_this_module_can_ask_a_network() -> None:
    asking = re.compile(
        r"^\s*(?:import|from) (?:urllib\.(?:request|error)|http\.client|requests|httpx|huggingface_hub)\b", re.MULTILINE
    )
    found = [path.name for path in (ROOT / "curated").rglob("*.py") if asking.search(path.read_text(encoding="utf-8"))]
    assert found == ["pull.py"]


def test_only_the_counters_and_the_web_form_serve_this_machine() -> None:
    serving = re.compile(
        r"^\s*(?:import|from) (?:http\.server|socketserver|wsgiref|aiohttp|textual_serve)\b", re.MULTILINE
    )
    files = (ROOT / "curated").rglob("*.py")
    assert {path.name for path in files if serving.search(path.read_text(encoding="utf-8"))} == {"metrics.py", "web.py"}


def test_no_other_module_knows_a_hub() -> None:
    named = [
        path.name
        for path in (ROOT / "curated").rglob("*.py")
        if any(
            address.split("/")[2] in path.read_text(encoding="utf-8")
            for address in (Hubs().releases, Hubs().repositories)
        )
    ]
    assert named == ["hubs.py"]
