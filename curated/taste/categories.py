"""Learning categories from what a person confirmed and corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, replace

import msgspec
from msgspec import structs

from curated.config import Config
from curated.domain import Decision, Photo, Reading, Status
from curated.errors import TooFewLabels
from curated.state.journal import Clock, utc_now
from curated.state.labels import Labels, Sample
from curated.state.learnt import LearntModels
from curated.state.rows import reading_from_photo
from curated.state.store import Store
from curated.taste.models import newest_categories, sound
from curated.taste.probation import Probation, earlier
from curated.taste.process import run
from curated.taste.tasks import CategoryAnswer, CategoryFigures, CategoryTask
from curated.taste.training import others

# A category with fewer confirmed pictures, or fewer that are no twins of one another, is left to the rules.
LEAST = 8


def learn_categories(labels: Labels, config: Config, clock: Clock = utc_now) -> list[CategoryFigures]:
    """Train on all confirmed categories and keep the model in the database; what each category is worth.

    Raises TooFewLabels where fewer than two categories have enough confirmed pictures, CuratedError if training fails.
    """
    seen = labels.newest_confirmed()
    embedder = labels.embedder("confirmed")
    samples = sound(labels.labelled(embedder, "confirmed")) if embedder else []
    names = _enough(samples)
    if embedder is None or len(names) < 2:
        raise TooFewLabels(
            f"too few confirmed: two categories with {LEAST} pictures each, not all twins of one another, are wanted; "
            f"{others(labels.number('confirmed') - len(samples))}"
            "`curated review` (Enter, 1 to 9) or `curated file-as` makes them"
        )
    answer = _learnt(labels, config, embedder, samples, names)
    last = newest_categories(labels.database, embedder)
    if last is None and any(each.filed for each in answer.figures):
        figures = _as_if_before(labels, config, embedder, samples, answer.figures)
    else:
        figures = [_on_probation(each, (last or {}).get(each.category), samples) for each in answer.figures]
    answer = structs.replace(answer, figures=figures)
    LearntModels(labels.database).add("category", embedder, seen, msgspec.msgpack.encode(answer), clock())
    return answer.figures


def _learnt(labels: Labels, config: Config, embedder: str, samples: list[Sample], names: list[str]) -> CategoryAnswer:
    ruled = [_ruled(labels, sample, names, config) for sample in samples]
    answer = run(
        CategoryTask(
            embedder=embedder,
            categories=names,
            vectors=[sample.vector for sample in samples],
            rules=[each.scores for each in ruled],
            ruled=[names.index(each.category) if each.category in names else -1 for each in ruled],
            asked=[each.asked for each in ruled],
            labels=[names.index(sample.label) if sample.label in names else -1 for sample in samples],
            groups=[sample.group for sample in samples],
            precision=config.taste.precision,
        ),
        CategoryAnswer,
    )
    fixed = {*names, *config.worded_categories}
    behind = {name: _behind(name, fixed, samples, ruled) for name in names}
    unknown = Counter(sample.label for sample, each in zip(samples, ruled, strict=True) if not each.known)
    figures = [
        structs.replace(each, behind=behind[each.category], rules_unknown=unknown[each.category])
        for each in answer.figures
    ]
    return structs.replace(answer, figures=figures)


def _behind(name: str, fixed: set[str], samples: list[Sample], ruled: list[_Ruled]) -> str:
    """The category, none of the `fixed` ones, that the rules file most of the confirmed pictures of `name` under."""
    said = [each.category for sample, each in zip(samples, ruled, strict=True) if sample.label == name]
    likeliest, number = Counter(said).most_common(1)[0]
    return likeliest if likeliest and likeliest not in fixed and 2 * number > len(said) else ""


def _as_if_before(
    labels: Labels, config: Config, embedder: str, samples: list[Sample], found: list[CategoryFigures]
) -> list[CategoryFigures]:
    """The figures of a first training with what is left of each probation: the one before it is made up for."""
    older = earlier(samples)
    names = _enough(older)
    passed = _learnt(labels, config, embedder, older, names).figures if len(names) > 1 else []
    since = {
        each.category: structs.replace(each, probation=Probation.begun([sample.nth for sample in older]))
        for each in passed
    }
    return [_on_probation(each, since.get(each.category), samples) for each in found]


def _on_probation(figures: CategoryFigures, last: CategoryFigures | None, samples: list[Sample]) -> CategoryFigures:
    """With what is left of its probation if it would file any; `last` is what the training before said of it."""
    if not figures.filed:
        return figures
    before = last.probation if last and last.filed else None
    return structs.replace(figures, probation=Probation.gone_on(before, [sample.nth for sample in samples]))


def is_asked(ruled: Decision, learnt: Container[str], config: Config) -> bool:
    """Whether what was learnt has a word in where the picture goes that the rules have decided on.

    A rule with words of the person's own holds. A category that is not among the `learnt` could not be told from them:
    every picture of it would be taken for the one of these that is least unlike it.
    """
    if ruled.category in config.worded_categories:
        return False
    return ruled.status is not Status.FILED or ruled.category in learnt


def _enough(samples: list[Sample]) -> list[str]:
    pictures = Counter(sample.label for sample in samples)
    groups = Counter(label for label, _ in {(sample.label, sample.group) for sample in samples})
    return sorted(name for name in pictures if min(pictures[name], groups[name]) >= LEAST)


@dataclass(frozen=True, slots=True)
class _Ruled:
    """What the rules say of a picture: of each category, which one they would file it under ("" for the review)."""

    scores: list[float]
    category: str
    asked: bool
    known: bool = True


def _ruled(labels: Labels, sample: Sample, names: list[str], config: Config) -> _Ruled:
    # Imported here: `status` says what was learnt, and need not load the rules for that.
    from curated.decide import candidates, decide

    photo = Store(labels.database).get(sample.photo_id)
    reading = reading_from_photo(photo)
    if reading is None:
        return _Ruled([0.0] * len(names), "", asked=True)
    scores, decision = dict(candidates(reading.findings, config)), decide(reading, photo.original_path, config)
    known = not _is_unknown(photo, reading, decision, config)
    return _Ruled(
        scores=[scores.get(name, 0.0) for name in names],
        category=decision.category if known and decision.status is Status.FILED else "",
        asked=not known or is_asked(decision, names, config),
        known=known,
    )


def _is_unknown(photo: Photo, reading: Reading, decision: Decision, config: Config) -> bool:
    """Whether prompts might decide otherwise: a row from before what they say was kept."""
    from curated.decide import decide

    findings = reading.findings
    if findings.profile != "full" or findings.category_scores:
        return False
    supposed = [replace(findings, category_scores={rule.name: 1.0}) for rule in config.category if rule.prompts]
    return any(
        decide(replace(reading, findings=each), photo.original_path, config).category != decision.category
        for each in supposed
    )
