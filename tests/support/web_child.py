"""Stands in for the review as a child of the web server: echoes what is typed, notes what it is told, ends on "quit".

arguments: a file to write to, and how to behave ("obedient", "deaf": does not end, "brief": ends by itself,
"failing": says why and does not begin).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

PRELUDE = b"__GANGLION__\n"


def main(notes: Path, how: str) -> None:
    def note(word: str) -> None:
        with notes.open("a", encoding="utf-8") as file:
            file.write(word + "\n")

    def say(kind: bytes, payload: bytes) -> None:
        os.write(1, kind + len(payload).to_bytes(4, "big") + payload)

    note(f"began {os.getpid()} {os.environ['COLUMNS']}x{os.environ['ROWS']}")
    if how == "failing":
        sys.exit("curated: it cannot be")
    os.write(1, PRELUDE)
    say(b"D", b"welcome")
    while how != "brief" and (kind := sys.stdin.buffer.read(1)):
        payload = sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(4), "big"))
        if kind == b"D":
            say(b"D", b"typed " + payload)
            continue
        told = json.loads(payload)
        note(" ".join(str(each) for each in told.values()))
        if told["type"] == "quit" and how != "deaf":
            break
    while how == "deaf":
        time.sleep(1)
    note("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
