"""Telling names that a person gave from names that a device or a program gave."""

from __future__ import annotations

import re
from datetime import datetime

_DATE = r"(?:19|20)\d\d[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3])[-_.:h ]?[0-5]\d(?:[-_.:m ]?[0-5]\d)?"
# Words that cameras, phones, browsers and messengers begin names with.
_PREFIXES = (
    "img imgp image images dsc dscn dscf dsci sdc cimg pict pic photo photos foto fotos picture mvimg pxl gopr gp"
    " dji hpim sany ios android design com ssa kif mov vid video scan scan_ scanned doc document untitled unnamed unknown download downloaded temp tmp file"
    " frame capture snapshot snap snapchat screenshot screencast screen bildschirmfoto bildschirmaufnahme"
    " captura schermata skärmavbild skjermbilde schermafbeelding zrzut ekranu снимок экрана clipboard"
    " pasted edited copy kopie received fb facebook whatsapp wa signal telegram instagram insta tumblr reddit twitter"
    " imessage messenger viber wechat mmexport burst pano panorama hdr portrait night cover original"
    " export output result test new neu sans titre sin titulo sem título senza titolo bild bilder mobile camera"
    " collage inshot picsart lightroom polish resized thumbnail thumb large small medium full square beauty"
    " timestamp rendered render grab shot de at from pm am um à om kl les von"
).split()
_DEVICE = re.compile(rf"^(?:{'|'.join(re.escape(word) for word in _PREFIXES)})$", re.IGNORECASE)
_NUMBERED = re.compile(
    r"""^(?: _?(?:img|imgp|dsc[nfi]?|sdc|cimg|p|pict|mvimg|pxl|gopr|gp|dji|hpim|sam|scan|frame|wa|fb|image|photo|pic
        |page|screenshot|capture|snap|file|doc|video|vid|mov|100|kif|sany|burst|cover|e|l|n|r|im)\d+[a-z]? )$""",
    re.IGNORECASE | re.VERBOSE,
)
_SCREENSHOT = re.compile(rf"^(?:screen[ _-]?shot|screenrecording|bildschirmfoto)[ _-]*{_DATE}", re.IGNORECASE)
_UUID = re.compile(r"^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?", re.IGNORECASE)
_COPY = re.compile(r"(?:[ _-]*(?:\(\d+\)|\[\d+\]|copy|kopie|copie|edited|bearbeitet)(?: ?\d+)?)+$", re.IGNORECASE)
_VOWELS = frozenset("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüý")


def is_human_name(stem: str) -> bool:
    """Whether a person (or a page's author) gave this name: it holds a word that is not a device's.

    Judged word by word: dates, times, counters, ids, hashes and the words that cameras, phones, browsers and
    messengers put in names say nothing; one real word is enough.
    """
    stem = _COPY.sub("", stem.strip())
    if _UUID.match(stem) or _SCREENSHOT.match(stem):
        return False
    rest = re.sub(rf"(?<!\d){_DATE}(?!\d)|(?<!\d){_DATE}(?=[-_T ]?{_TIME})", " ", stem)
    words = [word for word in re.split(r"[\s_\-.,+=()\[\]{}@#&'~!]+", rest) if word]
    return any(_is_real_word(word) for word in words)


def date_from_name(stem: str) -> datetime | None:
    """The date (and time, if there is one) that a device wrote into the name, or None."""
    found = re.search(
        r"(?<!\d)((?:19|20)\d\d)[-_. ]?(0[1-9]|1[0-2])[-_. ]?(0[1-9]|[12]\d|3[01])"
        r"(?:[-_ T.]*(?:at |um |kl )?([01]\d|2[0-3])[-_.:h]?([0-5]\d)(?:[-_.:m]?([0-5]\d))?)?(?!\d{5,})",
        stem,
    )
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) if part else 0 for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a device's local time
    except ValueError:
        return None


def _is_real_word(word: str) -> bool:
    if _DEVICE.match(word) or _NUMBERED.match(word):
        return False
    letters = [char for char in word if char.isalpha()]
    digits = sum(char.isdigit() for char in word)
    if not letters:
        return False
    if any(ord(char) >= 0x250 for char in letters):  # not Latin: no device writes so
        return True
    if len(letters) < 3 or digits > len(letters) / 2:
        return False
    if re.fullmatch(r"[0-9a-f]{8,}", word, re.IGNORECASE) and digits:
        return False
    return _sounds(word, digits)


def _sounds(word: str, digits: int) -> bool:
    """Whether a Latin word could be said: vowels and consonants mixed, case and digits not scattered."""
    letters = "".join(char for char in word if char.isalpha())
    lowered = letters.lower()
    vowels = sum(char in _VOWELS for char in lowered)
    if vowels == 0:
        return False
    if len(letters) > 4 and not 0.14 <= vowels / len(letters) <= 0.8:
        return False
    # Random ids jump between cases and mix digits in: kX9dQ2, aB3xY.
    changes = sum(a.isupper() != b.isupper() for a, b in zip(letters, letters[1:], strict=False))
    camel_case = letters and sum(map(str.islower, letters)) >= len(letters) / 2 and len(letters) >= 6
    if changes > 1 + len(letters) // 5 and not (
        camel_case and not digits and re.fullmatch(r"(?:[A-Z][a-z]*)+", letters)
    ):
        return False
    inner_digits = len(re.findall(r"(?<=[A-Za-z])\d+(?=[A-Za-z])", word))
    if inner_digits > 1 or (inner_digits and digits > 1 and len(word) >= 8):
        return False
    return not re.search(r"[bcdfghjklmnpqrstvwxz]{6,}", lowered) and len(word) <= 40
