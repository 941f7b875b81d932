"""Which known pictures a new one duplicates, which of them is the best, and which belong together."""

from curated.duplicates.compare import fingerprint_of, likeness_of
from curated.duplicates.index import TwinIndex, TwinMatch
from curated.duplicates.keeper import Contender, best_of, better_of, contender

__all__ = [
    "Contender",
    "TwinIndex",
    "TwinMatch",
    "best_of",
    "better_of",
    "contender",
    "fingerprint_of",
    "likeness_of",
]
