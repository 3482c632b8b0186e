"""Rows without their large columns, for scans of many rows. Using a column that was not read raises an error, so
nothing can sign it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeVar

from shared.store.port import Row
from shared.store.table import Query

A = TypeVar("A")


class _Unread:
    """A placeholder that is neither bytes nor text: it cannot be encoded, signed, sent or shown."""

    def __repr__(self) -> str:
        return "UNREAD"


UNREAD: Final[Any] = _Unread()  # replaces the value of a column that was not read


def without_columns(query: Query[A], *names: str) -> Query[A]:
    """The query without these columns; they hold UNREAD in its answer. A unit of work does not treat the answer as
    full rows."""
    table = query.table
    unread = dict.fromkeys(names, UNREAD)

    def decode(row: Row) -> Any:
        return table.decode(unread | row)

    columns = tuple(name for name in query.read.columns if name not in names)
    return Query(replace(query.read, columns=columns), query.answer, table, decode)
