"""Rows without their large columns, to look at many: whoever touches what was not read fails, and signs nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, TypeVar

from shared.store.port import Row
from shared.store.table import Query, Table

A = TypeVar("A")


class _Unread:
    """Neither bytes nor text: it cannot be encoded, signed, sent or shown."""

    def __repr__(self) -> str:
        return "UNREAD"


UNREAD: Final[Any] = _Unread()  # in place of what a row holds


class _Lean(Table[Any]):
    """Decodes rows that lack columns."""

    def __init__(self, table: Table[Any]) -> None:
        for name, value in vars(table).items():
            object.__setattr__(self, name, value)

    def decode(self, row: Row) -> Any:
        return super().decode(dict.fromkeys(self.columns, UNREAD) | row)


def lean(query: Query[A], *without: str) -> Query[A]:
    """A query of rows without these columns, which hold UNREAD in the answer. A unit of work does not take them for
    the rows."""
    columns = tuple(name for name in query.read.columns if name not in without)
    return Query(replace(query.read, columns=columns), query.answer, _Lean(query.table), partial=True)
