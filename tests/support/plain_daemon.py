"""`python -m tests.support.plain_daemon [FACTORY]`: `curated run`, but with models that need no weights."""

from __future__ import annotations

import sys

from curated.cli.output import complain
from curated.cli.run import work
from curated.config import load
from curated.errors import CuratedError
from tests.support.plain_models import FACTORY

if __name__ == "__main__":
    try:
        work(load(), once=False, factory=sys.argv[1] if len(sys.argv) > 1 else FACTORY)
    except CuratedError as error:  # as curated.cli.main does
        complain(str(error))
        sys.exit(error.exit_code)
