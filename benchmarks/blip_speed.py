"""Captions by transformers, one picture at a time and in a batch, and ours in fp32 and int8; and who says the same."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.nn.functional import cosine_similarity

from benchmarks.blip_scenes import scene, write_trained_blip
from curated.config import Full
from curated.models.full.captioner import BlipCaptioner, open_captioner
from curated.models.full.linear import resolve
from curated.models.full.pixels import upload
from curated.pictures.decoded import RGB
from tests.support.blip_checkpoints import write_blip_base
from tests.support.varied import varied

BATCH = int(os.environ.get("CURATED_BENCH_BATCH", "8"))
ROUNDS = int(os.environ.get("CURATED_BENCH_ROUNDS", "3"))
THREADS = int(os.environ.get("CURATED_BENCH_THREADS", str(len(os.sched_getaffinity(0)))))
DEVICE = os.environ.get("CURATED_BENCH_DEVICE", "cpu")
TRAINED = os.environ.get("CURATED_BENCH_TRAINED", "1") == "1"
TOKENS = 16
_SCENES = 200

Captions = list[list[int]]


def measure() -> None:
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        base = write_blip_base(Path(name) / "blip-base")
        pictures = [picture.copy() for picture in varied(40)[:BATCH]]
        print(f"{BATCH} pictures, {TOKENS} tokens each, {THREADS} threads, {DEVICE}, torch {torch.__version__}")
        speed(base, pictures)
        if DEVICE == "cpu" and resolve("auto") == "int8":
            agreement("random weights of BLIP base", base, [picture.copy() for picture in varied(40)[: 2 * BATCH]])
            if TRAINED:
                trained = write_trained_blip(Path(name) / "trained")
                pictures = [scene(1_000_000 + number)[0] for number in range(_SCENES)]
                agreement("trained on drawn scenes", trained, pictures)


def speed(folder: Path, pictures: Sequence[RGB]) -> None:
    """Print each way's time for a picture: the median of interleaved rounds, by the clock and by the CPU."""
    ways = _ways(folder, pictures)
    said = {name: way() for name, way in ways.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            clock, cpu = time.perf_counter(), time.process_time()
            way()
            times[name].append((time.perf_counter() - clock, time.process_time() - cpu))
    wall, cpu = (
        {name: 1000 * statistics.median(pair[index] for pair in pairs) / len(pictures) for name, pairs in times.items()}
        for index in (0, 1)
    )
    first = next(iter(ways))
    for name in ways:
        print(f"  {name:34}{wall[name]:8.0f} ms a picture, {cpu[name]:8.0f} ms of CPU: "
              f"{wall[first] / wall[name]:5.2f}x, {cpu[first] / cpu[name]:5.2f}x by CPU")  # fmt: skip
    for name, captions in said.items():
        if captions is not None and name != first:
            print(f"  {name}: {_same(captions, said[first])} of {len(pictures)} captions as {first}")
    print(json.dumps({"wall_ms": wall, "cpu_ms": cpu}))


def _ways(folder: Path, pictures: Sequence[RGB]) -> dict[str, Callable[[], Captions | None]]:
    from transformers import BlipForConditionalGeneration, BlipProcessor

    model = BlipForConditionalGeneration.from_pretrained(folder).eval().to(DEVICE)
    processor = BlipProcessor.from_pretrained(folder)

    def plain(batch: Sequence[RGB]) -> Captions:
        with torch.inference_mode():
            given = processor(images=list(batch), return_tensors="pt").to(DEVICE)
            answer = model.generate(**given, max_new_tokens=TOKENS)
        return [row[1:] for row in answer.tolist()]

    def only_vision() -> None:
        with torch.inference_mode():
            for picture in pictures:
                model.vision_model(**processor(images=picture, return_tensors="pt").to(DEVICE))

    ways: dict[str, Callable[[], Captions | None]] = {
        "transformers, one at a time": lambda: [plain([picture])[0] for picture in pictures],
        "transformers, in a batch": lambda: plain(pictures),
        "transformers, vision tower alone": only_vision,
    }
    for precision in ("fp32", "int8") if DEVICE == "cpu" else ("fp16",):
        ours = _opened(folder, precision)
        ways[f"ours, {precision}"] = lambda ours=ours: ours.write(upload(pictures, DEVICE))
        ways[f"ours, {precision}, vision alone"] = lambda ours=ours: _nothing(ours.see(upload(pictures, DEVICE)))
    return ways


def agreement(what: str, folder: Path, pictures: Sequence[RGB]) -> None:
    """Print how alike int8 and fp32 are: what they see, what they say, and the next word after the same words."""
    exact, fast = (_opened(folder, precision, 30) for precision in ("fp32", "int8"))
    uploaded = upload(pictures, "cpu")
    seen, alike = exact.see(uploaded), fast.see(uploaded)
    said, other = exact.write_seen(seen), fast.write_seen(alike)
    cosines = cosine_similarity(seen.flatten(1), alike.flatten(1))
    tokens = sum(a == b for pair in zip(said, other, strict=True) for a, b in zip(*pair, strict=False))
    print(f"int8 against fp32, {what}, {len(pictures)} pictures:")
    print(f"  cosine of what is seen: median {cosines.median():.5f}, least {cosines.min():.5f}")
    print(f"  captions the same: {_same(said, other)} of {len(said)}")
    print(f"  tokens the same, place for place: {100 * tokens / max(1, sum(map(len, said))):.1f} %")
    print(f"  {_next_words((exact, seen), (fast, alike), said)}", flush=True)


def _next_words(
    exact: tuple[BlipCaptioner, torch.Tensor], fast: tuple[BlipCaptioner, torch.Tensor], said: Sequence[Sequence[int]]
) -> str:
    """How often both choose the same next token after the words that fp32 wrote, and how sure fp32 was where not."""
    same = total = 0
    lead: list[float] = []
    doubt: list[float] = []
    for number, words in enumerate(said):
        one, two = (captioner.scores(seen[number : number + 1], words) for captioner, seen in (exact, fast))
        best = one.topk(2, dim=-1)[0]
        agree = one.argmax(-1) == two.argmax(-1)
        same, total = same + int(agree.sum()), total + len(agree)
        lead += (best[:, 0] - best[:, 1]).tolist()
        doubt += (best[:, 0] - best[:, 1])[~agree].tolist()
    share, surest = 100 * same / total, max(doubt, default=0)
    return (
        f"next token the same after the same words: {share:.2f} % of {total}; fp32's choice led its second "
        f"by {statistics.median(lead):.3f} (median), where they differ by {surest:.3f} at most"
    )


def _opened(folder: Path, precision: str, most: int = TOKENS) -> BlipCaptioner:
    wanted = {"precision": precision} if precision != "fp16" else {}
    return open_captioner(Full(captioner=str(folder), caption_max_tokens=most, **wanted), DEVICE, THREADS)


def _same(one: Sequence[object], other: Sequence[object]) -> int:
    return sum(a == b for a, b in zip(one, other, strict=True))


def _nothing(_seen: torch.Tensor) -> None:
    return None
