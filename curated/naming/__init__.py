"""From what is known of a picture to the name of its file; pure functions."""

from curated.naming.choose import NameFacts, choose_name
from curated.naming.dates import date_from_name
from curated.naming.filler import caption_words
from curated.naming.human import is_human_name
from curated.naming.safe import safe_name
from curated.naming.template import check_template, render

__all__ = [
    "NameFacts",
    "caption_words",
    "check_template",
    "choose_name",
    "date_from_name",
    "is_human_name",
    "render",
    "safe_name",
]
