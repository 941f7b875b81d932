"""`curated predict`: learn from what was kept and trashed, and from confirmed categories."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from curated.cli.app import app
from curated.cli.context import opened
from curated.cli.output import counted, echo_json, safe
from curated.errors import CuratedError, TooFewLabels
from curated.state.labels import Labels
from curated.taste import CategoryFigures, Figures, learn_categories
from curated.taste import predict as train_and_score
from curated.taste.categories import LEAST
from curated.taste.lock import training_lock


@app.command()
def predict(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")] = False,
) -> None:
    """Train on what you kept, trashed and confirmed, score the rest, and say how far the scores can be trusted."""
    with opened(read_only=False) as context:
        labels = Labels(context.database)
        failed: CuratedError | None = None
        with training_lock(context.database.path, _waiting):
            # First: where there is too little to learn a taste from, nothing at all is changed.
            figures = train_and_score(labels)
            categories, why_not = list[CategoryFigures](), ""
            try:
                categories = learn_categories(labels, context.config)
            except TooFewLabels as error:
                why_not = str(error)
            except CuratedError as error:  # what was learnt of the taste is there, and told
                why_not, failed = str(error), error
    if as_json:
        told = {name: getattr(figures, name) for name in ("earns_trust", "on_probation", "more_labels")}
        known = [{**msgspec.to_builtins(each), "files": each.files} for each in categories]
        echo_json({**msgspec.to_builtins(figures), **told, "categories": known})
    else:
        for line in (*_lines(figures), *category_lines(categories, why_not)):
            typer.echo(line)
    if failed is not None:
        raise failed


def _waiting() -> None:
    typer.echo("Another program is training on these labels; waiting for it to end ...", err=True)


def _lines(figures: Figures) -> list[str]:
    labels = f"{figures.kept} kept, {figures.trashed} trashed, in {counted(figures.groups, 'group')} of twins"
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
        _trust(figures),
    ]


def _trust(figures: Figures) -> str:
    asks = "`curated review --sort uncertain` asks for those that teach most"
    if figures.earns_trust:
        return (
            f"Scored {counted(figures.scored, 'picture')}: `curated list --sort keep`; `--sort uncertain` begins with "
            "what would teach it most."
        )
    if figures.on_probation:
        return (
            "On probation: it beats guessing and the plain facts, but luck does so now and then. Nothing is sorted by "
            f"it until a training by {counted(figures.more_labels, 'more label')} says the same; {asks}."
        )
    return (
        "It does not beat guessing and the plain facts for sure, so nothing is sorted by it. About "
        f"{counted(figures.more_labels, 'more label')} may do; {asks}."
    )


def category_lines(categories: list[CategoryFigures], why_not: str) -> list[str]:
    """What was learnt of categories, a line each, or why nothing was."""
    if not categories:
        return [f"categories          {why_not}"]
    return [
        f"{safe(each.category):<19} {each.labels} confirmed; {_worth(each)} ({_by_rules(each)})" for each in categories
    ]


def _by_rules(figures: CategoryFigures) -> str:
    if not figures.rules_filed:
        return "what the rules alone say is not known" if figures.rules_unknown else "the rules alone never say so"
    return f"the rules alone: right {figures.rules_precision:.0%} of {figures.rules_filed}"


def _worth(figures: CategoryFigures) -> str:
    if not figures.filed and figures.behind:
        return (
            f"the rules say {safe(figures.behind)} of most, and too few of those are confirmed to tell them apart: "
            f"confirm {LEAST} of them, too"
        )
    if not figures.filed:
        return "not told apart surely enough to file by itself"
    right = f"right {figures.precision:.0%} of {figures.filed}, finds {figures.recall:.0%}"
    if figures.files:
        return f"files by itself from {figures.threshold:.2f} on: {right}"
    more = counted(figures.probation.left if figures.probation else 0, "more confirmed picture")
    return f"on probation until {more} bear it out: {right}"
