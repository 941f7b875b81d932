"""What comes next, as small pictures in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.containers import Horizontal

from curated.review import Seen
from curated.tui.picture import Thumbnail
from curated.tui.review.panel import signs
from curated.tui.words import plain

_MOST = 24
_LEAST_CELLS = 12


@dataclass(frozen=True, slots=True)
class Frame:
    """One place of the strip: a picture, or None where it is no longer known."""

    seen: Seen | None
    current: bool = False
    marked: bool = False


class Filmstrip(Horizontal):
    """The pictures around the cursor; `room` says how many it has place for."""

    @property
    def room(self) -> int:
        """How many pictures fit, one below the edge at most."""
        return max(1, min(_MOST, self.size.width // self._cells)) if self.display else 1

    @property
    def _cells(self) -> int:
        # Half as high as wide is square.
        return max(_LEAST_CELLS, 2 * self.size.height + 2)

    def show(self, frames: Sequence[Frame]) -> None:
        """Show these, from the left."""
        places = list(self.query(Thumbnail))
        if (missing := len(frames) - len(places)) > 0:
            new = [Thumbnail() for _ in range(missing)]
            places += new
            self.mount(*new)
        width = self._cells
        for number, place in enumerate(places):
            place.display = number < len(frames)
            if not place.display:
                continue
            frame = frames[number]
            if place.styles.width is None or place.styles.width.value != width - 1:
                place.styles.width = width - 1
            place.set_class(frame.current, "-current")
            place.set_class(frame.marked, "-marked")
            if frame.seen is None:
                place.title = "gone"
                place.show(None, None)
            else:
                photo = frame.seen.photo
                sign = signs(photo)
                place.title = f"{sign} {plain(photo.name)}" if sign else plain(photo.name)
                place.show(photo, frame.seen.file)
