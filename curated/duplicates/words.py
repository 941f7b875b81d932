"""Whether two pictures say the same: one meme template with two texts is not one picture, nor are two invoices."""

from __future__ import annotations

import difflib
import re
from collections import Counter

from curated.state.pairs import Fingerprint

# Texts are compared where they are the picture: two pages of one form differ in little else.
_AGREES = 0.85
_COUNTS = 12
# What is read in both is counted in runs of so many letters; shorter ones are chance.
_RUN = 3
# Numbers: in two invoices of one sender they are all that differs. Reading errors spoil some of them.
_NUMBERS_AGREE = 0.9
_NUMBER = re.compile(r"\d{2,}")


def same_words(one: Fingerprint, other: Fingerprint, *, in_part: bool = False) -> bool:
    """Whether two pictures say the same but for reading errors; what was read in a photo's scene says nothing.

    Nor do a few letters that were written over a photo. `in_part`: the one is a part of the other, so that it
    need not say all of it.
    """
    if one.kind == other.kind == "photo":
        return True
    if {one.kind, other.kind} == {"photo", "meme"} and not (is_read(one.text) or is_read(other.text)):
        return True
    return _texts_agree(one.text, other.text, in_part) and _numbers_agree(one.text, other.text, in_part)


def is_read(text: str) -> bool:
    """Whether there is enough text to tell one picture from another."""
    return len(_letters(text)) >= _COUNTS


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def _digits(text: str) -> str:
    return "".join(re.findall(r"\d", text))


def _texts_agree(left: str, right: str, in_part: bool) -> bool:
    a, b = _letters(left), _letters(right)
    shorter, longer = sorted((len(a), len(b)))
    if longer < _COUNTS or (in_part and shorter < _COUNTS):
        return True
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    if in_part:
        read_in_both = sum(block.size for block in matcher.get_matching_blocks() if block.size >= _RUN)
        return read_in_both >= _AGREES * shorter
    return matcher.quick_ratio() >= _AGREES and matcher.ratio() >= _AGREES


def _numbers_agree(left: str, right: str, in_part: bool) -> bool:
    if _digits(left) == _digits(right):
        return True  # however they were read apart: "00m 30s", "0 0 m 30 s"
    one, other = (Counter(_NUMBER.findall(text)) for text in (left, right))
    fewer, more = sorted((one.total(), other.total()))
    of = fewer if in_part else more
    return (one & other).total() >= _NUMBERS_AGREE * of - (0.5 if in_part else 0)
