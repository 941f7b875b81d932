"""The review in a terminal: it shows what `curated.review` and `curated.state` know, and calls what they offer."""
