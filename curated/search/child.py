"""The process that knows the embedder: `python -m curated.search.child` reads what is asked, writes an Answer."""

from __future__ import annotations

import importlib
import os
import pickle
import sys

import msgspec
import numpy as np

from curated.errors import CuratedError
from curated.models.offline import go_offline
from curated.search.asking import Answer


def main() -> None:
    """Load the embedder, embed, answer."""
    full, cache, text, opener = pickle.load(sys.stdin.buffer)
    # What libraries print must not come between the bytes of the answer.
    answering = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    go_offline(cache)
    module, _, function = opener.partition(":")
    try:
        # One sentence is sooner read on the processor than a GPU is woken.
        embedder = getattr(importlib.import_module(module), function)(full, "cpu")
        vector = np.asarray(embedder.embed_text([text])[0], np.float32)
        answer = Answer(embedder.model_id, vector.tobytes())
    except CuratedError as error:
        answer = Answer(error=str(error))
    with answering:
        answering.write(msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main()
