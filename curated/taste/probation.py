"""When what was learnt counts: once a later training, by a good many new labels, says the same as the first.

Pure chance passes any one test now and then, and whoever trains after every few labels takes that test again and
again on nearly the same labels. benchmarks/taste.py measures how seldom chance gets through both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from curated.state.labels import Sample

# New labels between two trainings that are to bear each other out: with fewer, they are as good as one.
_NEW, _NEW_SHARE = 25, 5
# An earlier training that is made up for wants no more labels than these: it is there to be borne out, not to be used.
_EARLIER = 2_000


class Probation(msgspec.Struct, frozen=True):
    """Every training since the label `since` has passed; of `wanted` labels after that one `left` are missing.

    A label is told by the number that it has in time (`Sample.nth`).
    """

    since: int
    wanted: int
    left: int

    @classmethod
    def begun(cls, labels: Sequence[int]) -> Self:
        """It begins with a training by these labels, which passed."""
        wanted = wanted_after(len(labels))
        return cls(max(labels, default=0), wanted, wanted)

    @classmethod
    def gone_on(cls, last: Self | None, labels: Sequence[int]) -> Self:
        """It begins, or goes on from `last` where the training before passed, too, by a training by these labels."""
        return last.served(labels) if last else cls.begun(labels)

    def served(self, labels: Sequence[int]) -> Self:
        """What is left of it by these labels."""
        new = sum(label > self.since for label in labels)
        return type(self)(self.since, self.wanted, max(0, self.wanted - new))

    @property
    def over(self) -> bool:
        """Whether enough labels have borne out what was learnt."""
        return self.left == 0


def wanted_after(labels: int) -> int:
    """How many new labels it takes to bear out what so many have taught."""
    return max(_NEW, math.ceil(labels / _NEW_SHARE))


def earlier(samples: Sequence[Sample]) -> list[Sample]:
    """The labels that there were when as many were missing as it takes to bear them out; at most some thousand."""
    ordered = sorted(samples, key=lambda sample: sample.nth)
    size = len(ordered)
    while size and size + wanted_after(size) > len(ordered):
        size -= 1
    size = min(size, _EARLIER)
    # Labels that were given at one moment are old together or new together.
    while 0 < size < len(ordered) and ordered[size - 1].nth == ordered[size].nth:
        size -= 1
    return ordered[:size]
