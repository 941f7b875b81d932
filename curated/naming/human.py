"""Telling names that a person gave from names that a device or a program gave."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from curated.naming.dates import DATE, TIME
from curated.naming.devices import COPY_MARK, COPY_OF, OTHER_SCRIPTS, SCREENSHOT_OF_AN_APP, STOCK_PHOTO, WORDS

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(rf"(?<!\d){DATE}(?:[-_T ]?{TIME})?")
_TWELVE_HOURS = re.compile(r"(?<!\d)\d{1,2}[.:_]\d\d(?:[.:_]\d\d)?[\s\u202f]?[ap]m\b", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"[\s_\-.,;+=()\[\]{}@#&'’`~!$%^·]+")
_VOWELS = frozenset("aeiouyæøœıəɐ")
# Letters that are one sound: without this, German would count as noise ("Weihnachtsschmuck").
_ONE_SOUND = re.compile("sch|ch|ck|gh|ng|ph|sh|ss|st|th|ts|tz|ll|nn|rr|tt")
_LATIN_ENDS = 0x250


def is_human_name(stem: str) -> bool:
    """Whether a person (or a page's author) gave this name: it holds a word that is not a device's.

    Judged word by word: dates, times, counters, ids, hashes and the words that cameras, phones, browsers and
    messengers put in names say nothing; one real word is enough.
    """
    stem = unicodedata.normalize("NFC", stem).strip()
    stem = COPY_OF.sub("", COPY_MARK.sub("", stem))
    if SCREENSHOT_OF_AN_APP.match(stem) or STOCK_PHOTO.search(stem):
        return False
    for said_nothing in (_UUID, _MOMENT, _TWELVE_HOURS, OTHER_SCRIPTS):
        stem = said_nothing.sub(" ", stem)
    return any(_is_real_word(word) for word in _BETWEEN_WORDS.split(stem) if word)


def _is_real_word(word: str) -> bool:
    letters = [char for char in word if char.isalpha()]
    if not letters:
        return False
    if any(ord(char) >= _LATIN_ENDS for char in _plain(word) if char.isalpha()):
        # No device makes up ids in other scripts; a lone letter is a preposition ("в", "の").
        return len(letters) > 1 or ord(letters[0]) >= 0x2E80
    digits = sum(char.isdigit() for char in word)
    if len(letters) < 3 or digits > len(letters) / 2 or _plain(word).rstrip("0123456789") in WORDS:
        return False
    return not (digits and re.fullmatch(r"[0-9a-f]{8,}", word, re.IGNORECASE)) and _sounds(word, digits)


def _sounds(word: str, digits: int) -> bool:
    """Whether a Latin word could be said: vowels and consonants mixed, case and digits not scattered."""
    letters = "".join(char for char in word if char.isalpha())
    plain = "".join(char for char in _plain(word) if char.isalpha())
    vowels = sum(char in _VOWELS for char in plain)
    if vowels == 0 or len(word) > 40:
        return False
    if len(plain) > 4 and not 0.11 <= vowels / len(plain) <= 0.8:
        return False
    # Random ids jump between cases and mix digits in: kX9dQ2, aB3xY.
    changes = sum(a.isupper() != b.isupper() for a, b in pairwise(letters))
    capitals = sum(map(str.isupper, letters))
    joined_words = not digits and re.fullmatch("[a-z]*(?:[A-Z][a-z]+)+", letters) and len(letters) >= 2.6 * capitals
    if changes > 1 + len(letters) // 5 and not joined_words:
        return False
    inner_digits = len(re.findall(r"(?<=[A-Za-z])\d+(?=[A-Za-z])", word))
    if inner_digits > 1 or (inner_digits and digits > 1 and len(word) >= 8):
        return False
    return not re.search(r"[bcdfghjklmnpqrstvwxz]{6,}", _ONE_SOUND.sub("t", plain))


def _plain(word: str) -> str:
    """Lower case without accents."""
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))
