"""The rows of all users by status, newest first: pages and counts from an index that starts with a shard and a
status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from shared import resources
from shared.reads import pagination
from shared.store.port import Key, Row
from shared.store.session import Session
from shared.store.table import Index, Query

T = TypeVar("T")
SHARDS = 4  # of `list_shard`


def page(
    index: Index[T],
    statuses: Sequence[str],
    *,
    limit: int,
    cursor: str | None,
    until: datetime | None,
    filters: Mapping[str, Any],
    keep: Callable[[Row], bool] | None = None,
) -> tuple[list[T], str | None]:
    """One page of the rows that have one of the statuses and were created before `until`, and the next page's cursor.

    The index's stored columns must equal `filters`; None does not filter. Raises InvalidCursor.
    """
    ranges = [(shard, status) for status in statuses for shard in range(SHARDS)]
    wanted = {name: value for name, value in filters.items() if value is not None}
    start: Key | None = (until,) if until else None

    def scan(place: int, after: Key | None, size: int) -> Query[list[Row]]:
        return index.scan(*ranges[place], after=after or start, limit=size)

    def fits(entry: Row) -> bool:
        return all(entry[name] == value for name, value in wanted.items()) and (keep is None or keep(entry))

    entries, following = pagination.page_over_shards(
        len(ranges),
        scan,
        lambda entry: (entry["created_at"], entry[index.key[-1]]),
        limit=limit,
        cursor=cursor,
        binding=[index.name, *statuses, str(until), sorted(wanted.items())],
        keep=fits if wanted or keep else None,
    )
    return Session(resources.database().snapshot()).follow(index.table, entries), following


@dataclass(frozen=True)
class NewestEntries:
    """The newest entries of an index with one of some statuses, created since a time (None: no limit)."""

    index: Index[Any]
    statuses: Sequence[str]
    since: datetime | None

    def queries(self, limit: int) -> list[Query[Any]]:
        """At most `limit` entries of each status and shard; other queries may share their wave."""
        bound: Key = (self.since,) if self.since else ()
        return [self.index.scan(*each, upto=bound, limit=limit) for each in self._ranges()]

    def by_status(self, answers: Iterable[list[Row]]) -> dict[str, list[Row]]:
        """The answers of the queries by status, newest first."""
        found: dict[str, list[Row]] = {status: [] for status in self.statuses}
        for (_, status), rows in zip(self._ranges(), answers, strict=True):
            found[status] += rows
        return {
            status: sorted(rows, key=lambda row: row["created_at"], reverse=True)
            for status, rows in found.items()
        }

    def _ranges(self) -> list[tuple[int, str]]:
        return [(shard, status) for status in self.statuses for shard in range(SHARDS)]
