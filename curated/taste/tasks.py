"""What the training process is asked, and what it answers; arrays are bytes of little-endian floats."""

from __future__ import annotations

import msgspec

from curated.taste.figures import Figures
from curated.taste.probation import Probation

# From so many confirmed pictures on, what the rules are worth is known well enough to doubt them.
_ENOUGH = 8


class TasteTask(msgspec.Struct, frozen=True, tag="taste"):
    """Learn keep from trash: float16 vectors of one length, verdicts (1 keep, 0 trash), and the groups of twins.

    `facts` are what is known of each picture without looking at it: date, size, shape, kind.
    """

    embedder: str
    vectors: list[bytes]
    verdicts: list[int]
    groups: list[int]
    facts: list[list[float]]


class Linear(msgspec.Struct, frozen=True):
    """A linear model on standardised inputs: `weights` (rows of `width` float32) and `bias`, one row for each class.

    score = ((x - mean) / scale) @ weights.T + bias. All are float32 bytes.
    """

    mean: bytes
    scale: bytes
    weights: bytes
    bias: bytes


class TasteAnswer(msgspec.Struct, frozen=True, tag="taste"):
    """The figures and the model; a picture's chance of being kept is sigmoid(slope * score + offset)."""

    figures: Figures
    model: Linear
    slope: float
    offset: float


class SpreadTask(msgspec.Struct, frozen=True, tag="spread"):
    """Put pictures whose chance is near one half into an order in which each next one adds most; `doubt` is 0..1."""

    vectors: list[bytes]
    doubt: list[float]


class SpreadAnswer(msgspec.Struct, frozen=True, tag="spread"):
    """The places of the pictures in that order."""

    order: list[int]


class CategoryTask(msgspec.Struct, frozen=True, tag="category"):
    """Learn categories: vectors, `rules` (a score of each category by what the models say of each picture) and labels.

    A label is -1 where a person has confirmed a category that is too small to be learnt: nothing is learnt from such a
    picture, but whatever would file it is wrong. `ruled` is the category that the rules alone would file each picture
    under, -1 for none of these or the review. Of a picture that is not `asked` about the rules decide by themselves.
    """

    embedder: str
    categories: list[str]
    vectors: list[bytes]
    rules: list[list[float]]
    ruled: list[int]
    asked: list[bool]
    labels: list[int]
    groups: list[int]
    precision: float


class CategoryFigures(msgspec.Struct, frozen=True):
    """How right one category is on pictures that were not learnt from; twins count as one picture together.

    `labels` confirmed pictures belong there. From the chance `threshold` up (above 1: never) it would take `filed`
    pictures, of which the share `precision` belongs there, and `recall` of all that do. Of the `rules_filed` pictures
    that the rules alone give it the share `rules_precision` belongs there (0.0 where they give it none). `probation` is
    what it has to go through, or has gone through, since it would first have filed any. `behind` is a category that was
    not learnt, for too few are confirmed, and that the rules file most of these pictures under; "" for none. Of
    `rules_unknown` of the confirmed pictures nobody knows what the rules would say, as their prompts' scores are lost.
    """

    category: str
    labels: int
    filed: int
    precision: float
    recall: float
    threshold: float
    rules_precision: float
    rules_filed: int
    probation: Probation | None = None
    behind: str = ""
    rules_unknown: int = 0

    @property
    def files(self) -> bool:
        """Whether it may file by itself: it was right as often as is wanted, now and for a good many labels."""
        return self.filed > 0 and self.probation is not None and self.probation.over

    @property
    def on_probation(self) -> bool:
        """Whether it is right as often as is wanted, and a later training has still to say the same."""
        return self.filed > 0 and not self.files

    def rules_fail(self, precision: float) -> bool:
        """Whether the rules gave this category often enough to know them, and were right less often than that."""
        return self.rules_filed >= _ENOUGH and self.rules_precision < precision


class CategoryAnswer(msgspec.Struct, frozen=True, tag="category"):
    """A multinomial model on the embedding and the rules' scores, and what each category is worth."""

    model: Linear
    categories: list[str]
    figures: list[CategoryFigures]


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The task cannot be done; `reason` is for a person."""

    reason: str


Task = TasteTask | SpreadTask | CategoryTask
Answer = TasteAnswer | SpreadAnswer | CategoryAnswer | Failure
