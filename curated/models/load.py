"""From the configuration to loaded models; called only in the worker's child process."""

from __future__ import annotations

from pathlib import Path

from curated.config import Models
from curated.models.base import ModelSet
from curated.models.offline import go_offline
from curated.models.weights import resolve_profile


def load_models(models: Models, cache: Path) -> ModelSet:
    """The models of the profile in force, on the device in force.

    Raises WeightsMissing or ConfigError with the mend; no socket is opened.
    """
    go_offline()
    resolve_profile(models)
    # Imported here: it brings the model libraries, which only the child may load.
    from curated.models.lite.profile import open_lite

    return open_lite(models, cache)
