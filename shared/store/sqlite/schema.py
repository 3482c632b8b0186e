"""The table properties that the store needs: types, keys, orders. The migrations store them in the file, as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from shared.store.port import ConstraintViolation
from shared.store.sqlite import values
from shared.store.sqlite.values import Convert

CREATE: Final = (
    "CREATE TABLE IF NOT EXISTS store_schema (id INTEGER PRIMARY KEY CHECK (id = 1), schema TEXT NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `kind` is Spanner's type."""

    name: str
    kind: str
    nullable: bool
    commit_timestamp: bool = False

    @property
    def encode(self) -> Convert:
        return values.encoder(self.kind, self.commit_timestamp)

    @property
    def accept(self) -> Convert:
        """Like `encode`, with checks for a written value: Spanner checks each value before it looks for rows.

        Raises ConstraintViolation for NULL in a column that does not allow it, and for a value that is too long."""
        encode, most = self.encode, values.longest(self.kind)

        def accepted(value: Any) -> Any:
            if value is None:
                if self.nullable:
                    return None
                raise ConstraintViolation(f"{self.name} must not be NULL")
            stored = encode(value)
            if most and len(stored) > most:
                raise ConstraintViolation(f"{self.name} is longer than {self.kind}")
            return stored

        return accepted

    @property
    def decode(self) -> Convert | None:
        return values.decoder(self.kind)


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A column of a key."""

    name: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Index:
    """`key` as declared; `rest` is the part of the primary key that follows it; `readable` lists the columns that a
    read may request."""

    table: str
    key: tuple[KeyPart, ...]
    rest: tuple[KeyPart, ...]
    null_filtered: bool
    readable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    columns: dict[str, Column]
    key: tuple[KeyPart, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables and indexes by name."""

    tables: dict[str, Table]
    indexes: dict[str, Index]

    def text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Self:
        found = json.loads(text)
        tables = {
            name: Table({key: Column(**one) for key, one in table["columns"].items()}, _parts(table["key"]))
            for name, table in found["tables"].items()
        }
        indexes = {
            name: Index(
                one["table"],
                _parts(one["key"]),
                _parts(one["rest"]),
                one["null_filtered"],
                tuple(one["readable"]),
            )
            for name, one in found["indexes"].items()
        }
        return cls(tables, indexes)


def _parts(found: Iterable[dict[str, Any]]) -> tuple[KeyPart, ...]:
    return tuple(KeyPart(**one) for one in found)


def stored(connection: sqlite3.Connection) -> Schema:
    """The schema stored in the file; an empty one if no migration has run."""
    return Schema.parse(text) if (text := stored_text(connection)) else Schema({}, {})


def stored_text(connection: sqlite3.Connection) -> str:
    """The text of the schema stored in the file; "" if no migration has run."""
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'store_schema'").fetchone()
    row = connection.execute("SELECT schema FROM store_schema").fetchone() if there else None
    return str(row[0]) if row else ""


def quoted(name: str) -> str:
    return f'"{name}"'
