"""Keyset pages over an index: newest first, stable under inserts, never OFFSET, bounded work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from shared import cursors, resources
from shared.store.port import Row
from shared.store.session import Session
from shared.store.table import Index

T = TypeVar("T")
MAX_SCANNED = 5_000  # index entries per call; a page may come short, its cursor goes on


def page(
    index: Index[T],
    prefix: Sequence[Any],
    *,
    limit: int,
    cursor: str | None,
    filters: Mapping[str, Any],
    keep: Callable[[Row], bool] | None = None,
) -> tuple[list[T], str | None]:
    """One page of the rows below `prefix`, and the cursor of the next one.

    `filters` must equal the index's stored columns; those that are None do not filter. `keep` decides further.
    Raises InvalidCursor for a cursor of another list, caller or filter."""
    wanted = {name: value for name, value in filters.items() if value is not None}
    binding = [index.name, *prefix, sorted(wanted.items())]
    after = cursors.decode(binding, cursor) if cursor else None
    session = Session(resources.database().snapshot())
    position = index.key[len(prefix) :]
    found: list[Row] = []
    scanned = 0
    while True:
        size = limit + 1 - len(found) if not (wanted or keep) else max(limit + 1, 200)
        entries = session.one(index.scan(*prefix, after=after, limit=size))
        scanned += len(entries)
        for entry in entries:
            after = tuple(entry[name] for name in position)
            if all(entry[name] == value for name, value in wanted.items()) and (keep is None or keep(entry)):
                found.append(entry)
                if len(found) > limit:
                    break
        if len(found) > limit or len(entries) < size or scanned >= MAX_SCANNED:
            break
    more = len(found) > limit
    exhausted = not more and len(entries) < size
    shown = found[:limit]
    rows = session.follow(index.table, shown)
    if exhausted:
        return rows, None
    last = tuple(shown[-1][name] for name in position) if more else after
    return rows, cursors.encode(binding, last or ())
