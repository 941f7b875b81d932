"""Files that installed packages ship, found without importing the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def package_folders(package: str) -> tuple[Path, ...]:
    """The folders an installed package lies in; none if it is not installed."""
    spec = importlib.util.find_spec(package)
    return tuple(map(Path, (spec.submodule_search_locations or ()) if spec else ()))


def installed_file(package: str, inside: str) -> Path | None:
    """The path of a file inside an installed package, or None."""
    return next((path for folder in package_folders(package) if (path := folder / inside).is_file()), None)
