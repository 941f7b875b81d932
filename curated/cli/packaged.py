"""Text files that travel with the program."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

# Where the wheel's files lie in a checkout, which is what an editable install runs from.
_IN_CHECKOUT = {
    "config.example.toml": "config.example.toml",
    "curated-user.service": "systemd/curated-user.service",
    "curated.service": "systemd/curated.service",
    "curated-cuda.conf": "systemd/curated-cuda.conf",
    "curated-metrics.conf": "systemd/curated-metrics.conf",
}


def packaged_text(name: str) -> str:
    """The text of a file that the wheel carries inside the package, or the checkout beside it."""
    packaged = files("curated").joinpath(name)
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / _IN_CHECKOUT[name]).read_text(encoding="utf-8")
