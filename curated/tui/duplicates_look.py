"""A group of duplicates in words: what each picture is in it, in what they differ, which is the best in what. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from curated.domain import Photo, Status
from curated.state.pairs import Group
from curated.tui.words import plain, size_in_words

BEST = "*"


@dataclass(frozen=True, slots=True)
class Member:
    """One picture of a group; `number` is the key that makes it the keeper, None where it cannot be one."""

    photo: Photo
    role: str
    number: int | None


def members(group: Group, decided: Callable[[Photo], Photo]) -> list[Member]:
    """The keeper first; `decided` gives each picture as it is by all that was decided."""
    found = []
    for place, photo in enumerate((group.keeper, *group.duplicates, *group.burst), start=1):
        in_burst = photo.id in {each.id for each in group.burst}
        can_be = bool(group.duplicates) and not in_burst and place <= 9 and photo.status is not Status.MISSING
        found.append(Member(photo, _role(photo, decided(photo), group, in_burst), place if can_be else None))
    return found


def _role(before: Photo, now: Photo, group: Group, in_burst: bool) -> str:
    if now.status is Status.TRASHED:
        return "in the trash"
    if before.status is Status.MISSING:
        return "gone from the disk"
    if in_burst or not group.duplicates:
        return "of one burst, stays"
    if now.status is Status.DUPLICATE:
        return "duplicate" if before.status is not Status.DUPLICATE else f"{before.twin_kind or 'near'} duplicate"
    if before.status is Status.DUPLICATE:
        return "no longer a duplicate"
    return "keeper, chosen" if now.chosen else "keeper"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture has, each with whether it is the best of the group in it."""

    lines: tuple[tuple[str, bool], ...]

    def shown(self) -> list[str]:
        """A line each; the best begin with a mark, as colours alone are not seen by all."""
        return [f"{BEST if best else ' '} {text}" for text, best in self.lines]


def facts(photo: Photo, all_of_them: Sequence[Photo]) -> Facts:
    """Resolution, format, bytes, date and sharpness."""
    taken = photo.taken_at.strftime("%Y-%m-%d %H:%M:%S") if photo.taken_at else "no date"
    pixels = [_pixels(each) for each in all_of_them]
    sharpness = [each.sharpness or 0.0 for each in all_of_them]
    dates = [each.taken_at.isoformat() for each in all_of_them if each.taken_at]
    sizes = [each.size for each in all_of_them]
    return Facts(
        (
            (f"{photo.width or '?'}×{photo.height or '?'}", _leads(_pixels(photo), pixels)),
            (photo.format or "?", False),
            (size_in_words(photo.size), _leads(photo.size, sizes)),
            (taken, photo.taken_at is not None and len(set(dates)) > 1 and photo.taken_at.isoformat() == min(dates)),
            (f"sharpness {photo.sharpness or 0:.0f}", _leads(photo.sharpness or 0.0, sharpness)),
        )
    )


def differences(all_of_them: Sequence[Photo]) -> str:
    """In what they differ: "resolution, bytes"; "nothing but their names" where they do not."""
    questions: tuple[tuple[str, Callable[[Photo], object]], ...] = (
        ("resolution", lambda photo: (photo.width, photo.height)),
        ("format", lambda photo: photo.format),
        ("bytes", lambda photo: photo.size),
        ("date", lambda photo: photo.taken_at),
        ("sharpness", lambda photo: round(photo.sharpness or 0)),
    )
    found = [name for name, value in questions if len({value(photo) for photo in all_of_them}) > 1]
    return ", ".join(found) or "nothing but their names"


def short_name(photo: Photo) -> str:
    """Its folder and its file."""
    return plain(f"{photo.path.parent.name}/{photo.path.name}")


def _pixels(photo: Photo) -> int:
    return (photo.width or 0) * (photo.height or 0)


def _leads(value: float, values: Sequence[float]) -> bool:
    return value == max(values) and len(set(values)) > 1
