"""From labels to scores: the samples out of the database, the training in a child, the scores back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from curated.errors import TooFewLabels
from curated.state.journal import Clock, utc_now
from curated.state.labels import Labels, Sample, Scores
from curated.state.learnt import LearntModels
from curated.state.rows import to_text
from curated.taste.figures import Figures
from curated.taste.models import Taste, sound, trainings
from curated.taste.probation import Probation, earlier
from curated.taste.process import run
from curated.taste.tasks import SpreadAnswer, SpreadTask, TasteAnswer, TasteTask

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# With fewer of either, folds would hold one or none of them.
LEAST_OF_EACH = 10
# Twins stay together, so that five folds want five groups of each.
LEAST_GROUPS = 5
# The next to ask about are chosen among the more doubtful quarter, within these bounds (measured: benchmarks/taste.py).
_SHARE, _FEWEST, _MOST = 4, 250, 2_000
_KINDS = ("photo", "illustration", "screenshot", "document", "meme")
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - cameras' times have no zone


def predict(labels: Labels, clock: Clock = utc_now) -> Figures:
    """Train on what is labelled, score what is not, keep the model and the scores in the database; the figures.

    Until it has earned trust no picture has a score; which to ask about next is known all the same. Raises
    TooFewLabels where there are too few labels, saying how many are wanted, and CuratedError if training fails.
    """
    seen = labels.newest_verdict()
    embedder = labels.embedder()
    samples = sound(labels.labelled(embedder)) if embedder else []
    check_enough(samples, labels.number())
    answer = run(_task(embedder or "", samples), TasteAnswer)
    figures = msgspec.structs.replace(answer.figures, seen=seen, at=to_text(clock()))
    if figures.passes:
        probation = _probation(next(iter(trainings(labels.database, 1)), None), figures, samples)
        figures = msgspec.structs.replace(figures, probation=probation)
    taste = Taste.of(msgspec.structs.replace(answer, figures=figures))
    present = labels.scored()
    scored = _scores(labels, taste)
    figures = msgspec.structs.replace(figures, scored=sum(chance is not None for chance, _ in scored.values()))
    answer = msgspec.structs.replace(answer, figures=figures)
    # In this order: where it ends in between, the model is not there, and the next training is due as this one was.
    labels.set_scores(scored, present)
    LearntModels(labels.database).add("taste", figures.embedder, seen, msgspec.msgpack.encode(answer), clock())
    # What has come in meanwhile was judged by an older taste, or by none.
    _score_late(labels, taste, scored)
    return figures


def _task(embedder: str, samples: list[Sample]) -> TasteTask:
    return TasteTask(
        embedder=embedder,
        vectors=[sample.vector for sample in samples],
        verdicts=[int(sample.label == "keep") for sample in samples],
        groups=[sample.group for sample in samples],
        facts=[_facts(sample) for sample in samples],
    )


def _probation(last: Figures | None, figures: Figures, samples: list[Sample]) -> Probation:
    """What is left of the probation of a training that passes; `last` is the one before it."""
    labels = [sample.nth for sample in samples]
    if last is not None and last.embedder == figures.embedder:
        return Probation.gone_on(last.probation if last.passes else None, labels)
    # The first of all, perhaps by hundreds of labels: the one before it is made up for.
    older = earlier(samples)
    try:
        check_enough(older, len(older))
    except TooFewLabels:
        return Probation.begun(labels)
    passed = run(_task(figures.embedder, older), TasteAnswer).figures.passes
    return Probation.gone_on(Probation.begun([sample.nth for sample in older]) if passed else None, labels)


def check_enough(samples: list[Sample], labelled: int) -> None:
    """Raises TooFewLabels, saying what is missing, where too few are labelled to learn keep from trash.

    `labelled` counts those without an embedding of that one model, too.
    """
    kept = sum(sample.label == "keep" for sample in samples)
    trashed = len(samples) - kept
    more = "`curated review` or `curated mark keep|trash` makes them"
    if min(kept, trashed) < LEAST_OF_EACH:
        raise TooFewLabels(
            f"too few labels: {kept} kept and {trashed} trashed, at least {LEAST_OF_EACH} of each are wanted; "
            f"{others(labelled - len(samples))}{more}"
        )
    for verdict, word in (("keep", "kept"), ("trash", "trashed")):
        apart = len({sample.group for sample in samples if sample.label == verdict})
        if apart < LEAST_GROUPS:
            raise TooFewLabels(
                f"too few labels: of {kept} kept and {trashed} trashed, the {word} ones are twins in only {apart} "
                f"group{'s' if apart > 1 else ''}, at least {LEAST_GROUPS} are wanted; {more}"
            )


def others(number: int) -> str:
    """A word about labelled pictures that cannot be learnt from together with the rest."""
    if not number:
        return ""
    were = "1 more has a label, but an embedding" if number == 1 else f"{number} more have a label, but embeddings"
    return f"{were} of another model, damaged or none (`curated recurate` mends that); "


def _scores(labels: Labels, taste: Taste) -> Scores:
    """Those of every picture without a verdict; no chances where they earn no trust."""
    import numpy

    ids: list[int] = []
    blocks: list[npt.NDArray[np.float32]] = [numpy.zeros(0, numpy.float32)]
    for some in labels.unlabelled(taste.embedder):
        ids += [photo_id for photo_id, _ in some]
        blocks.append(taste.chances([vector for _, vector in some]))
    chances = numpy.concatenate(blocks)
    said = numpy.isfinite(chances)
    ask = numpy.where(said, 0.5 - numpy.abs(chances - 0.5), 0.0)
    doubtful = numpy.argsort(-ask, kind="stable")[: doubtful_among(len(ids))]
    doubtful = doubtful[said[doubtful]]
    if len(doubtful):
        vectors = labels.vectors(taste.embedder, [ids[place] for place in doubtful])
        # Meanwhile one may have been judged anew by another model, or be gone.
        doubtful = doubtful[[ids[place] in vectors for place in doubtful]]
    if len(doubtful):
        task = SpreadTask([vectors[ids[place]] for place in doubtful], ask[doubtful].tolist())
        order = run(task, SpreadAnswer).order
        ask[doubtful[numpy.asarray(order)]] = 2 - numpy.arange(len(order)) / len(order)
    told = said & taste.figures.earns_trust
    return {
        photo_id: (round(float(chance), 4) if tell else None, round(float(soon), 4))
        for photo_id, chance, tell, soon in zip(ids, chances, told, ask, strict=True)
    }


def _score_late(labels: Labels, taste: Taste, scored: Scores) -> None:
    """Score what has arrived since all was `scored`, and what an older taste has scored anew since then."""
    others = {photo_id: found for photo_id, found in labels.scored().items() if scored.get(photo_id) != found}
    vectors = labels.vectors(taste.embedder, list(others))
    late = [list(vectors.items())] if vectors else []
    late += labels.unlabelled(taste.embedder, max(scored, default=0))
    scores: Scores = {
        photo_id: taste.opinion(chance)
        for some in late
        for (photo_id, _), chance in zip(some, taste.chances([vector for _, vector in some]), strict=True)
    }
    labels.set_scores(scores, others)


def doubtful_among(pictures: int) -> int:
    """Among how many of the most doubtful the next to ask about are chosen."""
    return min(_MOST, max(_FEWEST, pictures // _SHARE))


def _facts(sample: Sample) -> list[float]:
    """What is known of a picture without looking at it: the baseline that a taste has to beat."""
    import math

    days = (sample.taken_at.replace(tzinfo=None) - _EPOCH).total_seconds() / 86_400 if sample.taken_at else 0.0
    kinds = json.loads(sample.kind_scores)
    return [
        days,
        math.log1p(sample.size),
        math.log1p(sample.width * sample.height),
        math.log((sample.size + 1) / (sample.width * sample.height + 1)),
        math.log((sample.width or 1) / (sample.height or 1)),
        *(float(kinds.get(kind, 0.0)) for kind in _KINDS),
    ]


__all__ = ["LEAST_GROUPS", "LEAST_OF_EACH", "check_enough", "others", "predict"]
