"""A sentence as a point among the pictures: asked of the embedder in a short-lived child, which alone imports it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import msgspec

from curated.config import Full
from curated.errors import CuratedError

OPEN_EMBEDDER = "curated.models.full.embedder:open_embedder"


class Answer(msgspec.Struct, frozen=True):
    """What the child gives back: the embedder's id and the float32 bytes of a unit vector, or why there is none."""

    model: str = ""
    vector: bytes = b""
    error: str = ""


def embed_text(full: Full, cache: Path, text: str, opener: str = OPEN_EMBEDDER) -> tuple[str, bytes]:
    """(model id, unit vector as float32 bytes) of the text by the configured embedder.

    `opener` is "module:function", called as opener(full, device), for what has `model_id` and `embed_text`. Raises
    CuratedError where it cannot be loaded.
    """
    done = subprocess.run(
        # -P: a file named like a module in the working directory must not be run in its place.
        [sys.executable, "-P", "-m", "curated.search.child"],
        input=pickle.dumps((full, cache, text, opener)),
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()[-1:] or ["no word from it"]
        raise CuratedError(f"the embedder failed: {last[0]}")
    answer = msgspec.msgpack.decode(done.stdout, type=Answer)
    if answer.error:
        raise CuratedError(answer.error)
    return answer.model, answer.vector
