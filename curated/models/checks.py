"""What can be said of the `full` profile's models without loading them: names that nobody knows, files that are broken.

The daemon looks before it touches a file; what only loading shows, the model process says in the same words.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from pathlib import Path

from curated.config import Full
from curated.errors import ConfigError
from curated.models import clip_tags, places
from curated.models.formats import what_is_wrong

DETECTOR, EMBEDDER, CAPTIONER = "models.full.detector", "models.full.embedder_weights", "models.full.captioner"
MEND = "fetch it again with `curated models pull`, or give the path of another"
_TOKENIZERS = ("tokenizer.json", "vocab.txt")


def check_names(full: Full) -> None:
    """Refuse a detector's name, an architecture or a tag that cannot be. Raises ConfigError naming the key."""
    if Path(full.detector).suffix != ".pt":
        raise ConfigError(f'{DETECTOR}: "{full.detector}" is no ultralytics checkpoint; its name must end in .pt')
    architecture, tag = full.embedder, full.embedder_weights
    if places.embedder_folder(full) or clip_tags.repository(architecture, tag):
        return
    known = clip_tags.architectures()
    if known and architecture not in known:
        what = _nearest(architecture, known)
        if places.own_path(architecture):
            what = f"nor is it a folder with {places.CLIP_CONFIG}"
        raise ConfigError(f'models.full.embedder: open_clip knows no architecture "{architecture}"; {what}')
    tags = clip_tags.published().get(architecture, {})
    if known and clip_tags.clean(tag) not in tags and places.own_path(tag) is None:
        raise ConfigError(
            f'{EMBEDDER}: open_clip has no weights "{tag}" for {architecture}, and there is no such file; '
            f"{_nearest(tag, tags)}"
        )


def check_files(full: Full) -> None:
    """Refuse checkpoints that are cut short or of another format; what is not on disk is no matter here.

    Raises ConfigError naming the key.
    """
    for key, path in (
        (DETECTOR, places.detector_file(full)),
        (EMBEDDER, places.embedder_file(full)),
        (CAPTIONER, places.captioner_file(full)),
    ):
        if path is None:
            continue
        wrong = what_is_wrong(path) or (_blip_fault(path.parent) if key == CAPTIONER else None)
        if wrong:
            raise ConfigError(f"{key}: {path} {wrong}; {MEND}")


def _blip_fault(folder: Path) -> str | None:
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        return "has no readable config.json beside it"
    if kind != "blip":
        return f"is a model of another kind ({kind}), not BLIP"
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        return f"has no tokenizer beside it ({' or '.join(_TOKENIZERS)})"
    return None


def _nearest(text: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(text, sorted(known), n=1, cutoff=0.0)
    return f'the nearest is "{near[0]}"' if near else "give the path of a checkpoint"
