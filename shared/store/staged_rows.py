"""Rows as a commit will leave them: the rows that a transaction has read, overlaid with its writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shared.store.port import AlreadyExists, Key, Write
from shared.store.table import Query, Table, table_of

Place = tuple[str, Key]  # (table, primary key)


def place_of(value: Any) -> tuple[Table[Any], Place]:
    """The table of a row object, and its (table, primary key)."""
    table = table_of(value)
    return table, (table.name, table.key_of(value))


class StagedRows:
    """The rows that one transaction knows, by primary key; an index shows only committed rows."""

    def __init__(self, under: StagedRows | None = None) -> None:
        """Start from the rows and writes of `under`, without changing it."""
        self._known: dict[Place, Any] = dict(under._known) if under else {}  # with own writes
        self._read_keys: set[Place] = set(under._read_keys) if under else set()  # with or without a row
        self._stored: dict[Place, Any] = dict(under._stored) if under else {}  # rows as they were read
        self._writes: dict[Place, Write] = dict(under._writes) if under else {}

    @property
    def writes(self) -> list[Write]:
        return list(self._writes.values())

    def holds(self, query: Query[Any]) -> bool:
        """Whether this transaction has read or written every key of the query, so that reading again would give the
        same rows."""
        if query.partial or query.read.index is not None or not query.read.keys:
            return False
        places = ((query.read.table, key) for key in query.read.keys)
        return all(place in self._read_keys or place in self._writes for place in places)

    def seen(self, query: Query[Any], rows: list[Any]) -> list[Any]:
        """Remember the rows that were read, and return them overlaid with the writes."""
        if query.partial or query.read.index is not None:
            return rows
        table = query.table
        stored = {table.key_of(row): row for row in rows}
        answers = []
        for key in self._in_order(query, stored):
            place = (table.name, key)
            self._read_keys.add(place)
            if place not in self._writes:
                if key in stored:
                    self._known[place] = self._stored[place] = stored[key]
            elif self._writes[place].kind == "delete":
                continue
            if place in self._known:
                answers.append(self._known[place])
        return answers[: query.read.limit or None]

    def _in_order(self, query: Query[Any], stored: Iterable[Key]) -> Iterable[Key]:
        """The keys that a query may answer: stored keys, requested keys, and inserted keys within its ranges."""
        read, table = query.read, query.table
        if read.keys or table.descending:
            return dict.fromkeys((*stored, *read.keys))
        own = [key for name, key in self._writes if name == table.name and read.covers(key)]
        return sorted({*stored, *own}) if own else stored

    def know(self, value: Any) -> None:
        """Treat a row as read."""
        _, place = place_of(value)
        self._read_keys.add(place)
        self._known[place] = self._stored[place] = value

    def write(self, value: Any) -> bool:
        """Insert a row, or update it if it is known; returns False if it is unchanged. A row that is written twice
        keeps its first kind of write and its last content."""
        table, place = place_of(value)
        before = self._known.get(place)
        if before == value:
            return False
        earlier = self._writes.get(place)
        inserting = before is None or (earlier is not None and earlier.kind == "insert")
        stored = self._stored.get(place)
        self._writes[place] = table.write("insert", value) if inserting else table.update(stored, value)
        self._known[place] = value
        return True

    def new(self, value: Any) -> bool:
        """Whether this commit inserts the row."""
        written = self._writes.get(place_of(value)[1])
        return written is not None and written.kind == "insert"

    def insert(self, value: Any) -> None:
        """Insert a row that must be new. Raises AlreadyExists if this transaction has already written it."""
        table, place = place_of(value)
        if place in self._writes:
            raise AlreadyExists(f"{table.name}: written in this commit already")
        self._writes[place], self._known[place] = table.write("insert", value), value

    def delete(self, value: Any) -> None:
        table, place = place_of(value)
        self._known.pop(place, None)
        self._writes[place] = table.delete(value)
