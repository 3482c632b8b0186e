"""Run the same work for several items at the same time, in the context of the running operation."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def run_each(work: Callable[[T], R], items: Sequence[T], *, threads: int) -> list[R]:
    """The results in the order of the items, from at most `threads` threads; a single item needs none.

    Raises the error of the first item that failed, after all items have ended.
    """
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(threads, len(items))) as pool:
        futures = [pool.submit(contextvars.copy_context().run, work, item) for item in items]
    return [future.result() for future in futures]
