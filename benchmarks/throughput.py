"""The full profile against the loop a user would write by hand, and against its own slowest stage, in one run.

    python -m benchmarks.throughput [--pictures N] [--by-hand N] [--tokens N] [--device cpu|cuda] [--json FILE]

Random weights of the real sizes (YOLOv8n, ViT-B-32, BLIP base); JPEG and PNG files, a quarter of them photos of
12 megapixels. (a) by hand: one picture at a time through each library's own front door, then moved.
(b) `curated run --once`.
(c) each stage alone at its best batch size. Ratios count; times are this machine's, today.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageEnhance

from curated.cli.samples import samples
from curated.config import Config, load
from curated.models.offline import go_offline, import_ultralytics

BATCHES = (1, 4, 8, 16)
LARGE = (4000, 3000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument(
        "--by-hand", type=int, default=24, help="pictures of (a); its rate does not depend on the number"
    )
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    given, _ = parser.parse_known_args()
    go_offline()
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        figures = measure(Path(name), given.pictures, given.by_hand, given.tokens, given.device)
    print_figures(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measure(folder: Path, count: int, by_hand: int, tokens: int, device: str) -> dict[str, Any]:
    """Seconds a picture of everything, and the two ratios."""
    weights = checkpoints(folder / "weights")
    make_pictures(folder / "Unsorted", count)
    files = sorted((folder / "Unsorted").iterdir())
    config = write_config(folder, weights, tokens, device)
    # Twice by hand, before and after, for machines that others use too.
    first = hand_written(files[:by_hand], folder / "by hand", weights, tokens, device)
    stages = measure_stages(config, files[: max(by_hand, *BATCHES)])
    curated = run_once(folder, count)
    second = hand_written(sorted((folder / "by hand").iterdir()), folder / "by hand again", weights, tokens, device)
    hand = min(first, second)
    slowest = max(stages, key=lambda stage: stages[stage]["seconds"])
    return {
        "device": device,
        "cores": len(os.sched_getaffinity(0)),
        "pictures": count,
        "tokens": tokens,
        "by_hand": hand,
        "curated": curated,
        "stages": stages,
        "faster_than_by_hand": hand / curated["seconds"],
        "slowest_stage": slowest,
        "of_slowest_stage": stages[slowest]["seconds"] / curated["seconds"],
        "of_all_stages": sum(stage["seconds"] for stage in stages.values()) / curated["seconds"],
    }


def checkpoints(folder: Path) -> dict[str, Path]:
    """Checkpoints of the real sizes with random weights."""
    from tests.support.blip_checkpoints import write_blip_base
    from tests.support.checkpoints import real_size_clip, real_size_yolo

    folder.mkdir(parents=True)
    return {
        "detector": real_size_yolo(folder / "yolov8n.pt"),
        "embedder": real_size_clip(folder / "vit-b-32.safetensors"),
        "captioner": write_blip_base(folder / "blip-base"),
    }


def make_pictures(folder: Path, count: int) -> None:
    """Photos cut from real ones, a quarter of them 12 megapixels, a fifth PNG; all different."""
    chance = random.Random(0)
    sources = [
        Image.open(io.BytesIO(each.data)).convert("RGB")
        for each in samples()
        if "/" in each.purpose and not each.purpose.startswith("made")
    ]
    folder.mkdir(parents=True)
    for number in range(count):
        source = sources[number % len(sources)]
        width, height = (round(side * chance.uniform(0.35, 0.8)) for side in source.size)
        left, top = chance.randint(0, source.width - width), chance.randint(0, source.height - height)
        size = LARGE if number % 4 == 0 else (1600, 1200)
        part = source.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.BICUBIC)
        part = ImageEnhance.Color(part).enhance(chance.uniform(0.3, 1.8))
        if number % 5 == 1:
            part.resize((1280, 960)).save(folder / f"IMG_{number:05}.png", compress_level=1)
        else:
            part.save(folder / f"IMG_{number:05}.jpg", quality=90)


def write_config(folder: Path, weights: dict[str, Path], tokens: int, device: str) -> Config:
    """The configuration of (b) and (c)."""
    path = folder / "config.toml"
    path.write_text(
        f"""
