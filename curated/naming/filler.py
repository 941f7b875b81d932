"""A caption without the words that say nothing."""

from __future__ import annotations

import re

# What a captioner says of the picture instead of what is on it. "a view from a window" and "a photo booth" are not it.
_ADJECTIVES = r"""(?:(?:very|really|extremely|rather|black\s+and\s+white|black-and-white|colou?r|colou?rful|old|new
    |blurry|blurred|cropped|aerial|vintage|beautiful|nice|stunning|amazing|digital|stock|detailed|realistic|professional
    |abstract|small|large|full|wide|low|high|side|front|back|rear|top|close|closeup|close\s*-?\s*up|night|panoramic
    |screen|oil|pencil|watercolou?r|cartoon|anime|3\s*-?\s*d|2\s*-?\s*d|computer|artistic|single|different|general
    |angle)\s+){0,3}"""
_PICTURE = r"""(?:photo(?:graph|graphy)?s?|pictures?|pics?|images?|close\s*-?\s*up|views?|shots?|snapshots?
    |screen\s*shots?|illustrations?|drawings?|paintings?|cartoons?|renderings?|render|portraits?|selfie|screen\s*grab
    |screen\s*capture|scene|artwork|art|sketch|depiction)"""
_SHOWING = r"""(?:of|showing|depicting|featuring|displaying|taken\s+of|in\s+which|with\s+(?=an?\s|the\s|some\s)
    |(?:that|which)\s+(?:shows?|depicts?|has|features?|contains?|says?)|shows?|is\s+of|captures)"""
_OPENING = re.compile(
    rf"""^(?:
        (?:this|here|that|it)\s+is\s+ | there(?:\s+is|\s+are|\s+was|'s|’s)\s+ | (?:we|you|i)\s+(?:can\s+)?see\s+
      | (?:in|on)\s+(?:this|the)\s+{_PICTURE}[\s,]+(?=(?:an?|the|there|we|you|i|some|two|three)\s)
      | (?:(?:a|an|the|some|this|that|one|two|three|several)\s+)?{_ADJECTIVES}{_PICTURE}
        (?:\s+(?:view|shot|photo|photograph|picture|image|of|up|poster|style|art|drawing|painting))?
        \s+{_SHOWING}\s*(?<=\s)
      | {_PICTURE}\s+from\s+(?=an?\s+(?:distance|drone|plane)\s+of)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_ARTICLE = re.compile(r"^(?:a|an|the|some|of)\s+(?=\S)", re.IGNORECASE)
# BLIP's invented words ("arafed" is no English), special tokens, and pieces of words.
_NOISE = re.compile(
    r"\[(?:unk|pad|cls|sep|mask|dec|enc)\]|</?s>|\b(?:ar+a+f+(?:e|es|ed|led|ted)|arafat)\b(?!\s+(?:yasser|speaks))",
    re.IGNORECASE,
)
# "a man that is standing": the words between say nothing.
_THAT_IS = re.compile(
    r"\s+(?:that|which|who)\s+(?:is|are|was|were)(?=\s+(?:\w+ing|in|on|at|with|under|next|near|by|made|covered|filled)\b)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:(?:^|[\s,.]+)(?:in\s+(?:the|this)\s+(?:image|picture|photo|photograph)"
    r"|(?:stock|royalty[- ]free)\s+(?:photo|image)s?|on\s+an?\s+(?:plain\s+)?(?:white|black|plain)\s+background"
    r"|and|or|with|of|in|on|at|the|a|an|to|for|by|from|is|are|that|which|next\s+to))+$",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"\b(?P<said>(?:an?|the|some)\s+\w+|\w+(?:\s+\w+){1,3})"
    r"(?:\s+(?:and|with|of)\s+(?:(?:an?|the|some)\s+)?(?P=said))+\b",
    re.IGNORECASE,
)
# Tokenisers part the genitive: "dog ' s".
_PARTED = re.compile(r"\s+(['’])\s+(s)\b", re.IGNORECASE)
_UNWORTHY = re.compile(
    r"^(?:it|this|that|something|someone|them|things?|stuff|images?|pictures?|photos?|photograph|text|unknown|nothing"
    r"|background|(?:white|black|plain|blank|empty)(?:\s+background)?)?$",
    re.IGNORECASE,
)
_EDGES = " .,;:!-–—\"'`|/\\*#_"
_LONGEST_LOOP = 6
# No captioner says more, and the patterns above are for sentences.
_LONGEST = 500


def caption_words(caption: str) -> str:
    """What a caption says, its generic opening, fillers and repetitions dropped; "" if nothing is left.

    "a photo of a cat on a mat" -> "cat on a mat"; "ray ban ray ban ray ban" -> "ray ban". Never longer than the
    caption; doing it twice changes nothing.
    """
    text = caption[:_LONGEST]
    # Each step may lay bare what another one drops: until nothing changes, and each change shortens.
    while (shorter := _step(text)) != text:
        text = shorter
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


def _step(text: str) -> str:
    text = _NOISE.sub(" ", text).replace("##", "")
    text = re.sub(r"\s+([,.;:!?])", r"\1", _PARTED.sub(r"\1\2", text))
    text = " ".join(text.split()).strip(_EDGES)
    text = _ARTICLE.sub("", _OPENING.sub("", text).lstrip())
    text = _AGAIN.sub(r"\g<said>", _THAT_IS.sub("", text))
    return _TAIL.sub("", without_loops(text)).strip(_EDGES)


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
