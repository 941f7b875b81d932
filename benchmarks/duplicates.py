"""How right duplicates are on a labelled folder, and how fast one is looked for, as text and as JSON.

    python -m benchmarks.duplicates [FOLDER] [--profile lite|full] [--edits N] [--json FILE] [--errors]

FOLDER holds a labels.csv with the columns path and dup_group (one id for all that are duplicates of each other), and
may have `derived` (how a picture was made from another). Each picture arrives, one after the other, at an index that
knows those before it; what it is told to duplicate is compared with the labels. `--edits N` adds copies of N of the
pictures, each edited in a dozen ways. Without FOLDER, only the time of a search is measured.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from benchmarks.library import synthetic
from curated.config import Config, Duplicates, load
from curated.domain import Arrival, Findings, Picture, Reading, Status
from curated.duplicates import TwinIndex, fingerprint_of, likeness_of
from curated.duplicates.likeness import pack
from curated.errors import PictureError
from curated.models.load import load_models
from curated.pictures.decode import decode
from curated.state.pairs import Likeness, Pairs
from curated.state.rows import photo_from_arrival, with_reading
from curated.state.schema import open_database
from curated.state.store import Store

BATCH = 8
KNOWN = 1_000_000
SEARCHES = 50
# A mirrored or turned copy is a duplicate to us; some labels give it a group of its own.
NEVER_MIND = ("_hflip", "_rot")


@dataclass(frozen=True, slots=True)
class Arriving:
    """A picture with its label; `how` is what was done to it, "" for one that stands for itself."""

    name: str
    group: str
    how: str
    picture: Picture
    findings: Findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--profile", choices=("auto", "lite", "full"), default="auto")
    parser.add_argument("--edits", type=int, default=0, metavar="N", help="also edited copies of N pictures")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--errors", action="store_true", help="name every pair that was missed or made up")
    given = parser.parse_args()
    figures: dict = {"search": search_time(KNOWN)}
    if given.folder:
        config = load(environ={"CURATED_MODELS__PROFILE": given.profile})
        arriving = list(judged(given.folder, config, given.edits))
        figures |= measured(arriving, config.duplicates, errors=given.errors)
        print_figures(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


# -- what arrives --------------------------------------------------------------------------------------------


def judged(folder: Path, config: Config, edits: int) -> Iterator[Arriving]:
    """Every readable picture of labels.csv, and the edited copies, as the worker's child would judge them."""
    models = load_models(config.models, config.folders.cache_path, {})
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name:
        waiting = _files(folder, Path(name), edits)
        while batch := list(islice(waiting, BATCH)):
            decoded = []
            for each in batch:
                try:
                    decoded.append((each, decode(each[0], each[1], None, config.reading)))
                except PictureError as error:
                    print(f"left out: {error}")
            findings = models.judge([item for _, item in decoded])
            for ((_, label, group, how), item), found in zip(decoded, findings, strict=True):
                yield Arriving(label, group, how, item.picture, found)


