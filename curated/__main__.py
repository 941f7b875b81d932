"""`python -m curated` is `curated`."""

from curated.cli import main

main()
