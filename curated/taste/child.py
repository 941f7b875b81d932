"""The training process: `python -m curated.taste.child` reads a Task from stdin and writes an Answer to stdout."""

from __future__ import annotations

import sys

import msgspec

from curated.taste.keeping import learn_taste
from curated.taste.sorting import learn_categories
from curated.taste.spreading import spread
from curated.taste.tasks import Answer, CategoryTask, SpreadTask, Task, TasteTask


def main() -> None:
    """Train, answer."""
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer(task)))


def answer(task: Task) -> Answer:
    """What the task asks for."""
    match task:
        case TasteTask():
            return learn_taste(task)
        case SpreadTask():
            return spread(task)
        case CategoryTask():
            return learn_categories(task)


if __name__ == "__main__":
    main()
