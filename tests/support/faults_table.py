"""The figures of `make soak` as a table, for a terminal and for docs/safety.md, so that neither can say another thing.

`python -m tests.support.faults_table FIGURES.json DOCUMENT.md` writes it into the document, between two marks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: written by make soak -->", "<!-- end of figures -->"

Report = dict[str, Any]


def rows(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """(what, how often it was tried, what of it must be none and how many there were, seconds) of each part."""
    for part in report["parts"]:
        said = {"violations": len(part["violations"])} | part["zeros"]
        numbers = [f"{count:,} {name}" for name, count in said.items()]
        numbers += [f"{name}: {value:g} (at most {most:g})" for name, (value, most) in part["measured"].items()]
        skipped = [name for name in part["covered"] if name.startswith("skipped: ")]
        if not part["tried"] and skipped:
            numbers = skipped
        elif skipped:
            numbers.append(f"{len(skipped)} skipped")
        yield (
            part["part"],
            f"{part['tried']:,}",
            ", ".join(numbers),
            f"{part['seconds']:.0f}" if part["seconds"] else "",
        )


def as_text(report: Report) -> str:
    """The table for a terminal."""
    lines = [f"{'what':62}{'tried':>8}{'s':>6}  must be none, or at most"]
    lines += [f"{what:62}{tried:>8}{seconds:>6}  {found}" for what, tried, found, seconds in rows(report)]
    return "\n".join([*lines, "", *_summary(report)])


def as_markdown(report: Report) -> str:
    """The table for the document."""
    lines = ["| what | how often | what must be none, or at most | s |", "|---|---|---|---|"]
    lines += [f"| {what} | {tried} | {found} | {seconds} |" for what, tried, found, seconds in rows(report)]
    return "\n".join([*lines, "", *_summary(report)])


def _summary(report: Report) -> list[str]:
    steps = ", ".join(f"{name} {count:,}" for name, count in report["steps"].items())
    found = [f"Killed or cut off, by the step in or right after which it was: {steps}."] if steps else []
    ends = {
        name: count
        for part in report["parts"]
        for name, count in part["covered"].items()
        if name.startswith(("died ", "decided: "))
    }
    if ends:
        lives = ", ".join(f"{name} {count:,}" for name, count in sorted(ends.items()))
        found.append(f"The lives of the whole daemon: {lives}.")
    wrong = sum(len(part["violations"]) for part in report["parts"])
    minutes = f" in {report['minutes']} minutes" if report["minutes"] else ""
    return [*found, f"All of it: {wrong} violations{minutes} ({report['when']})."]


def written_into(text: str, report: Report) -> str:
    """The document with this table in place of the one between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{as_markdown(report)}\n\n{END}{after}"


def main() -> None:
    figures, document = map(Path, sys.argv[1:])
    report = json.loads(figures.read_text(encoding="utf-8"))
    document.write_text(written_into(document.read_text(encoding="utf-8"), report), encoding="utf-8")


if __name__ == "__main__":
    main()
