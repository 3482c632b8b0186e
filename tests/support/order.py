"""Choose the order in which the files of a run begin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
WAITING = "e2e"  # the folder of tests of whole products


def spread(files: Iterable[tuple[Path, T]]) -> list[T]:
    """Spread the tests of whole products. They start, stop and wait for blocks, so their files come one by one between
    the others: the processors always have work. The last of them comes well before the end, since they take longest."""
    waiting, others = [], []
    for path, each in files:
        (waiting if WAITING in path.parts else others).append(each)
    pace = max(1, len(others) * 2 // 3 // max(1, len(waiting)))
    made: list[T] = []
    for number, each in enumerate(waiting):
        made += [each, *others[number * pace : (number + 1) * pace]]
    return made + others[len(waiting) * pace :]
