"""What one picture is to another: the same shot, another of the same burst, only like it, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from curated.config import Duplicates
from curated.domain import Photo, Reading, Twin
from curated.duplicates.leaning import leaning
from curated.duplicates.likeness import (
    CODE_BITS,
    Look,
    Overlay,
    code_of,
    look,
    mirrorless_hashes,
    overlay,
    pack,
    turned_hashes,
)
from curated.duplicates.words import is_read, same_words
from curated.state.pairs import NO_LIKENESS, Fingerprint, Likeness

# How many bits of the 256-bit hash may differ where there are no grey copies to lay over each other. Measured: 55 pairs
# of re-encoded, resized or brightened pictures differ in at most 16, crops in 60 and more.
_WIDE_DISTANCE = 32
# A hash with fewer bits set (or unset) comes from a blank or nearly blank picture and tells nothing.
_LEAST_BITS = 6
# What is turned or mirrored is not read, so it must agree all the better.
_TURNED_AGREES = 0.9
# What is laid over another at many angles fits one of them by chance more easily.
_LEANING_AGREES = 0.8
# Where three fields of two photos may differ altogether, the others must agree as well as if it were turned: a text may
# have been written over it, but a person may also have walked into the scene.
_SAME_SCENE = 0.3
# Two pages of one form, two screens of one program: where no words tell them apart, every field must agree.
_WRITTEN = frozenset({"document", "screenshot", "meme"})
_SAME_PAGE = 0.85
# Photos taken in the same second, of one size, are one shot only if every field of them agrees so well.
_ONE_SHOT = 0.9
# The same photo saved with its time moved to another zone: whole quarters of an hour, and no field differs.
_QUARTER, _UNCHANGED = 900, 0.97


@dataclass(frozen=True, slots=True)
class Relation:
    """What a known picture is to the new one; one that is not `sure` is only like it. `agreement` is at most 1."""

    twin: Twin
    sure: bool
    agreement: float = 0.0


class Comparison:
    """One new picture, compared with known ones."""

    def __init__(self, picture: Fingerprint, settings: Duplicates) -> None:
        self.picture = picture
        self._look = look(picture.likeness.grey, picture.width, picture.height)
        self._settings = settings
        own = int(picture.phash, 16) if picture.phash else 0
        tells = _LEAST_BITS <= own.bit_count() <= 64 - _LEAST_BITS
        inner = [int(picture.likeness.inner, 16)] if picture.likeness.inner else []
        self._turned = turned_hashes(self._look) if self._look and tells else []
        # Its own and that inside its border; none of one that tells nothing.
        self.hashes = [own, *inner] if tells else []
        self.mirrorless = mirrorless_hashes(self._look) if self._look and tells else []

    @property
    def reach(self) -> int:
        """How many bits of a hash may differ in what is worth a comparison."""
        return self._settings.verify_distance if self._look else self._settings.ask_distance

    def with_known(self, other: Fingerprint) -> Relation | None:
        """What the two are to each other; None if nothing."""
        distance, turn = self._distance(other)
        known = look(other.likeness.grey, other.width, other.height)
        overlaid = self._overlaid(other, known, distance, turn) if self._look and known else None
        upright, in_part = (overlaid.turn == 0, overlaid.part < 1) if overlaid else (True, False)
        if upright and not same_words(self.picture, other, in_part=in_part):
            return None
        if not self._one_shot(other, overlaid):
            return self._burst(other, distance) or self._suspicion(other, distance)
        if not self._alike(other, distance, turn, overlaid):
            return self._suspicion(other, distance)
        agreement = overlaid.agreement if overlaid else 1.0
        return Relation(Twin(other.photo_id, "near", distance, self._why(other, distance, overlaid)), True, agreement)

    def _overlaid(self, other: Fingerprint, known: Look, distance: int, turn: int) -> Overlay:
        """The best way to lay the two over each other."""
        assert self._look is not None
        found = overlay(self._look, known, (0, turn) if turn else (0,))
        if {self.picture.kind, other.kind} & _WRITTEN or self._alike(other, distance, turn, found):
            return found  # lines of text lie on others whichever way they lean
        leans = leaning(self._look, known)
        return leans if leans is not None and leans.agreement > found.agreement else found

    def _distance(self, other: Fingerprint) -> tuple[int, int]:
        """(bits of the 64-bit hash that differ, the turn by which they are so few)."""
        if not self.hashes or not other.phash:
            return 64, 0
        known = [int(other.phash, 16), *([int(other.likeness.inner, 16)] if other.likeness.inner else [])]
        upright = min((one ^ two).bit_count() for one in self.hashes for two in known)
        turned = [((value ^ known[0]).bit_count(), turn) for turn, value in enumerate(self._turned)][1:]
        # A symmetrical picture is as like itself when it is turned: then it counts as upright.
        return min([(upright, 0), *turned])

    def _alike(self, other: Fingerprint, distance: int, turn: int, overlaid: Overlay | None) -> bool:
        if overlaid is None:
            wide = _bits(self.picture.phash_wide, other.phash_wide, 256)
            return turn == 0 and distance <= self._settings.near_distance and wide <= _WIDE_DISTANCE
        kinds = {self.picture.kind, other.kind}
        if overlaid.turn:
            # A turned part of a page or screen is a rectangle among many: that it fits somewhere says nothing.
            whole = overlaid.part == 1 and overlaid.worst >= _SAME_PAGE
            return overlaid.agreement >= _TURNED_AGREES and (whole or not kinds & _WRITTEN)
        if kinds == {"photo", "meme"}:
            # A photo that was written over is taken for a meme; a photo has no words to compare.
            return overlaid.agreement >= _TURNED_AGREES and overlaid.worst >= _SAME_SCENE
        if kinds == {"photo"}:
            least = max(self._settings.agree, _LEANING_AGREES) if overlaid.lean else self._settings.agree
            return overlaid.agreement >= least and (
                overlaid.worst >= _SAME_SCENE or overlaid.agreement >= _TURNED_AGREES
            )
        if kinds & _WRITTEN and not (is_read(self.picture.text) and is_read(other.text)):
            return overlaid.worst >= _SAME_PAGE
        if "illustration" in kinds and overlaid.agreement < _TURNED_AGREES:
            # Two pictures of one series share their ground and differ in what is drawn on it.
            return overlaid.agreement >= self._settings.agree_written and overlaid.worst >= _SAME_PAGE
        return overlaid.agreement >= self._settings.agree_written

    def _one_shot(self, other: Fingerprint, overlaid: Overlay | None) -> bool:
        """Whether the two may come from one press of the shutter, by their times; without times, they may."""
        new = self.picture
        if new.taken_at is None or other.taken_at is None or not new.kind == other.kind == "photo":
            return True
        apart = abs((new.taken_at - other.taken_at).total_seconds())
        unchanged = overlaid is not None and overlaid.part == 1 and overlaid.worst >= _UNCHANGED
        if apart >= _QUARTER:
            return apart % _QUARTER == 0 and unchanged
        if apart > 0 or new.camera != other.camera:
            return apart == 0
        of_one_size = (new.width, new.height) == (other.width, other.height)
        return not of_one_size or overlaid is None or overlaid.worst >= _ONE_SHOT

    def _burst(self, other: Fingerprint, distance: int) -> Relation | None:
        if self.picture.taken_at is None or other.taken_at is None or self.picture.camera != other.camera:
            return None
        apart = abs((self.picture.taken_at - other.taken_at).total_seconds())
        codes = _code_bits(self.picture.likeness, other.likeness)
        similar = distance <= self._settings.burst_distance or codes <= self._settings.code_distance
        if apart > self._settings.burst_seconds or not similar:
            return None
        reason = f"taken {apart:.0f} seconds apart from #{other.photo_id}"
        return Relation(Twin(other.photo_id, "burst", distance, reason), True)

    def _suspicion(self, other: Fingerprint, distance: int) -> Relation | None:
        if distance > self._settings.ask_distance:
            return None
        reason = f"perhaps like #{other.photo_id} ({distance} of 64 bits differ)"
        return Relation(Twin(other.photo_id, "near", distance, reason), False)

    def _why(self, other: Fingerprint, distance: int, overlaid: Overlay | None) -> str:
        if overlaid is None:
            wide = _bits(self.picture.phash_wide, other.phash_wide, 256)
            return f"like #{other.photo_id}: perceptual hashes differ in {distance} of 64 and {wide} of 256 bits"
        words = f"{overlaid.words}, " if overlaid.words else ""
        return f"like #{other.photo_id}: {words}they agree to {overlaid.agreement:.0%}"


def likeness_of(reading: Reading) -> Likeness:
    """What is kept of a picture to lay it over others, from what was just read of it."""
    picture, findings = reading.picture, reading.findings
    grey = pack(picture.grey) if picture.grey else b""
    return Likeness(grey, picture.inner, findings.models.get("embedder", ""), code_of(findings.embedding))


def fingerprint_of(photo: Photo, likeness: Likeness = NO_LIKENESS) -> Fingerprint:
    """What the index asks of a picture."""
    return Fingerprint(
        photo_id=photo.id,
        sha256=photo.sha256,
        pixel_hash=photo.pixel_hash,
        phash=photo.phash,
        phash_wide=photo.phash_wide,
        text=photo.text or "",
        kind=photo.kind,
        width=photo.width or 0,
        height=photo.height or 0,
        taken_at=photo.taken_at,
        camera=photo.camera,
        likeness=likeness,
    )


def _bits(left: str | None, right: str | None, most: int) -> int:
    if not left or not right or len(left) != len(right):
        return most
    return (int(left, 16) ^ int(right, 16)).bit_count()


def _code_bits(left: Likeness, right: Likeness) -> int:
    if left.model != right.model or not left.code or len(left.code) != len(right.code):
        return CODE_BITS
    return (int.from_bytes(left.code, "big") ^ int.from_bytes(right.code, "big")).bit_count()
