"""From verdicts to scores: the samples out of the database, the training in a child, the scores back."""

from __future__ import annotations

import subprocess
import sys

import msgspec

from curated.errors import CuratedError, NotFound
from curated.state.labels import Labels, Sample
from curated.taste.figures import Figures

# With fewer of either, folds would hold one or none of them.
LEAST_OF_EACH = 10
# Twins stay together, so that five folds want five groups of each.
LEAST_GROUPS = 5


class Task(msgspec.Struct, frozen=True):
    """What the child is given: float16 vectors of one length, verdicts (1 keep, 0 trash) and groups of the labelled."""

    embedder: str
    labelled: list[bytes]
    verdicts: list[int]
    groups: list[int]
    unlabelled: list[bytes]


class Answer(msgspec.Struct, frozen=True):
    """What the child gives back; `scores` are the chances of being kept, in the order of `unlabelled`."""

    figures: Figures
    scores: list[float]


def predict(labels: Labels) -> Figures:
    """Train on what is labelled, score what is not, keep the scores in the database; the figures.

    Raises NotFound where there are too few labels, saying how many are wanted, and CuratedError if training fails.
    """
    embedder = labels.embedder()
    samples = list(labels.samples(embedder)) if embedder else []
    labelled = [sample for sample in samples if sample.verdict is not None]
    unlabelled = [sample for sample in samples if sample.verdict is None]
    kept = sum(sample.verdict == "keep" for sample in labelled)
    trashed = len(labelled) - kept
    if embedder is None or min(kept, trashed) < LEAST_OF_EACH:
        raise NotFound(
            f"too few labels: {kept} kept and {trashed} trashed, at least {LEAST_OF_EACH} of each are wanted; "
            "`curated mark keep|trash` makes them"
        )
    groups = _groups(labelled)
    for verdict, word in (("keep", "kept"), ("trash", "trashed")):
        apart = len({group for group, each in zip(groups, labelled, strict=True) if each.verdict == verdict})
        if apart < LEAST_GROUPS:
            raise NotFound(
                f"too few labels: of {kept} kept and {trashed} trashed, the {word} ones are twins in only {apart} "
                f"group{'s' if apart > 1 else ''}, at least {LEAST_GROUPS} are wanted; "
                "`curated mark keep|trash` makes more"
            )
    task = Task(
        embedder=embedder,
        labelled=[sample.vector for sample in labelled],
        verdicts=[int(sample.verdict == "keep") for sample in labelled],
        groups=groups,
        unlabelled=[sample.vector for sample in unlabelled],
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "curated.taste.child"],
        input=msgspec.msgpack.encode(task),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()[-1:] or ["no word from it"]
        raise CuratedError(f"the training failed: {last[0]}")
    answer = msgspec.msgpack.decode(done.stdout, type=Answer)
    labels.set_keep_scores([(sample.photo_id, score) for sample, score in zip(unlabelled, answer.scores, strict=True)])
    return answer.figures


def _groups(samples: list[Sample]) -> list[int]:
    """A number for each sample; twins share one, so that they never stand in both halves of a fold."""
    return [sample.twin_of or sample.photo_id for sample in samples]
