"""From findings to a decision: category, folder, name, and the reason in words. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from curated.config import Category, Config, people_range
from curated.domain import KINDS, Decision, Findings, Picture, Reading, Status
from curated.naming import NameFacts, choose_name
from curated.pictures.sniff import PICTURE_EXTENSIONS, RAW_EXTENSIONS, VIDEO_EXTENSIONS

# Spellings of an extension that mean the content's format; the user's spelling stays, in lower case.
_SPELLINGS = {
    ".jpg": {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"},
    ".tif": {".tif", ".tiff"},
    ".heic": {".heic", ".heif", ".hif", ".heics", ".heifs"},
    ".avif": {".avif", ".avifs"},
    ".bmp": {".bmp", ".dib"},
    ".png": {".png", ".apng"},
}
# Where the scripts begin that put no spaces between words.
_UNSPACED = "\u2e80"


def decide(reading: Reading, original: Path, config: Config) -> Decision:
    """Where the picture goes and how it is called; the first rule whose conditions all hold wins.

    A kind below `decide.kind_confidence` goes to the review folder, with the runner-up in the reason, unless a
    rule holds that asks for words or prompts and not for the kind. Prompts hold from `decide.category_margin` over
    the next best; where they come as close as that from either side, the picture goes to the review folder.
    """
    category, folder, status, why = _category(reading.findings, config)
    return decide_as(reading, original, config, Place(category, folder, status, why))


@dataclass(frozen=True, slots=True)
class Place:
    """A category that was chosen, its folder below the library, how the picture stands there, and why in words."""

    category: str
    folder: str
    status: Status
    why: str


def decide_as(reading: Reading, original: Path, config: Config, place: Place) -> Decision:
    """The decision for a category that was chosen already: the name, the extension, the reasons together."""
    findings, picture = reading.findings, reading.picture
    facts = NameFacts(
        original=split_name(original)[0],
        caption=findings.caption,
        taken_at=picture.taken_at,
        people=findings.people,
        category=place.category,
        kind=findings.kind,
        camera=picture.camera,
        text=findings.text,
        sha256=picture.sha256,
    )
    name, why_name = choose_name(facts, config.naming)
    extension, corrected = extension_for(picture, original)
    reason = "; ".join(part for part in (place.why, why_name, corrected) if part)
    return Decision(place.category, place.folder, name, extension, place.status, reason, dict(findings.kind_scores))


def candidates(findings: Findings, config: Config) -> list[tuple[str, float]]:
    """(category, score) of every category that could be meant, best first: what the picture is if it is of that kind.

    The score is the kind's, or that of the category's prompts where they decide. The review folder is none of them.
    """
    found: dict[str, float] = {}
    for kind in sorted(KINDS, key=lambda each: -findings.kind_scores.get(each, 0.0)):
        score = findings.kind_scores.get(kind, 0.0)
        supposed = replace(findings, kind_scores={kind: 1.0}, category_scores={})
        category = _category(supposed, config)[0]
        if category != config.folders.review:
            found.setdefault(category, score)
    described = {rule.name for rule in config.category if rule.prompts}
    for name, score in findings.category_scores.items():
        if name in described:
            found[name] = max(score, found.get(name, 0.0))
    return sorted(found.items(), key=lambda each: -each[1])


def split_name(path: Path) -> tuple[str, str]:
    """(stem, extension in lower case or ""); "at 14.03.59" and "Mr. Smith" have no extension."""
    extension = path.suffix.lower()
    known = PICTURE_EXTENSIONS | RAW_EXTENSIONS | VIDEO_EXTENSIONS
    if extension in known or re.fullmatch(r"\.[a-z]{2,4}", extension):
        return path.stem, extension
    return path.name, ""


def extension_for(picture: Picture, original: Path) -> tuple[str, str]:
    """(extension, what was corrected): the original's where the content agrees, else the content's."""
    present = split_name(original)[1]
    if present in _SPELLINGS.get(picture.extension, {picture.extension}):
        return present, ""
    instead = f", not {present}" if present else ""
    return picture.extension, f"called {picture.extension}: the content is {picture.format}{instead}"


def _category(findings: Findings, config: Config) -> tuple[str, str, Status, str]:
    ranked = sorted(KINDS, key=lambda kind: -findings.kind_scores.get(kind, 0.0))
    best, second = (findings.kind_scores.get(kind, 0.0) for kind in ranked[:2])
    review, least, wanted = config.folders.review, config.decide.kind_confidence, config.decide.category_margin
    sure = best >= least
    abstaining: list[str] = []
    for rule in config.category:
        if not sure and (rule.kind or rule.people or not (rule.words or rule.prompts)):
            continue
        why_rule = _holds(rule, findings, sure)
        if why_rule is None:
            continue
        if rule.prompts:
            if not findings.category_scores:
                abstaining.append(rule.name)
                continue
            margin, why_prompts = _described(rule, findings)
            if margin <= -wanted:
                continue
            if margin < wanted:
                unsure = f"unsure: {rule.name!r}: {why_prompts}, closer than decide.category_margin {wanted:.2f}"
                return review, review, Status.REVIEW, unsure + _abstained(abstaining, findings)
            why_rule = "; ".join(part for part in (why_rule, why_prompts) if part)
        status = Status.REVIEW if rule.name == review else Status.FILED
        return rule.name, rule.folder or rule.name, status, why_rule + _abstained(abstaining, findings)
    if sure:
        why = f"no rule of [[category]] holds: {findings.kind} {best:.2f}"
    else:
        why = f"unsure: {ranked[0]} {best:.2f} or {ranked[1]} {second:.2f}, below decide.kind_confidence {least:.2f}"
    return review, review, Status.REVIEW, why + _abstained(abstaining, findings)


def _abstained(rules: list[str], findings: Findings) -> str:
    if not rules:
        return ""
    names = ", ".join(repr(name) for name in rules)
    return f"; {names} would need prompts, which the {findings.profile} profile cannot judge"


def _holds(rule: Category, findings: Findings, sure: bool) -> str | None:
    """Why the rule holds but for its prompts, in words, or None."""
    reasons: list[str] = []
    if bounds := people_range(rule.people):
        count = findings.people
        # Not counted is not none: people on drawings and pages are not asked for.
        if count is None or count < bounds[0] or (bounds[1] is not None and count > bounds[1]):
            return None
        reasons.append(_people(count, findings))
    if rule.kind and rule.kind != findings.kind:
        return None
    if sure:
        reasons.append(f"{findings.kind} {findings.kind_scores.get(findings.kind, 0.0):.2f}")
    if rule.words:
        word = _found_word(rule.words, f"{findings.text} {findings.caption}")
        if word is None:
            return None
        reasons.append(f"the word {word!r}")
    return "; ".join(reasons)


def _people(count: int, findings: Findings) -> str:
    """ "2 people ≥ 0.71": how many, and the score of the least certain of them."""
    if not count:
        return "no people"
    said = f"{count} {'person' if count == 1 else 'people'}"
    by_label: dict[str, list[float]] = {}
    for box in findings.boxes:
        by_label.setdefault(box.label, []).append(box.score)
    # People are counted by their bodies or by their faces: by whichever shows so many more certainly.
    least = max((sorted(scores)[-count] for scores in by_label.values() if len(scores) >= count), default=None)
    return said if least is None else f"{said} ≥ {math.floor(least * 100) / 100:.2f}"


def _described(rule: Category, findings: Findings) -> tuple[float, str]:
    """(margin, words): by how much the rule's prompts describe the picture better than anything else does."""
    scores = findings.category_scores
    score = scores.get(rule.name, 0.0)
    # What is missing to 1 is the chance that it is none of the categories.
    others = [value for name, value in scores.items() if name != rule.name]
    runner_up = max(0.0, 1 - sum(scores.values()), *others)
    return score - runner_up, f"prompts {score:.2f}, next {runner_up:.2f}"


def _found_word(words: tuple[str, ...], text: str) -> str | None:
    plain = _plain(text)
    return next((word for word in words if _stands_in(_plain(word), plain)), None)


def _stands_in(word: str, text: str) -> bool:
    if any(char >= _UNSPACED for char in word):
        return word in text
    return bool(word) and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _plain(text: str) -> str:
    """Lower case without accents, blanks alike, for comparison."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in parts if not unicodedata.combining(char)).split())
