"""From findings to a decision: category, folder, name, and the reason in words. Pure."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from curated.config import Category, Config, people_range
from curated.domain import KINDS, Decision, Findings, Picture, Reading, Status
from curated.naming import NameFacts, choose_name

# Spellings of an extension that mean the content's format; the user's spelling stays, in lower case.
_SPELLINGS = {
    ".jpg": {".jpg", ".jpeg", ".jpe", ".jfif"},
    ".tif": {".tif", ".tiff"},
    ".heic": {".heic", ".heif", ".hif"},
    ".bmp": {".bmp", ".dib"},
    ".png": {".png", ".apng"},
}


def decide(reading: Reading, original: Path, config: Config) -> Decision:
    """Where the picture goes and how it is called; the first rule whose conditions all hold wins.

    A kind below `decide.kind_confidence` goes to the review folder, with the runner-up in the reason.
    """
    findings, picture = reading.findings, reading.picture
    category, folder, status, why = _category(findings, config)
    facts = NameFacts(
        original=original.stem,
        caption=findings.caption,
        taken_at=picture.taken_at,
        people=findings.people,
        category=category,
        kind=findings.kind,
        camera=picture.camera,
        text=findings.text,
        sha256=picture.sha256,
    )
    name, why_name = choose_name(facts, config.naming)
    extension, corrected = extension_for(picture, original)
    reason = "; ".join(part for part in (why, why_name, corrected) if part)
    return Decision(category, folder, name, extension, status, reason, dict(findings.kind_scores))


def extension_for(picture: Picture, original: Path) -> tuple[str, str]:
    """(extension, what was corrected): the original's where the content agrees, else the content's."""
    present = original.suffix.lower()
    if present in _SPELLINGS.get(picture.extension, {picture.extension}):
        return present, ""
    if not present:
        return picture.extension, f"the content is {picture.format}, so it is called {picture.extension}"
    return picture.extension, f"the content is {picture.format}, not {present}"


def _category(findings: Findings, config: Config) -> tuple[str, str, Status, str]:
    ranked = sorted(KINDS, key=lambda kind: -findings.kind_scores.get(kind, 0.0))
    best, second = (findings.kind_scores.get(kind, 0.0) for kind in ranked[:2])
    review = config.folders.review
    if best < config.decide.kind_confidence:
        why = (
            f"unsure: {ranked[0]} {best:.2f} or {ranked[1]} {second:.2f}, "
            f"below decide.kind_confidence {config.decide.kind_confidence:.2f}"
        )
        return review, review, Status.REVIEW, why
    abstained = ""
    for rule in config.category:
        if rule.prompts and not findings.category_scores:
            abstained = f"; rule {rule.name!r} needs prompts, which the {findings.profile} profile cannot judge"
            continue
        if (why_rule := _holds(rule, findings, config)) is not None:
            status = Status.REVIEW if rule.name == review else Status.FILED
            return rule.name, rule.folder or rule.name, status, why_rule + abstained
    return review, review, Status.REVIEW, f"no rule of [[category]] holds: {findings.kind} {best:.2f}{abstained}"


def _holds(rule: Category, findings: Findings, config: Config) -> str | None:
    """Why the rule holds, in words, or None."""
    reasons: list[str] = []
    if bounds := people_range(rule.people):
        count = findings.people or 0
        if count < bounds[0] or (bounds[1] is not None and count > bounds[1]):
            return None
        lite = config.models.lite
        people = f"{count} {'person' if count == 1 else 'people'}"
        least = min(lite.person_confidence, lite.face_confidence)
        reasons.append(f"{people} ≥ {least:.2f}" if count else "no people")
    if rule.kind and rule.kind != findings.kind:
        return None
    reasons.append(f"{findings.kind} {findings.kind_scores.get(findings.kind, 0.0):.2f}")
    if rule.words:
        word = _found_word(rule.words, f"{findings.text} {findings.caption}")
        if word is None:
            return None
        reasons.append(f"the word {word!r}")
    if rule.prompts:
        score = findings.category_scores.get(rule.name, 0.0)
        runner_up = max((value for name, value in findings.category_scores.items() if name != rule.name), default=0.0)
        if score <= runner_up:
            return None
        reasons.append(f"prompts {score:.2f}, next {runner_up:.2f}")
    return "; ".join(reasons)


def _found_word(words: tuple[str, ...], text: str) -> str | None:
    plain = _plain(text)
    return next((word for word in words if re.search(rf"(?<!\w){re.escape(_plain(word))}(?!\w)", plain)), None)


def _plain(text: str) -> str:
    """Lower case without accents, for comparison."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))
