"""`curated search`: by words and meaning, or by what a picture looks like."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from curated.cli.app import app
from curated.cli.context import Context, opened
from curated.cli.output import complain, echo_json, photo_json, photo_line, safe
from curated.domain import Photo
from curated.errors import CuratedError, NotFound
from curated.models.weights import resolve_profile
from curated.search.asking import OPEN_EMBEDDER, embed_text
from curated.search.merging import Hit, by_likeness, merged
from curated.state.vectors import Vectors
from curated.worker.messages import WorkerSpec

# So many of each kind go into the one list: a picture that is far down in both may still come before others.
_DEPTH = 100

Near = list[tuple[int, float]]


@app.command()
def search(
    query: Annotated[
        str | None, typer.Argument(help="Words of names, captions, categories, text in it; in full, what it shows.")
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="ID|FILE", help="What looks like this picture, known or not.")
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="By words only: at once, without the models.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one picture a line.")] = False,
) -> None:
    """Find pictures by the words in their names, captions and text and, in the full profile, by what they show."""
    if (query is None) == (like is None):
        raise typer.BadParameter("search for what? Give either words or --like ID|FILE")
    if like is not None:
        hits = find_like(like, limit)
        nothing = "No picture was judged by the same model yet."
    else:
        hits = find(query or "", limit, words_only=words)
        nothing = f"Nothing matches {safe(query or '')!r}."
    for hit in hits:
        _print(hit, as_json=as_json)
    if not hits and not as_json:
        typer.echo(nothing, err=True)


def find(query: str, limit: int, *, words_only: bool = False, opener: str | None = None) -> list[Hit]:
    """The pictures that match; `opener` names another maker of the embedder (see `embed_text`)."""
    with opened() as context:
        by_words = context.store.search(query, max(limit, _DEPTH))
        near = [] if words_only else _by_meaning(context, query, max(limit, _DEPTH), opener)
        return merged(context.store, by_words, near, limit)


def find_like(file_or_id: str, limit: int, *, factory: str | None = None) -> list[Hit]:
    """The pictures that look like one; `factory` names another maker of the models (see WorkerSpec)."""
    with opened() as context:
        vectors = Vectors(context.database)
        photo = _known(context, file_or_id)
        kept = vectors.of_photo(photo.id) if photo else {}
        if photo is not None and not kept and photo.twin_of is not None:
            kept = vectors.of_photo(photo.twin_of)  # the same content was judged once
        counts = vectors.models()
        if kept:
            model = max(kept, key=lambda each: counts.get(each, 0))
            vector = kept[model]
        else:
            model, vector = _judged(context, photo.path if photo else Path(file_or_id).expanduser(), factory)
        near = _nearest(context, model, vector, limit + 1, half=True, without=[photo.id] if photo else [])
        return by_likeness(context.store, near, limit)


def _by_meaning(context: Context, query: str, depth: int, opener: str | None) -> Near:
    models = context.config.models
    counts = Vectors(context.database).models()
    try:
        if not query.strip() or not counts or (opener is None and resolve_profile(models) != "full"):
            return []
        model, vector = embed_text(models.full, context.config.folders.cache_path, query, opener or OPEN_EMBEDDER)
    except CuratedError as error:
        complain(f"searched by words only: {error}")
        return []
    if model not in counts:
        complain(f"searched by words only: no picture was judged by {model} yet; `curated recurate` lets it")
        return []
    return _nearest(context, model, vector, depth)


def _nearest(
    context: Context, model: str, vector: bytes, depth: int, *, half: bool = False, without: Sequence[int] = ()
) -> Near:
    # Imported here: it brings NumPy, which a search by words need not wait for.
    from curated.search.index import VectorIndex, floats

    index = VectorIndex(Vectors(context.database), model, context.config.folders.cache_path)
    return index.nearest(floats(vector, half=half), depth, without)


def _known(context: Context, file_or_id: str) -> Photo | None:
    """The picture that is named; None if it is a file that is not known. Raises NotFound if it is neither."""
    try:
        return context.store.find(file_or_id)
    except NotFound:
        if not Path(file_or_id).expanduser().is_file():
            raise
        return None


def _judged(context: Context, path: Path, factory: str | None) -> tuple[str, bytes]:
    """(model id, float16 vector) of a file that is not known, by the present models."""
    # Imported here: a known picture needs no worker.
    from curated.worker.single import read_file

    if factory is None:
        resolve_profile(context.config.models)
    findings = read_file(WorkerSpec.of(context.config, factory), Path(os.path.abspath(path))).findings  # noqa: PTH100 - keep links
    return findings.models["embedder"], findings.embedding


def _print(hit: Hit, *, as_json: bool) -> None:
    if as_json:
        scores = {"score": hit.score, "words_score": hit.words, "likeness": hit.likeness}
        rounded = {name: None if score is None else round(score, 4) for name, score in scores.items()}
        echo_json({**photo_json(hit.photo), **rounded})
        return
    how = "" if hit.likeness is None else f"  ({hit.likeness:.2f} alike)"
    typer.echo(photo_line(hit.photo) + how)
