"""In which order the files of a run are begun."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
WAITING = "e2e"  # the folder of tests of whole products


def spread(files: Iterable[tuple[Path, T]]) -> list[T]:
    """Whole products start, stop and wait for blocks: their files come one by one between the others, so that the
    processors always have something to do, and the last well before the end, since they take longest."""
    waiting, others = [], []
    for path, each in files:
        (waiting if WAITING in path.parts else others).append(each)
    pace = max(1, len(others) * 2 // 3 // max(1, len(waiting)))
    made: list[T] = []
    for number, each in enumerate(waiting):
        made += [each, *others[number * pace : (number + 1) * pace]]
    return made + others[len(waiting) * pace :]
