"""`curated predict`: learn from what was kept and trashed."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from curated.cli.app import app
from curated.cli.context import opened
from curated.cli.output import echo_json
from curated.state.labels import Labels
from curated.taste import Figures
from curated.taste import predict as train_and_score


@app.command()
def predict(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON document.")] = False,
) -> None:
    """Train on what you kept and trashed, score the rest, and say how far the scores can be trusted."""
    with opened(read_only=False) as context:
        figures = train_and_score(Labels(context.database))
    if as_json:
        echo_json({**msgspec.to_builtins(figures), "earns_trust": figures.earns_trust})
        return
    for line in _lines(figures):
        typer.echo(line)


def _lines(figures: Figures) -> list[str]:
    labels = f"{figures.kept} kept, {figures.trashed} trashed, in {figures.groups} groups of twins"
    trust = (
        f"Scored {figures.scored:,} pictures: `curated list --sort keep`; `--sort uncertain` asks where it is unsure."
        if figures.earns_trust
        else "It does not beat guessing: the scores are kept, but do not go by them. More labels, then again."
    )
    return [
        f"labels              {labels}",
        f"embeddings          {figures.embedder}",
        f"AUC                 {figures.auc:.3f} ± {figures.auc_deviation:.3f} (guessing: 0.500)",
        f"average precision   {figures.average_precision:.3f} (keeping everything: {figures.base_rate:.3f})",
        f"Brier score         {figures.brier:.3f} (saying the base rate: {figures.base_brier:.3f}; less is better)",
        "measured by five-fold cross-validation; twins never stand in both halves",
        trust,
    ]
