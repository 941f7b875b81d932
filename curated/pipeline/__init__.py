"""The stages of one asset's journey, in order: admit, (the worker judges), place. The daemon gives them time."""

from curated.pipeline.admit import Admit
from curated.pipeline.outcomes import (
    Blocked,
    Candidate,
    Failed,
    Filed,
    LeftAlone,
    Outcome,
    Retrying,
    Returned,
    ToJudge,
    ToPlace,
)
from curated.pipeline.place import Place
from curated.pipeline.retries import Retries

__all__ = [
    "Admit",
    "Blocked",
    "Candidate",
    "Failed",
    "Filed",
    "LeftAlone",
    "Outcome",
    "Place",
    "Retries",
    "Retrying",
    "Returned",
    "ToJudge",
    "ToPlace",
]