def _files(folder: Path, made: Path, edits: int) -> Iterator[tuple[Path, str, str, str]]:
    """(file, label, group, how)."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        yield folder / row["path"], row["path"], row["dup_group"] or row["path"], row.get("derived", "")
    chance = np.random.default_rng(7)
    singles = [row for row in rows if not row["dup_group"]]
    for index in chance.permutation(len(singles))[:edits]:
        row = singles[int(index)]
        image = Image.open(folder / row["path"]).convert("RGB")
        image.thumbnail((1280, 1280))
        for how, edit in EDITS.items():
            target = made / f"{index}-{how}.jpg"
            target.write_bytes(_jpeg(edit(image, chance)))
            yield target, f"{row['path']} ({how})", row["path"], how


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.convert("RGB").save(stream, "JPEG", quality=80)
    return stream.getvalue()


Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


def _cropped(share: float) -> Edit:
    def crop(image: Image.Image, chance: np.random.Generator) -> Image.Image:
        width, height = (int(side * (1 - share)) for side in image.size)
        left = int(chance.integers(0, image.width - width + 1))
        top = int(chance.integers(0, image.height - height + 1))
        return image.crop((left, top, left + width, top + height))

    return crop


def _written(image: Image.Image, _: np.random.Generator) -> Image.Image:
    copy = image.copy()
    size = max(12, image.width // 14)
    at = (image.width * 0.08, image.height * 0.85)
    ImageDraw.Draw(copy).text(
        at, "12 May, at the lake", "white", ImageFont.load_default(size), stroke_width=2, stroke_fill="black"
    )
    return copy


EDITS: dict[str, Edit] = {
    "quality 80": lambda image, _: image,
    "half": lambda image, _: image.resize((max(1, image.width // 2), max(1, image.height // 2))),
    "160 px": lambda image, _: ImageOps.contain(image, (160, 160)),
    "brighter": lambda image, _: ImageEnhance.Brightness(image).enhance(1.3),
    "darker": lambda image, _: ImageEnhance.Brightness(image).enhance(0.7),
    "contrast": lambda image, _: ImageEnhance.Contrast(image).enhance(1.4),
    "grey": lambda image, _: image.convert("L"),
    "cropped 5 %": _cropped(0.05),
    "cropped 10 %": _cropped(0.10),
    "cropped 20 %": _cropped(0.20),
    "border": lambda image, _: ImageOps.expand(image, max(image.size) // 20, "white"),
    "bars": lambda image, _: ImageOps.expand(image, (0, image.height // 8), "black"),
    "text": _written,
    "mirrored": lambda image, _: ImageOps.mirror(image),
    "turned 90": lambda image, _: image.rotate(90, expand=True),
    "turned 180": lambda image, _: image.rotate(180),
}


# -- what is found -------------------------------------------------------------------------------------------


def measured(arriving: list[Arriving], settings: Duplicates, *, errors: bool) -> dict:
    """Recall by what was done, precision of pairs, and what was made up among pairs of other pictures."""
    found, times = _found(arriving, settings)
    exact_true, exact_found, false, unsure = 0, 0, [], []
    by_how: dict[str, list[bool]] = {}
    other = 0
    for late, one in enumerate(arriving):
        for early in range(late):
            two, kind = arriving[early], found.get((early, late))
            same = one.group == two.group
            if not same and _never_mind(one, two):
                unsure += [(one, two)] if kind else []
            elif not same:
                other += 1
                false += [(one, two)] if kind in ("exact", "near") else []
            elif one.picture.pixel_hash == two.picture.pixel_hash:
                exact_true, exact_found = exact_true + 1, exact_found + (kind == "exact")
            else:
                how = " + ".join(sorted({one.how, two.how} - {""})) or "as they came"
                by_how.setdefault(how if " + " not in how else "two edits", []).append(kind is not None)
                if errors and kind is None:
                    print(f"missed: {two.name} | {one.name}")
    if errors:
        for one, two in false:
            print(f"made up: {two.name} | {one.name}")
    right = exact_found + sum(sum(hits) for hits in by_how.values())
    near = [hit for hits in by_how.values() for hit in hits]
    return {
        "pictures": len(arriving),
        "pairs of other pictures": other,
        "made up": len(false),
        "mirrored or turned, labelled apart": len(unsure),
        "exact": {"pairs": exact_true, "recall": _share(exact_found, exact_true)},
        "near": {"pairs": len(near), "recall": _share(sum(near), len(near))},
        "precision": _share(right, right + len(false)),
        "by edit": {how: {"pairs": len(hits), "recall": _share(sum(hits), len(hits))} for how, hits in by_how.items()},
        "kinds": dict(Counter(found.values())),
        "processor ms a search": round(statistics.median(times) * 1000, 1),
        "95 % within processor ms": round(float(np.percentile(times, 95)) * 1000, 1),
    }


def _found(arriving: list[Arriving], settings: Duplicates) -> tuple[dict[tuple[int, int], str], list[float]]:
    """((earlier, later) to relation, for all that belong together; the time of each search)."""
    related: dict[tuple[int, int], str] = {}
    times = []
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name, open_database(Path(name) / "c.db") as database:
        store, pairs = Store(database), Pairs(database)
        index = TwinIndex(settings, store)
        number: dict[int, int] = {}
        same_as: dict[int, int] = {}
        for late, each in enumerate(arriving):
            arrival = Arrival(Path(f"/{late}"), 1, late, 1, late)
            photo = photo_from_arrival(arrival, f"{late:064x}", datetime(2026, 1, 1, tzinfo=UTC))
            photo = with_reading(replace(photo, status=Status.FILED), Reading(each.picture, each.findings))
            likeness = likeness_of(Reading(each.picture, each.findings))
            started = time.thread_time()
            match = index.find(fingerprint_of(photo, likeness))
            times.append(time.thread_time() - started)
            for twin in (*match.twins, *match.bursts):
                related[number[twin.photo_id], late] = twin.kind
                if twin.kind == "exact":
                    same_as.setdefault(late, same_as.get(number[twin.photo_id], number[twin.photo_id]))
            photo_id = store.add(photo)
            pairs.set_likeness(photo_id, likeness)
            number[photo_id] = late
            if late not in same_as:
                index.add(photo_id, each.picture.phash, likeness)
    return _for_all(related, same_as, len(arriving)), times


def _for_all(related: dict[tuple[int, int], str], same_as: dict[int, int], count: int) -> dict[tuple[int, int], str]:
    """Also those that belong together by way of a third: that is how they lie in the library."""
    head = list(range(count))

    def top(each: int) -> int:
        while head[each] != each:
            each = head[each]
        return each

    for (early, late), kind in related.items():
        if kind != "burst":
            head[top(late)] = top(early)
    first = [same_as.get(each, each) for each in range(count)]
    full = dict(related)
    for late in range(count):
        for early in range(late):
            if first[early] == first[late]:
                full[early, late] = "exact"
            elif top(early) == top(late):
                full.setdefault((early, late), "near")
    return full


def _never_mind(one: Arriving, two: Arriving) -> bool:
    bare = []
    for each in (one, two):
        group = each.group
        for ending in NEVER_MIND:
            group = group.removesuffix(ending)
        bare.append(group)
    return bare[0] == bare[1]


# -- how fast ------------------------------------------------------------------------------------------------


def search_time(known: int) -> dict:
    """Milliseconds of the index's own part of a search, among so many pictures with hash and code."""
    chance = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="curated-bench-") as name, synthetic(Path(name), 1_000) as database:
        store = Store(database)
        index = TwinIndex(Duplicates(), store)
        wanted = fingerprint_of(next(store.photos(limit=1)))
        for number in range(known - len(index)):
            likeness = Likeness(b"", "", "some", chance.bytes(32))
            index.add(10_000_000 + number, chance.bytes(8).hex(), likeness)
        grey = pack(chance.integers(0, 256, 48 * 48, dtype=np.uint8).tobytes())
        wanted = replace(wanted, likeness=Likeness(grey, "", "some", chance.bytes(32)))
        times, cpu = [], []
        for _ in range(SEARCHES):
            started, worked = time.perf_counter(), time.thread_time()
            index.find(wanted)
            times.append(time.perf_counter() - started)
            cpu.append(time.thread_time() - worked)
    figures = {"known": known, "median_ms": round(statistics.median(times) * 1000, 2)}
    figures["p95_ms"] = round(float(np.percentile(times, 95)) * 1000, 2)
    figures["cpu_ms"] = round(statistics.median(cpu) * 1000, 2)
    print(f"one search among {known:,}: {figures['median_ms']} ms (median), ", end="")
    print(f"{figures['p95_ms']} ms (95th percentile), {figures['cpu_ms']} ms of processor")
    return figures


def print_figures(figures: dict) -> None:
    print(f"\n{figures['pictures']} pictures, {figures['pairs of other pictures']:,} pairs of other pictures")
    print(f"exact: recall {figures['exact']['recall']:.4f} of {figures['exact']['pairs']} pairs")
    print(f"near: recall {figures['near']['recall']:.4f} of {figures['near']['pairs']} pairs")
    print(f"precision of pairs {figures['precision']:.4f}; made up: {figures['made up']}", end="")
    print(f" (besides {figures['mirrored or turned, labelled apart']} mirrored or turned, labelled apart)")
    for how, row in figures["by edit"].items():
        print(f"  {how:16}{row['recall']:8.3f} of {row['pairs']}")
    print(f"relations: {figures['kinds']}; {figures['processor ms a search']} ms of processor a search", end="")
    print(f" (95 %: {figures['95 % within processor ms']} ms)")


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


if __name__ == "__main__":
    main()
