"""`curated predict`: learn from what was kept and trashed, and from confirmed categories."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from curated.cli.app import app
from curated.cli.context import opened
from curated.cli.output import counted, echo_json, safe
from curated.errors import NotFound
from curated.state.labels import Labels
from curated.taste import CategoryFigures, Figures, learn_categories
from curated.taste import predict as train_and_score


@app.command()
def predict(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")] = False,
) -> None:
    """Train on what you kept, trashed and confirmed, score the rest, and say how far the scores can be trusted."""
    with opened(read_only=False) as context:
        labels = Labels(context.database)
        categories, why_not = list[CategoryFigures](), ""
        try:
            categories = learn_categories(labels, context.config)
        except NotFound as error:
            why_not = str(error)
        figures = train_and_score(labels)
    if as_json:
        told = {**msgspec.to_builtins(figures), "earns_trust": figures.earns_trust, "more_labels": figures.more_labels}
        echo_json({**told, "categories": msgspec.to_builtins(categories)})
        return
    for line in (*_lines(figures), *category_lines(categories, why_not)):
        typer.echo(line)


def _lines(figures: Figures) -> list[str]:
    labels = f"{figures.kept} kept, {figures.trashed} trashed, in {counted(figures.groups, 'group')} of twins"
    trust = (
        f"Scored {counted(figures.scored, 'picture')}: `curated list --sort keep`; `--sort uncertain` begins with what "
        "would teach it most."
        if figures.earns_trust
        else "It does not beat guessing and the plain facts for sure, so nothing is sorted by it. About "
        f"{figures.more_labels} more labels may do; `curated review --sort uncertain` asks for those that teach most."
    )
    baselines = f"guessing: 0.500; date, size and kind alone: {figures.facts_auc:.3f}"
    bins = "  ".join(f"{each.said:.2f}: {each.kept:.2f}" for each in figures.calibration)
    curve = "  ".join(f"{each.labels}: {each.auc:.2f}" for each in figures.curve)
    return [
        f"labels              {labels}",
        f"embeddings          {figures.embedder}",
        f"AUC                 {figures.auc:.3f} ({figures.auc_low:.3f} to {figures.auc_high:.3f}; {baselines})",
        f"average precision   {figures.average_precision:.3f} (keeping everything: {figures.base_rate:.3f})",
        f"Brier score         {figures.brier:.3f} (saying the base rate: {figures.base_brier:.3f}; less is better)",
        f"said: was kept      {bins}",
        f"labels: AUC         {curve}",
        "measured by five-fold cross-validation; twins never stand in both halves",
        trust,
    ]


def category_lines(categories: list[CategoryFigures], why_not: str) -> list[str]:
    """What was learnt of categories, a line each, or why nothing was."""
    if not categories:
        return [f"categories          {why_not}"]
    return [
        f"{safe(each.category):<19} {each.labels} confirmed; "
        + (
            f"files by itself from {each.threshold:.2f} on: right {each.precision:.0%} of {each.filed}, "
            f"finds {each.recall:.0%}"
            if each.filed
            else "not right often enough to file by itself"
        )
        + f" (the rules alone: right {each.rules_precision:.0%})"
        for each in categories
    ]
