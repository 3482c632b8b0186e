"""Typed reads over any `Reader`; the common part of a snapshot and a unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, overload

from shared.store.partial_rows import without_columns
from shared.store.port import Key, Reader, Row
from shared.store.table import Query, Table

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


class Session:
    """Runs queries. Queries passed to one `read` are sent together; their answers come in the same order."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @overload
    def read(self, a: Query[A], b: Query[B], /) -> tuple[A, B]: ...
    @overload
    def read(self, a: Query[A], b: Query[B], c: Query[C], /) -> tuple[A, B, C]: ...
    @overload
    def read(self, a: Query[A], b: Query[B], c: Query[C], d: Query[D], /) -> tuple[A, B, C, D]: ...
    def read(self, *queries: Query[Any]) -> tuple[Any, ...]:
        return tuple(self.read_all(queries))

    def read_all(self, queries: Iterable[Query[Any]]) -> list[Any]:
        """Run any number of queries in one round trip."""
        wanted = list(queries)
        if not wanted:
            return []
        results = self._reader.read(*(query.read for query in wanted))
        return [
            query.answer(self._seen(query, query.decode(rows)))
            for query, rows in zip(wanted, results, strict=True)
        ]

    def one(self, query: Query[A]) -> A:
        """The answer of a query for exactly one row, or for a number. Raises NotFound if there is no row."""
        answer: A = self.read_all([query])[0]
        return answer

    def maybe(self, query: Query[A | None]) -> A | None:
        """The row of a query for one that may be absent."""
        return self.one(query)

    def many(self, query: Query[list[A]]) -> list[A]:
        """The rows of a query for any number of them."""
        return self.one(query)

    def follow(self, table: Table[A], entries: list[Row], *, without: Sequence[str] = ()) -> list[A]:
        """The full rows of these index entries, in the same order; rows that no longer exist are left out. The columns
        `without` are not read (`partial_rows`)."""
        if not entries:
            return []
        keys: list[Key] = [tuple(entry[name] for name in table.key_columns) for entry in entries]
        query = without_columns(table.get_many(keys), *without) if without else table.get_many(keys)
        rows = {table.key_of(row): row for row in self.many(query)}
        return [rows[key] for key in keys if key in rows]

    def _seen(self, query: Query[Any], rows: list[Any]) -> list[Any]:
        """Hook for the unit of work, which remembers the rows that it read."""
        return rows
