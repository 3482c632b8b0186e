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
MAX_ROUNDS = 10  # pages of rows that are looked at for one page of those that belong to it


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

    `filters` must equal the index's stored columns, or hold them when they are tuples; those that are None do not
    filter. `keep` decides further.
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
            if _fits(entry, wanted) and (keep is None or keep(entry)):
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


def _fits(entry: Row, wanted: Mapping[str, Any]) -> bool:
    return all(
        entry[name] in value if isinstance(value, tuple) else entry[name] == value
        for name, value in wanted.items()
    )


def page_now(
    index: Index[T],
    prefix: Sequence[Any],
    *,
    limit: int,
    cursor: str | None,
    filters: Mapping[str, Any],
    keep: Callable[[T], bool],
) -> tuple[list[T], str | None]:
    """A page of rows of which each says by itself whether it belongs to the list now: what time alone has changed is
    not in the index. It may come short after many that do not, and its cursor goes on. Raises InvalidCursor."""
    found: list[T] = []
    for _ in range(MAX_ROUNDS):
        rows, cursor = page(index, prefix, limit=limit - len(found), cursor=cursor, filters=filters)
        found += filter(keep, rows)
        if cursor is None or len(found) == limit:
            break
    return found, cursor
