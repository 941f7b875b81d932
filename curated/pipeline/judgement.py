"""The rules together with what a person has taught: which category a new picture gets, and its chance of being kept."""

from __future__ import annotations

from pathlib import Path

from curated.config import Config
from curated.decide import Place, candidates, decide, decide_as
from curated.domain import Decision, Reading, Status
from curated.state.database import Database
from curated.state.labels import Labels
from curated.state.learnt import LearntModels
from curated.taste import LearntCategories, Taste, is_asked


class Judgement:
    """Always by the newest trainings; without any it is the rules alone."""

    def __init__(self, config: Config, database: Database) -> None:
        self._config = config
        self._database = database
        self._learnt = LearntModels(database)
        self._labels = Labels(database)
        self._at: dict[str, int] = {}
        self._taste: Taste | None = None
        self._categories: LearntCategories | None = None

    def decide(self, reading: Reading, original: Path) -> Decision:
        """The category by the rules, unless confirmed pictures have taught better; the reason says which.

        What was learnt files by itself only where it was right as often as `taste.precision` asks. A category for
        which the rules were not is left to the review. Rules with words of the person's own always hold, and so do
        those that file under a category of which too few are confirmed to tell it from the others.
        """
        ruled = decide(reading, original, self._config)
        self._refresh()
        learnt, findings = self._categories, reading.findings
        if learnt is None or findings.models.get("embedder") != learnt.embedder or not findings.embedding:
            return ruled
        if not is_asked(ruled, learnt.figures, self._config):
            return ruled
        opinion = learnt.opinion(findings.embedding, candidates(findings, self._config))
        if opinion is None:
            return ruled
        if opinion.is_sure:
            if opinion.category == ruled.category:
                return ruled
            known = opinion.figures
            why = (
                f"learnt from {known.labels} confirmed pictures: {opinion.category} {opinion.chance:.2f}, right "
                f"{known.precision:.0%} of the time; the rules say {ruled.category}"
            )
            return decide_as(reading, original, self._config, self._place(opinion.category, why))
        worth = learnt.figures.get(ruled.category)
        if ruled.status is Status.FILED and worth is not None and worth.rules_fail(self._config.taste.precision):
            review = self._config.folders.review
            why = (
                f"unsure: the rules say {ruled.category}, but of {worth.rules_filed} confirmed pictures that was right "
                f"only {worth.rules_precision:.0%} of the time; likeliest is {opinion.category} {opinion.chance:.2f}"
            )
            return decide_as(reading, original, self._config, Place(review, review, Status.REVIEW, why))
        return ruled

    def score(self, photo_id: int, reading: Reading) -> None:
        """Keep a new picture's chance of being kept, and how soon to ask about it, if a taste was learnt."""
        self._refresh()
        findings, taste = reading.findings, self._taste
        if taste is None or findings.models.get("embedder") != taste.embedder or not findings.embedding:
            return
        keep, ask = taste.opinion(float(taste.chances([findings.embedding])[0]))
        self._labels.set_score(photo_id, keep, ask)

    def _place(self, category: str, why: str) -> Place:
        status = Status.REVIEW if category == self._config.folders.review else Status.FILED
        return Place(category, self._config.category_folders.get(category, category), status, why)

    def _refresh(self) -> None:
        taste, category = self._learnt.newest_id("taste"), self._learnt.newest_id("category")
        if self._at.get("taste") != taste:
            self._taste = Taste.newest(self._database)
        if self._at.get("category") != category:
            self._categories = LearntCategories.newest(self._database)
        self._at = {"taste": taste, "category": category}
