"""A caption without the words that say nothing."""

from __future__ import annotations

import re
import unicodedata

_OPENING = re.compile(
    r"""^(?:
        (?:this|here|that)\s+is\s+ | there(?:\s+is|\s+are|'s|’s)\s+ | it\s+is\s+ | we\s+(?:can\s+)?see\s+ | i\s+see\s+
      | (?:a|an|the|some|this|that|one|two|three)?\s*
        (?:very\s+|really\s+|extremely\s+)?
        (?:black\s+and\s+white\s+|colou?r\s+|old\s+|blurry\s+|cropped\s+|close\s*-?\s*up\s+|aerial\s+|vintage\s+)*
        (?:photo(?:graph)?s?|picture|pic|image|close\s*-?\s*up|view|shot|snapshot|screen\s*shot|screenshot
          |illustration|drawing|painting|cartoon|rendering|portrait|selfie|photography|screen\s*grab|scene)
        (?:\s+(?:view|shot|photo|photograph|picture|image))?
        \s+(?:of|showing|with|that\s+(?:shows|depicts|has|says)|depicting|featuring|taken\s+of|from|in\s+which|is)\s+
      | an?\s+image\s+(?:showing|depicting)\s+
      | (?:arafed|araffe|araffed|arafe|arafled|arafted|arraffes?|arafat)\s+
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ARTICLE = re.compile(r"^(?:a|an|the|some|of)\s+(?=\S)", re.IGNORECASE)
_NOISE = re.compile(
    r"\[(?:unk|pad|cls|sep|mask|dec|enc)\]|</?s>|\b(?:arafed|araffed|araffe|arafe|arafled|arafted)\b", re.IGNORECASE
)
_TAIL = re.compile(
    r"(?:(?:^|[\s,.]+)(?:in\s+(?:the|this)\s+(?:image|picture|photo)|(?:stock|royalty[- ]free)\s+(?:photo|image)s?"
    r"|on\s+a\s+(?:white|black|plain)\s+background|and|with|of|in|on|at|the|a|an|to|for|by|from))+$",
    re.IGNORECASE,
)
_UNWORTHY = re.compile(
    r"^(?:it|something|someone|them|things?|stuff|image|picture|photo|text|unknown)?$", re.IGNORECASE
)
_LONGEST_LOOP = 6


def caption_words(caption: str) -> str:
    """What a caption says, its generic opening, fillers and repetitions dropped; "" if nothing is left.

    "a photo of a cat on a mat" -> "cat on a mat"; "ray ban ray ban ray ban" -> "ray ban".
    """
    text = unicodedata.normalize("NFC", caption)
    text = " ".join(_NOISE.sub(" ", text).replace("##", "").split()).strip(" .,;:!-–—\"'")
    for _ in range(4):
        shorter = _ARTICLE.sub("", _OPENING.sub("", text).lstrip())
        if shorter == text:
            break
        text = shorter
    text = without_loops(text)
    text = _TAIL.sub("", text).strip(" .,;:!-–—\"'")
    return "" if _UNWORTHY.match(text) else text


def without_loops(text: str) -> str:
    """The text with immediate repetitions of one to six words said once (a captioner's known failure)."""
    words = text.split()
    for length in range(1, _LONGEST_LOOP + 1):
        kept: list[str] = []
        for word in words:
            kept.append(word)
            while len(kept) >= 2 * length and _same(kept[-length:], kept[-2 * length : -length]):
                del kept[-length:]
        words = kept
    return _without_stutter(words)


def _same(left: list[str], right: list[str]) -> bool:
    return [word.strip(",.").lower() for word in left] == [word.strip(",.").lower() for word in right]


def _without_stutter(words: list[str]) -> str:
    """Ends a list at the word that comes for the fourth time: "x and x and y and x …"."""
    seen: dict[str, int] = {}
    for index, word in enumerate(words):
        key = word.strip(",.").lower()
        seen[key] = seen.get(key, 0) + 1
        if len(key) > 3 and seen[key] > 3:
            return " ".join(words[:index])
    return " ".join(words)