[folders]
unsorted = "Unsorted"
library = "Library"
state = "state"
cache = "cache"
[watch]
settle_seconds = 0.2
[models]
profile = "full"
device = "{device}"
[models.full]
detector = "{weights["detector"]}"
embedder = "ViT-B-32"
embedder_weights = "{weights["embedder"]}"
captioner = "{weights["captioner"]}"
caption_max_tokens = {tokens}
caption_beams = 1
# By hand nothing reads text either; real weights would call most of these clear photos, random ones none.
clear_photo = 0.0
""",
        encoding="utf-8",
    )
    return load(path)


def hand_written(files: list[Path], target: Path, weights: dict[str, Path], tokens: int, device: str) -> float:
    """Seconds a picture of the loop that the libraries' own pages teach."""
    import open_clip
    import torch
    from transformers import BlipForConditionalGeneration, BlipProcessor

    import_ultralytics()
    from ultralytics import YOLO

    target.mkdir()
    detector = YOLO(weights["detector"])
    clip, _, preprocess = open_clip.create_model_and_transforms("ViT-B-32", pretrained=str(weights["embedder"]))
    clip.eval().to(device)
    processor = BlipProcessor.from_pretrained(weights["captioner"])
    blip = BlipForConditionalGeneration.from_pretrained(weights["captioner"]).eval().to(device)

    def one(path: Path) -> None:
        detector.predict(path, verbose=False, device=device)
        image = Image.open(path).convert("RGB")
        with torch.no_grad():
            clip.encode_image(preprocess(image).unsqueeze(0).to(device))
            inputs = processor(images=image, return_tensors="pt").to(device)
            # Random weights never end a sentence by themselves, or at once: the length is set.
            out = blip.generate(**inputs, max_new_tokens=tokens, min_new_tokens=tokens, num_beams=1)
        processor.decode(out[0], skip_special_tokens=True)
        shutil.copy2(path, target / path.name)

    one(files[0])
    started = time.perf_counter()
    for path in files:
        one(path)
    return (time.perf_counter() - started) / len(files)


def measure_stages(config: Config, files: list[Path]) -> dict[str, dict[str, float]]:
    """Seconds a picture of each stage alone at its best batch size; decoding uses every core, as the engine does."""
    from concurrent.futures import ThreadPoolExecutor

    from curated.models import places
    from curated.models.device import choose_device
    from curated.models.full.captioner import open_captioner
    from curated.models.full.detector import open_detector
    from curated.models.full.embedder import open_embedder
    from curated.pictures.decode import decode

    def read(path: Path) -> Any:
        return decode(path, path.name, None, config.reading)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(read, files[:2]))
        started = time.perf_counter()
        decoded = list(pool.map(read, files))
        stages = {"decode": {"seconds": (time.perf_counter() - started) / len(files), "batch": 1}}
    images = [each.rgb for each in decoded]
    full, device = config.models.full, choose_device(config.models.device)
    path = places.detector_file(full)
    if path is None:
        raise RuntimeError(f"{full.detector} is gone")
    stages["detector"] = _best_batch(open_detector(path, device, full.nms_iou).detect, images)
    stages["embedder"] = _best_batch(open_embedder(full, device).embed, images)
    stages["captioner"] = _best_batch(open_captioner(full, device).caption, images)
    return stages


def _best_batch(act: Callable[[list[Any]], object], images: list[Any]) -> dict[str, float]:
    act(images[:2])
    best = {"seconds": float("inf"), "batch": 0.0}
    for batch in BATCHES:
        started = time.perf_counter()
        for start in range(0, len(images), batch):
            act(images[start : start + batch])
        seconds = (time.perf_counter() - started) / len(images)
        if seconds < best["seconds"]:
            best = {"seconds": seconds, "batch": float(batch)}
    return best


def run_once(folder: Path, count: int) -> dict[str, float]:
    """Seconds a picture from the first filed to the last, without loading; of the whole command; peak memory."""
    environment = {**os.environ, "CURATED_CONFIG": str(folder / "config.toml")}
    started = time.perf_counter()
    command = [sys.executable, "-m", "curated", "run", "--once"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        done = ("filed ", "review ", "duplicate ", "failed ")
        moments, peak = [], 0
        for line in running.stdout or ():
            if line.startswith(done):
                moments.append(time.perf_counter())
                peak = max([peak, *_peaks_of_children(running.pid)])
    if len(moments) < count:
        raise RuntimeError(f"only {len(moments)} of {count} pictures were filed")
    # The first batch is still filling the pipe: the rate is taken after it.
    settled = moments[count // 10 :]
    return {
        "seconds": (settled[-1] - settled[0]) / (len(settled) - 1),
        "whole_command": (time.perf_counter() - started) / count,
        "worker_mib": peak / 1024,
    }


def _peaks_of_children(pid: int) -> list[int]:
    """The most memory that each child of the process has had, in KiB; those that ended meanwhile are left out."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{child}/status").read_text(encoding="ascii")
            found += [int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")]
    return found


def print_figures(figures: dict[str, Any]) -> None:
    print(f"{figures['pictures']} pictures, {figures['tokens']} tokens, {figures['device']}, {figures['cores']} cores")
    print(f"(a) by hand        {figures['by_hand'] * 1000:8.0f} ms a picture")
    curated = figures["curated"]
    told = f"{curated['whole_command'] * 1000:.0f} all told"
    print(f"(b) curated        {curated['seconds'] * 1000:8.0f} ms a picture ({told})")
    print(f"    its worker's most memory: {curated['worker_mib']:.0f} MiB")
    for name, stage in figures["stages"].items():
        print(f"(c) {name:<14} {stage['seconds'] * 1000:8.0f} ms a picture alone, in batches of {stage['batch']:.0f}")
    print(f"b is {figures['faster_than_by_hand']:.2f} times as fast as a")
    print(f"b runs at {figures['of_slowest_stage']:.0%} of its slowest stage ({figures['slowest_stage']}) alone")
    print(f"b runs at {figures['of_all_stages']:.0%} of all stages one after the other")


if __name__ == "__main__":
    main()
