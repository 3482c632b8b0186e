"""Keyset pages over shards of one order, newest first: what `listing` does for a single index range.

The position is (time, id): every shard continues behind it, so a page is stable under inserts and its work bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from shared import cursors, resources
from shared.store.port import Key
from shared.store.session import Session
from shared.store.table import Query

R = TypeVar("R")
MAX_SCANNED = 5_000
Scan = Callable[[int, Key | None, int], Query[list[R]]]  # (shard, behind this position, how many)
Position = Callable[[R], tuple[datetime, str]]


def page(
    shards: int,
    scan: Scan[R],
    position: Position[R],
    *,
    limit: int,
    cursor: str | None,
    binding: Sequence[Any],
    keep: Callable[[R], bool] | None = None,
) -> tuple[list[R], str | None]:
    """One page and the cursor of the next. `binding` names the list, its filters and whose it is.

    Raises InvalidCursor for a cursor of another list."""
    after: Key | None = cursors.decode(binding, cursor) if cursor else None
    session = Session(resources.database().snapshot())
    size = limit + 1 if keep is None else max(limit + 1, 200)
    found: list[R] = []
    scanned = 0
    while True:
        waves = session.read_all([scan(shard, after, size) for shard in range(shards)])
        scanned += sum(map(len, waves))
        rows = sorted(chain.from_iterable(waves), key=lambda row: _newest_first(position(row)))
        full = [_newest_first(position(wave[-1])) for wave in waves if len(wave) == size]
        horizon = min(full) if full else None  # behind it, a shard may hold rows that were not read
        sure = [row for row in rows if horizon is None or _newest_first(position(row)) <= horizon]
        for row in sure:
            if keep is None or keep(row):
                found.append(row)
                if len(found) > limit:
                    return found[:limit], cursors.encode(binding, position(found[limit - 1]))
        if horizon is None:
            return found, None
        after = position(sure[-1])
        if scanned >= MAX_SCANNED:
            return found, cursors.encode(binding, after)


def _newest_first(position: tuple[datetime, str]) -> tuple[float, str]:
    return -position[0].timestamp(), position[1]
