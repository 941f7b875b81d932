"""What open_clip publishes: architectures, pretrained tags and their repositories, read without importing it.

Importing open_clip brings PyTorch, which the daemon and the commands must not; its tables are plain literals.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from curated.models.installed import package_folders

QUICK = "-quickgelu"
_DEFAULT = ("ViT-B-32", "laion2b_s34b_b79k")
_DEFAULT_REPOSITORY = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"


@cache
def architectures() -> frozenset[str]:
    """The architectures that the installed open_clip has; empty where it is not installed."""
    folder = _package()
    return frozenset(path.stem for path in (folder / "model_configs").glob("*.json")) if folder else frozenset()


@cache
def published() -> Mapping[str, Mapping[str, str]]:
    """Architecture to tag to hub repository ("" where the weights lie elsewhere)."""
    folder = _package()
    if folder is None:
        return {}
    module = ast.parse((folder / "pretrained.py").read_text(encoding="utf-8"))
    named: dict[str, ast.expr] = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    table = named.get("_PRETRAINED")
    found: dict[str, Mapping[str, str]] = {}
    quick: dict[str, Mapping[str, str]] = {}
    for key, value in zip(table.keys, table.values, strict=True) if isinstance(table, ast.Dict) else ():
        tags = named.get(value.id) if isinstance(value, ast.Name) else value
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(tags, ast.Call):
            made = [(word.arg, word.value) for word in tags.keywords if word.arg and isinstance(word.value, ast.Call)]
            found[key.value] = {tag: _option(call, "hf_hub").rstrip("/") for tag, call in made}
            if quicker := {tag: found[key.value][tag] for tag, call in made if _option(call, "quick_gelu")}:
                quick[key.value + QUICK] = quicker
    return found | quick


def repository(architecture: str, tag: str) -> str:
    """The hub repository (perhaps with a file behind it) of a pretrained tag, "" where there is none."""
    if (architecture, tag) == _DEFAULT:  # spares `curated status` the reading of open_clip's tables
        return _DEFAULT_REPOSITORY
    return published().get(architecture, {}).get(clean(tag), "")


def clean(tag: str) -> str:
    """The tag as open_clip looks it up."""
    return tag.lower().replace("-", "_")


def _option(call: ast.Call, name: str) -> str:
    for word in call.keywords:
        if word.arg == name and isinstance(word.value, ast.Constant):
            return str(word.value.value) if word.value.value else ""
    return ""


def _package() -> Path | None:
    return next(iter(package_folders("open_clip")), None)
