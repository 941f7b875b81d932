"""The sweep: what has a low keep score and has been on screen goes into the trash at once. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep takes, and how many below its threshold it leaves because they were not shown, or are marked."""

    ids: tuple[int, ...]
    unseen: int
    marked: int

    @property
    def promise(self) -> str:
        """What it would do: "23 go into the trash; 12 more were not shown yet and stay"."""
        if not self.ids and not self.unseen and not self.marked:
            return "no undecided picture of this list is below that"
        many = "no picture that was shown goes" if not self.ids else _go(len(self.ids))
        return f"{many} into the trash{self.left}"

    @property
    def left(self) -> str:
        """What it leaves, to be put behind what it does."""
        parts = [f"; {self.unseen:,} more below that were not shown yet and stay" if self.unseen else ""]
        parts.append(f"; {self.marked:,} marked {'stays' if self.marked == 1 else 'stay'}" if self.marked else "")
        return "".join(parts)


def planned(below: Sequence[int], here: Set[int], looked_at: Set[int], marked: Set[int]) -> Sweep:
    """The sweep of those `below` that are in the list; marked ones are the exceptions."""
    candidates = [photo_id for photo_id in below if photo_id in here]
    ids = tuple(each for each in candidates if each in looked_at and each not in marked)
    return Sweep(
        ids,
        unseen=sum(each not in looked_at for each in candidates),
        marked=sum(each in looked_at and each in marked for each in candidates),
    )


def threshold(text: str) -> float | None:
    """The percentage that was typed, "5", "2.5" or "5 %"; None where it is none."""
    try:
        number = float(text.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number <= 100 else None


def _go(number: int) -> str:
    return "1 picture goes" if number == 1 else f"{number:,} pictures go"
