"""From the configuration to loaded models; called only in the worker's child process and by `models prepare`."""

from __future__ import annotations

from pathlib import Path

from curated.config import Models
from curated.domain import Categories
from curated.models.base import ModelSet
from curated.models.offline import go_offline
from curated.models.weights import resolve_profile


def load_models(models: Models, cache: Path, categories: Categories | None = None) -> ModelSet:
    """The models of the profile in force, on the device in force; `categories` maps names to prompts.

    Raises WeightsMissing or ConfigError with the mend; no socket is opened.
    """
    go_offline(cache)
    # Imported here: they bring the model libraries, which only the child may load.
    if resolve_profile(models) == "full":
        from curated.models.full.profile import open_full

        return open_full(models, cache, categories)
    from curated.models.lite.profile import open_lite

    return open_lite(models, cache)


def prepare_models(models: Models, cache: Path) -> tuple[Path, ...]:
    """Convert the weights that the profile in force needs converted; the files made now, none if all were there.

    Without it the first start of the worker does the same. Raises WeightsMissing with the mend.
    """
    go_offline(cache)
    if resolve_profile(models) == "full":
        return ()
    from curated.models.lite.backbone import prepare_backbone
    from curated.models.lite.people import prepare_people

    folder = cache / "models"
    before = set(folder.glob("*.onnx"))
    prepare_backbone(cache)
    prepare_people(cache)
    return tuple(sorted(set(folder.glob("*.onnx")) - before))
