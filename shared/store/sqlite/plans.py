"""Translate reads and writes of the port into SQL, once per shape."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shared.store.port import (
    AlreadyExists,
    ConstraintViolation,
    KeyRange,
    MissingRow,
    Read,
    Row,
    Write,
)
from shared.store.sqlite import ranges
from shared.store.sqlite.schema import Index, KeyPart, Schema, Table, quoted
from shared.store.sqlite.values import COMMITTED, Convert


class Unknown(LookupError):
    """A table, index or column that the schema does not have, or that the index does not contain."""


@dataclass(frozen=True)
class _Source:
    """A table or an index from which these columns are read."""

    select: str  # up to the condition
    order: str
    parts: tuple[ranges.Part, ...]
    columns: tuple[str, ...]
    decoders: tuple[tuple[str, Convert], ...]
    key_places: tuple[int, ...]  # positions of the whole key in the row, to sort several ranges
    descending: tuple[bool, ...]

    def rows(self, connection: sqlite3.Connection, read: Read) -> list[Row]:
        spans = _spans(read)
        found: list[Sequence[Any]] = []
        for span in spans:
            where = ranges.condition(self.parts, span)
            if where == ranges.NOTHING:  # SQLite would not use a partial index for it
                continue
            limit = f" LIMIT {read.limit}" if read.limit else ""
            found += connection.execute(self.select + where.text + self.order + limit, where.values)
        if len(spans) > 1:
            found = self._in_order(found)
        return [self._row(row) for row in (found[: read.limit] if read.limit else found)]

    def _in_order(self, rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
        """The rows of several ranges in key order, each once."""
        once = list({tuple(row[place] for place in self.key_places): row for row in rows}.values())
        for place, down in reversed(list(zip(self.key_places, self.descending, strict=True))):
            once.sort(key=lambda row: (row[place] is not None, row[place]), reverse=down)
        return once

    def _row(self, raw: Sequence[Any]) -> Row:
        row = dict(zip(self.columns, raw, strict=False))
        for name, decode in self.decoders:
            if row[name] is not None:
                row[name] = decode(row[name])
        return row


def _spans(read: Read) -> tuple[KeyRange, ...]:
    if read.spans:
        return read.spans
    if read.span is not None:
        return (read.span,)
    return tuple(KeyRange(key, key) for key in dict.fromkeys(map(tuple, read.keys)))


@dataclass(frozen=True)
class _Write:
    """`accept` is in the order of the written values; `places` gives the position of each value in `sql`."""

    sql: str
    accept: tuple[Convert, ...]
    places: tuple[int, ...]
    needs_row: bool

    def values(self, write: Write, now: int) -> list[Any]:
        """The stored form of the write's values. Raises ConstraintViolation."""
        stored = [accept(value) for accept, value in zip(self.accept, write.values, strict=True)]
        if COMMITTED in stored:
            stored = [now if value is COMMITTED else value for value in stored]
        return [stored[place] for place in self.places]

    def run(self, connection: sqlite3.Connection, stored: list[Any]) -> bool:
        """Run the SQL; False if it needed an existing row and found none."""
        cursor = connection.execute(self.sql, stored)
        if not self.needs_row:
            return True
        return cursor.rowcount > 0 if cursor.rowcount >= 0 else cursor.fetchone() is not None


def _violation(error: sqlite3.IntegrityError, write: Write) -> Exception:
    kind, text = error.sqlite_errorname, f"{write.kind} of {write.table}: {error}"
    if kind in ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_ROWID"):
        return AlreadyExists(text)
    if kind == "SQLITE_CONSTRAINT_FOREIGNKEY" and write.kind != "delete":
        return MissingRow(text)
    return ConstraintViolation(text)


