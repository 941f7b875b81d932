"""The shipped profile on labelled pictures. It has seen them in training: this guards the wiring, not the skill."""

import csv
from itertools import groupby
from pathlib import Path

import pytest

from curated.config import Models
from curated.domain import KINDS, Findings
from curated.models.load import load_models
from tests.support.pictures import read

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "dev"
OF_EACH_KIND = 4

# Reading text is slow, and the machine may have other work.
pytestmark = [pytest.mark.models, pytest.mark.corpus, pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def judged(weights: Path) -> list[tuple[dict[str, str], Findings]]:
    if not (CORPUS / "labels.csv").is_file():
        pytest.skip(f"no labelled pictures at {CORPUS}")
    with (CORPUS / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = sorted(csv.DictReader(stream), key=lambda row: (row["kind"], row["path"]))
    chosen = [row for _, same in groupby(rows, lambda row: row["kind"]) for row in spread(list(same), OF_EACH_KIND)]
    findings = load_models(Models(device="cpu"), weights).judge([read(CORPUS / row["path"]) for row in chosen])
    return list(zip(chosen, findings, strict=True))


def spread(rows: list[dict[str, str]], count: int) -> list[dict[str, str]]:
    return [rows[number * len(rows) // count] for number in range(count)]


def test_kinds_are_right_on_known_pictures(judged: list[tuple[dict[str, str], Findings]]) -> None:
    right = sum(row["kind"] == findings.kind for row, findings in judged)
    assert right >= 0.9 * len(judged)


def test_people_are_counted_on_photos_and_memes_only(judged: list[tuple[dict[str, str], Findings]]) -> None:
    for row, findings in judged:
        assert (findings.people is None) == (findings.kind not in ("photo", "meme")), row["path"]
    counted = [(int(row["people"]), findings.people) for row, findings in judged if row["people"] and findings.people]
    assert all(abs(true - found) <= 1 for true, found in counted)


def test_findings_are_whole(judged: list[tuple[dict[str, str], Findings]]) -> None:
    for _, findings in judged:
        assert set(findings.kind_scores) == set(KINDS)
        assert sum(findings.kind_scores.values()) == pytest.approx(1, abs=0.001)
        assert len(findings.embedding) == 2 * 1280
        assert set(findings.models) == {"detector", "embedder", "kind", "captioner", "text"}
    assert all(findings.caption for row, findings in judged if row["kind"] == "meme")
