"""`python -m benchmarks [NAME…]`: run the benchmarks named, or all."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("scale", "status", "search", "taste", "duplicates", "review", "utilisation", "captioner", "throughput")


def main() -> int:
    wanted = sys.argv[1:] or NAMES
    if unknown := [name for name in wanted if name not in NAMES]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in wanted:
        module = import_module(f"benchmarks.{name}")
        print(f"\n== {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
