"""BLIP captions a second: transformers against ours in fp32 and int8, and whether all say the same."""

from __future__ import annotations

import os

from curated.models.offline import go_offline


def main() -> None:
    # A thread that waits sleeps: else it takes the core from whoever else works on the machine, and counts as work.
    # OpenMP reads this when torch is imported, transformers the rest.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    go_offline()
    from benchmarks.blip_speed import measure

    measure()
