"""Trained models as arrays: what they say of a picture, without scikit-learn."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from curated.state.database import Database
from curated.state.labels import Sample
from curated.state.learnt import Learnt, LearntModels, Role
from curated.taste.figures import Figures
from curated.taste.tasks import CategoryAnswer, CategoryFigures, Linear, TasteAnswer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

log = logging.getLogger(__name__)

T = TypeVar("T", TasteAnswer, CategoryAnswer)

# A sure no and a sure yes, on a scale on which both have an end.
_LEAST, _MOST = 0.01, 0.99
# Bytes of a number of an embedding (float16).
_HALF = 2


def log_odds(scores: Floats) -> Floats:
    """Scores from 0 to 1 on a scale on which a sure yes and a sure no are as far from a shrug."""
    import numpy

    clipped = numpy.clip(scores, _LEAST, _MOST)
    found: Floats = numpy.log(clipped / (1 - clipped)).astype(numpy.float32)
    return found


@dataclass(frozen=True, slots=True)
class _Plane:
    """score = x @ weights.T + bias, with the standardisation folded in."""

    weights: Floats
    bias: Floats

    @property
    def width(self) -> int:
        return int(self.weights.shape[1])

    @classmethod
    def of(cls, linear: Linear) -> Self:
        import numpy

        mean, scale, bias = (numpy.frombuffer(each, "<f4") for each in (linear.mean, linear.scale, linear.bias))
        weights = numpy.frombuffer(linear.weights, "<f4").reshape(len(bias), len(mean)) / scale
        return cls(weights, bias - weights @ mean)

    def scores(self, inputs: Floats) -> Floats:
        found: Floats = inputs @ self.weights.T + self.bias
        return found


@dataclass(frozen=True, slots=True)
class Taste:
    """The keep predictor of one embedder."""

    embedder: str
    figures: Figures
    _plane: _Plane
    _slope: float
    _offset: float

    @classmethod
    def of(cls, answer: TasteAnswer) -> Self:
        """The predictor that the training gave back."""
        return cls(answer.figures.embedder, answer.figures, _Plane.of(answer.model), answer.slope, answer.offset)

    @classmethod
    def newest(cls, database: Database) -> Self | None:
        """The last one that was trained, or None."""
        found = _newest(database, "taste", TasteAnswer)
        return cls.of(found) if found else None

    def chances(self, vectors: Sequence[bytes]) -> Floats:
        """The chance of being kept, 0..1, of each float16 vector by `embedder`; NaN where that is none (`_rows`)."""
        import numpy

        inputs, fine = _rows(vectors, self._plane.width)
        logits = self._slope * self._plane.scores(inputs)[:, 0] + self._offset
        found: Floats = numpy.where(fine, 0.5 * (1 + numpy.tanh(0.5 * logits)), numpy.nan).astype(numpy.float32)
        return found

    def opinion(self, chance: float) -> tuple[float | None, float]:
        """(the chance if it is to be trusted, how soon to ask about a picture that has this one).

        Of an embedding that is not of numbers alone nothing is said; such a picture is asked about last.
        """
        if not math.isfinite(chance):
            return None, 0.0
        trusted = self.figures.earns_trust
        return round(float(chance), 4) if trusted else None, round(0.5 - abs(float(chance) - 0.5), 4)


def sound(samples: Sequence[Sample]) -> list[Sample]:
    """The samples whose embeddings are of numbers alone and of the commonest length.

    One that overflowed or was cut would make all of a training fail.
    """
    lengths = Counter(len(each.vector) for each in samples if each.vector and not len(each.vector) % _HALF)
    if not lengths:
        return []
    _, fine = _rows([each.vector for each in samples], lengths.most_common(1)[0][0] // _HALF)
    return [each for each, is_fine in zip(samples, fine, strict=True) if is_fine]


def _rows(vectors: Sequence[bytes], width: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(float32 rows of float16 bytes, which are sound): others are of another length or not finite, and all 0 here."""
    import numpy

    nothing = bytes(_HALF * width)
    fitting = [vector if len(vector) == len(nothing) else nothing for vector in vectors]
    rows = numpy.frombuffer(b"".join(fitting), numpy.float16).reshape(len(fitting), width).astype(numpy.float32)
    finite = numpy.isfinite(rows).all(axis=1)
    rows[~finite] = 0
    return rows, finite & numpy.asarray([len(vector) == len(nothing) for vector in vectors], bool)


def trainings(database: Database, limit: int = 20) -> list[Figures]:
    """The figures of the last trainings, the oldest first: how the taste got better with more labels."""
    answers = [_read(each, TasteAnswer) for each in LearntModels(database).last("taste", limit)]
    return [answer.figures for answer in reversed(answers) if answer is not None]


def learnt_categories(database: Database) -> list[CategoryFigures]:
    """What each category is worth that was learnt last; empty where none was."""
    found = _newest(database, "category", CategoryAnswer)
    return found.figures if found else []


def newest_categories(database: Database, embedder: str) -> dict[str, CategoryFigures] | None:
    """What each category is worth that was learnt last, if it was by this embedder."""
    found = LearntModels(database).newest("category")
    answer = _read(found, CategoryAnswer) if found and found.embedder == embedder else None
    return {each.category: each for each in answer.figures} if answer else None


def _newest(database: Database, role: Role, expected: type[T]) -> T | None:
    found = LearntModels(database).newest(role)
    return _read(found, expected) if found else None


def _read(learnt: Learnt, expected: type[T]) -> T | None:
    """What was stored; nothing where it cannot be read, as if it had not been learnt."""
    try:
        return msgspec.msgpack.decode(learnt.payload, type=expected)
    except msgspec.DecodeError as error:
        log.warning("what was learnt at %s cannot be read (%s); `curated predict` learns it anew", learnt.at, error)
        return None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What was learnt of categories says of one picture: the likeliest, its chance, and what it is worth."""

    category: str
    chance: float
    figures: CategoryFigures

    @property
    def is_sure(self) -> bool:
        """Whether pictures with such a chance were right as often as is wanted, for long enough to go by it."""
        return self.figures.files and self.chance >= self.figures.threshold


@dataclass(frozen=True, slots=True)
class LearntCategories:
    """The categories that a person's corrections have taught, by one embedder."""

    embedder: str
    figures: dict[str, CategoryFigures]
    _categories: tuple[str, ...]
    _plane: _Plane

    @classmethod
    def newest(cls, database: Database) -> Self | None:
        """The last that was trained, or None."""
        found = LearntModels(database).newest("category")
        answer = _read(found, CategoryAnswer) if found else None
        if found is None or answer is None:
            return None
        figures = {each.category: each for each in answer.figures}
        return cls(found.embedder, figures, tuple(answer.categories), _Plane.of(answer.model))

    def opinion(self, vector: bytes, rules: Sequence[tuple[str, float]]) -> Opinion | None:
        """The likeliest category of a picture; `rules` are the scores that the rules give each (decide.candidates).

        None where the embedding is not of numbers alone, or of another length than those that were learnt from.
        """
        import numpy

        (row,), (is_sound,) = _rows([vector], self._plane.width - len(self._categories))
        if not is_sound:
            return None
        scores = dict(rules)
        said = log_odds(numpy.asarray([scores.get(name, 0.0) for name in self._categories], numpy.float32))
        logits = self._plane.scores(numpy.concatenate([row, said])[None])[0]
        shares = numpy.exp(logits - logits.max())
        best = int(shares.argmax())
        name = self._categories[best]
        return Opinion(name, float(shares[best] / shares.sum()), self.figures[name])
