"""What a person can do to pictures: the one core under the command line and the terminal screens.

`Review` acts at once and waits for the disk; a `Desk` records what was decided as rows, which a `Carrier` carries out.
"""

from curated.review.carry import Carried, Carrier
from curated.review.desk import Desk, Seen
from curated.review.hand import Retried, Review, Trashed, beside

__all__ = ["Carried", "Carrier", "Desk", "Retried", "Review", "Seen", "Trashed", "beside"]
