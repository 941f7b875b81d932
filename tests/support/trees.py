"""A folder as a readable expectation."""

from __future__ import annotations

import hashlib
from pathlib import Path


def tree(folder: Path) -> dict[str, str]:
    """Relative path -> first 8 hex digits of the content's sha256, for every file below `folder`."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def contents(*folders: Path) -> list[str]:
    """The sha256 of every file below the folders, sorted: equal before and after when no byte was lost."""
    return sorted(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
