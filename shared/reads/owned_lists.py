"""Lists of a caller's own resources, newest first, filtered by creation time, columns, and metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from shared import resources
from shared.reads import pagination
from shared.store.partial_rows import without_columns
from shared.store.port import Key, Row
from shared.store.session import Session
from shared.store.table import Index, Query
from shared.store.tables.metadata import METADATA, MetadataEntry

T = TypeVar("T")


class TimedQuery(Protocol):
    """`schemas.base.TimedQuery`."""

    @property
    def created_after(self) -> datetime | None: ...
    @property
    def created_before(self) -> datetime | None: ...


class OwnedQuery(TimedQuery, Protocol):
    """`schemas.base.OwnedQuery`."""

    @property
    def limit(self) -> int: ...
    @property
    def cursor(self) -> str | None: ...
    @property
    def metadata(self) -> str | None: ...


UNBOUNDED: tuple[Key | None, Key] = (None, ())  # the span of a list without bounds


def span_of(request: TimedQuery) -> tuple[Key | None, Key]:
    """The range of a newest-first index: created from `created_after` (inclusive) to `created_before` (exclusive)."""
    before, after = request.created_before, request.created_after
    return None if before is None else (before,), () if after is None else (after,)


def page(
    index: Index[T],
    prefix: Sequence[Any],
    request: OwnedQuery,
    *,
    filters: Mapping[str, Any],
    keep: Callable[[Row], bool] | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    without: Sequence[str] = (),
    fitting: Callable[[Sequence[T]], int] = len,
) -> tuple[list[T], str | None]:
    """One page of the rows below `prefix`, which starts with the owner, and the next page's cursor.
    `pagination.page` explains `filters`, `keep`, `without` and `fitting`. Without `limit`, the request's `limit` and
    `cursor` are used. Raises InvalidCursor."""
    size, begin = limit or request.limit, cursor if limit else request.cursor
    span = span_of(request)
    if request.metadata is not None:
        found = _Found(index, prefix[0], request.metadata, span[1], without=without, fitting=fitting)
        return _page_with_metadata(
            index, prefix, found, span, filters=filters, keep=keep, limit=size, cursor=begin
        )
    return pagination.page(
        index,
        prefix,
        limit=size,
        cursor=begin,
        filters=filters,
        keep=keep,
        span=span,
        more=[] if span == UNBOUNDED else [None, *map(str, span)],
        without=without,
        fitting=fitting,
    )


def _page_with_metadata(
    index: Index[T],
    prefix: Sequence[Any],
    found: _Found,
    span: tuple[Key | None, Key],
    *,
    filters: Mapping[str, Any],
    keep: Callable[[Row], bool] | None,
    limit: int,
    cursor: str | None,
) -> tuple[list[T], str | None]:
    """One page of the rows with the metadata entry of `found`, in the order of their entries."""
    wanted = dict(zip(index.key, prefix, strict=False)) | {k: v for k, v in filters.items() if v is not None}
    binding = ["noted", index.name, sorted(map(str, wanted.items())), found.entry, *map(str, span)]
    after = pagination.decode(binding, cursor) if cursor else span[0]
    for _ in range(pagination.MAX_ROUNDS):
        entries = found.read(
            after, limit, lambda row: pagination.fits(row, wanted) and (keep is None or keep(row))
        )
        if len(found.kept) > limit or len(entries) <= limit:
            break
        after = _position(entries[-1])
    shown = found.shown(limit)
    if len(shown) < len(found.kept):
        after = _position(found.kept[len(shown) - 1][0])
    elif len(entries) <= limit:
        return shown, None
    return shown, pagination.encode(binding, after or ())


class _Found:
    """Rows with the metadata entry `<key>:<value>`, in the order of their entries."""

    def __init__(
        self,
        index: Index[Any],
        owner: str,
        entry: str,
        upto: Key,
        *,
        without: Sequence[str],
        fitting: Callable[[Sequence[Any]], int],
    ) -> None:
        self._table, self._owner, self.entry, self._upto = index.table, owner, entry, upto
        self._without, self._fitting = without, fitting
        self._session = Session(resources.database().snapshot())
        self.kept: list[tuple[MetadataEntry, Any]] = []

    def read(self, after: Key | None, size: int, keep: Callable[[Row], bool]) -> list[MetadataEntry]:
        """Read one page of entries, keep their rows that match, and return the entries."""
        scan = METADATA.scan(
            self._owner, self._table.name, self.entry, after=after, upto=self._upto, limit=size + 1
        )
        entries = self._session.many(scan)
        keys: list[Key] = [(entry.resource_id,) for entry in entries]
        rows = {row.id: row for row in self._session.many(self._rows(keys))} if keys else {}
        known = ((entry, rows[entry.resource_id]) for entry in entries if entry.resource_id in rows)
        self.kept += [(entry, row) for entry, row in known if keep(self._table.encode(row))]
        return entries

    def shown(self, limit: int) -> list[Any]:
        """The first kept rows, as many as a page has room for."""
        rows = [row for _, row in self.kept[:limit]]
        return rows[: self._fitting(rows)]

    def _rows(self, keys: list[Key]) -> Query[list[Any]]:
        return without_columns(self._table.get_many(keys), *self._without)


def _position(entry: MetadataEntry) -> Key:
    return entry.created_at, entry.resource_id