class Plans:
    """The SQL for one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.source = lru_cache(maxsize=None)(self._source)
        self.write = lru_cache(maxsize=None)(self._write)

    def rows(self, connection: sqlite3.Connection, read: Read) -> list[Row]:
        """The rows of a read. Raises Unknown."""
        return self.source(read.table, read.columns, read.index).rows(connection, read)

    def apply(self, connection: sqlite3.Connection, writes: Sequence[Write], now: int) -> None:
        """Apply the writes. All values are checked before the first row, as in Spanner.

        Raises Unknown, TypeError, AlreadyExists, ConstraintViolation, MissingRow."""
        plans = [self.write(write.kind, write.table, write.columns) for write in writes]
        stored = [plan.values(write, now) for plan, write in zip(plans, writes, strict=True)]
        for plan, write, row in zip(plans, writes, stored, strict=True):
            try:
                met = plan.run(connection, row)
            except sqlite3.IntegrityError as error:
                raise _violation(error, write) from error
            if not met:
                raise MissingRow(f"no row to update in {write.table}")

    def _table(self, name: str) -> Table:
        try:
            return self._schema.tables[name]
        except KeyError:
            raise Unknown(f"there is no table {name}") from None

    def _index(self, name: str, table: str) -> Index:
        found = self._schema.indexes.get(name)
        if found is None or found.table != table:
            raise Unknown(f"{table} has no index {name}")
        return found

    def _source(self, table: str, columns: tuple[str, ...], index: str | None) -> _Source:
        known = self._table(table)
        readable, declared, origin, filters = known.columns, known.key, quoted(table), ""
        rest: tuple[KeyPart, ...] = ()
        if index is not None:
            found = self._index(index, table)
            readable = {name: known.columns[name] for name in found.readable}
            declared, rest = found.key, found.rest
            origin = f"{quoted(table)} INDEXED BY {quoted(index)}"
            filters = _present(known, found)
        if missing := [name for name in columns if name not in readable]:
            raise Unknown(f"{index or table} does not hold {', '.join(missing)}")
        whole = (*declared, *rest)
        selected = [*columns, *(part.name for part in whole if part.name not in columns)]
        decoders = ((name, known.columns[name].decode) for name in columns)
        return _Source(
            select=f"SELECT {', '.join(map(quoted, selected))} FROM {origin} WHERE {filters}",  # noqa: S608
            order=f" ORDER BY {ordered(whole)}",
            parts=tuple(self._part(known, part) for part in declared),
            columns=columns,
            decoders=tuple((name, decode) for name, decode in decoders if decode),
            key_places=tuple(selected.index(part.name) for part in whole),
            descending=tuple(part.descending for part in whole),
        )

    def _part(self, table: Table, part: KeyPart) -> ranges.Part:
        column = table.columns[part.name]
        return ranges.Part(part.name, part.descending, column.nullable, column.encode)

    def _write(self, kind: str, table: str, columns: tuple[str, ...]) -> _Write:
        known = self._table(table)
        key = tuple(part.name for part in known.key)
        if kind == "delete":
            columns = key
        if missing := [name for name in columns if name not in known.columns]:
            raise Unknown(f"{table} has no {', '.join(missing)}")
        accept = tuple(known.columns[name].accept for name in columns)
        others = [name for name in columns if name not in key]
        at_key = " AND ".join(f"{quoted(name)} = ?" for name in key)
        if kind in ("delete", "update"):
            by_key = [columns.index(name) for name in key]
            if kind == "delete":
                sql, places = f"DELETE FROM {quoted(table)} WHERE {at_key}", by_key  # noqa: S608 - of the schema
            elif others:
                setting = ", ".join(f"{quoted(name)} = ?" for name in others)
                sql = f"UPDATE {quoted(table)} SET {setting} WHERE {at_key}"  # noqa: S608
                places = [*(columns.index(name) for name in others), *by_key]
            else:
                sql, places = f"SELECT 1 FROM {quoted(table)} WHERE {at_key}", by_key  # noqa: S608
            return _Write(sql, accept, tuple(places), kind == "update")
        names, marks = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
        sql = f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})"  # noqa: S608
        if kind == "upsert":
            setting = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in others)
            doing = f"UPDATE SET {setting}" if others else "NOTHING"
            sql += f" ON CONFLICT ({', '.join(map(quoted, key))}) DO {doing}"
        return _Write(sql, accept, tuple(range(len(columns))), False)


@lru_cache(maxsize=4)
def of(text: str) -> Plans:
    """The SQL for the schema with this text, shared by all files with that schema; "" is the empty schema."""
    return Plans(Schema.parse(text) if text else Schema({}, {}))


def ordered(parts: Sequence[KeyPart]) -> str:
    """Key parts for ORDER BY and CREATE INDEX."""
    return ", ".join(quoted(part.name) + (" DESC" if part.descending else "") for part in parts)


def _present(table: Table, index: Index) -> str:
    """The condition of a null-filtered index; SQLite uses the index only if the query repeats it."""
    if not index.null_filtered:
        return ""
    texts = present(table, index.key)
    return f"{texts} AND " if texts else ""


def present(table: Table, key: Sequence[KeyPart]) -> str:
    """The condition that no nullable column of the key is NULL."""
    return " AND ".join(
        f"{quoted(part.name)} IS NOT NULL" for part in key if table.columns[part.name].nullable
    )
