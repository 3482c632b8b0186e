"""Apply the same migrations to the embedded store, a SQLite file.

One transaction applies all pending migrations: their result is parsed into a `Schema`, changed tables are recreated
with their rows, and the indexes follow. Features that SQLite lacks raise UnknownStatement. Row deletion policies are
left out, as in the emulator.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from schemas.database import ddl
from schemas.database.migration_files import RECORDS, ChangedMigrationError, Migration, migrations
from schemas.database.sqlite_expressions import translated
from shared.runtime.sqlite_file import Durability, SqliteFile
from shared.store.sqlite import database, functions, plans, schema, values


def apply(path: Path, every: list[Migration] | None = None, durability: Durability = "NORMAL") -> list[str]:
    """Bring a file up to date, and create it if needed. Returns the names of the applied migrations.

    Raises ChangedMigrationError when an applied migration's file differs from its record.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = SqliteFile(path, _prepare, durability)
    try:
        with file.writing() as connection:
            return _apply(connection, migrations() if every is None else every)
    finally:
        file.close()


def planned(path: Path, every: list[Migration] | None = None) -> list[str]:
    """The names of the migrations that `apply` would apply. Raises ChangedMigrationError."""
    every = migrations() if every is None else every
    if not path.exists():
        return [migration.name for migration in every]
    file = SqliteFile(path, _prepare)
    try:
        with file.reading() as connection:
            return [migration.name for migration in _pending(connection, every)[1]]
    finally:
        file.close()


def _prepare(connection: sqlite3.Connection) -> None:
    functions.register(connection)
    connection.execute(
        "PRAGMA foreign_keys = OFF"
    )  # a recreated table is dropped first; its children must stay
    connection.execute("PRAGMA legacy_alter_table = ON")


def _apply(connection: sqlite3.Connection, every: list[Migration]) -> list[str]:
    connection.execute(schema.CREATE)
    connection.execute(database.CREATE_CLOCK)
    applied, waiting = _pending(connection, every)
    old = _schema(applied) if schema.stored(connection).tables else ddl.Schema()
    _change(connection, old, _schema([*applied, *waiting]))
    now = database.tick(connection)
    connection.executemany(
        "INSERT INTO migrations (name, digest, applied_at) VALUES (?, ?, ?)",
        [(migration.name, migration.digest, now) for migration in waiting],
    )
    if broken := connection.execute("PRAGMA foreign_key_check").fetchall():
        raise sqlite3.IntegrityError(f"rows without their parents: {broken[:3]}")
    return [migration.name for migration in waiting]


def _pending(
    connection: sqlite3.Connection, every: list[Migration]
) -> tuple[list[Migration], list[Migration]]:
    """(applied migrations, pending migrations). Raises ChangedMigrationError."""
    done = {}
    if "migrations" in schema.stored(connection).tables:
        done = dict(connection.execute("SELECT name, digest FROM migrations"))
    for migration in every:
        if done.get(migration.name, migration.digest) != migration.digest:
            raise ChangedMigrationError(f"{migration.name} was changed after it was applied")
    applied = [migration for migration in every if migration.name in done]
    return applied, [migration for migration in every if migration.name not in done]


def _schema(applied: list[Migration]) -> ddl.Schema:
    return ddl.Schema.of(
        [*RECORDS, *(statement for migration in applied for statement in migration.statements)]
    )


def _change(connection: sqlite3.Connection, old: ddl.Schema, new: ddl.Schema) -> None:
    made = _described(new)
    changed = {name for name, table in new.tables.items() if old.tables.get(name) != table}
    for name in {*old.tables} - {*new.tables}:
        connection.execute(f"DROP TABLE {schema.quoted(name)}")
    for name, index in old.indexes.items():
        if new.indexes.get(name) != index and index.table in new.tables and index.table not in changed:
            connection.execute(f"DROP INDEX {schema.quoted(name)}")
            connection.execute(f"DROP INDEX IF EXISTS {schema.quoted(name + '_nulls')}")
    for name in changed:
        _make(connection, old.tables.get(name), new.tables[name], new)
    for name, index in new.indexes.items():
        if index.table in changed or old.indexes.get(name) != index:
            for statement in _index(name, index, made):
                connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO store_schema VALUES (1, ?)", (made.text(),))


def _make(connection: sqlite3.Connection, old: ddl.Table | None, new: ddl.Table, every: ddl.Schema) -> None:
    """Create a table. It replaces an old one and copies the rows' remaining columns."""
    if old is None:
        connection.execute(_table(new.name, new, every))
        return
    temporary, name = f"{new.name}_made_anew", schema.quoted(new.name)
    connection.execute(_table(temporary, new, every))
    kept = [
        schema.quoted(column)
        for column in new.columns
        if column in old.columns and not new.columns[column].generated and not old.columns[column].generated
    ]
    copied = ", ".join(kept)
    connection.execute(f"INSERT INTO {schema.quoted(temporary)} ({copied}) SELECT {copied} FROM {name}")  # noqa: S608
    connection.execute(f"DROP TABLE {name}")
    connection.execute(f"ALTER TABLE {schema.quoted(temporary)} RENAME TO {name}")


def _table(name: str, table: ddl.Table, every: ddl.Schema) -> str:
    parts = [*(_column(column, table) for column in table.columns.values())]
    parts += [
        f"CONSTRAINT {schema.quoted(check)} CHECK ({translated(text, table.columns)})"
        for check, text in table.checks.items()
    ]
    key = [schema.KeyPart(column, column in table.descending) for column in table.key]
    if nullable := [column for column in table.key if not table.columns[column].not_null]:
        raise ddl.UnknownStatement(f"{table.name}: {nullable[0]} is of the primary key and may be NULL")
    parts.append(f"PRIMARY KEY ({plans.ordered(key)})")
    if table.parent is not None:
        shared = ", ".join(map(schema.quoted, every.tables[table.parent].key))
        action = "CASCADE" if table.cascade else "NO ACTION"
        parts.append(
            f"FOREIGN KEY ({shared}) REFERENCES {schema.quoted(table.parent)} ({shared}) ON DELETE {action}"
        )
    inner = ",\n  ".join(parts)
    return f"CREATE TABLE {schema.quoted(name)} (\n  {inner}\n) WITHOUT ROWID"


def _column(column: ddl.Column, table: ddl.Table) -> str:
    name = schema.quoted(column.name)
    text = f"{name} {values.STORED[re.split(r'[(<]', column.type)[0]]}"
    if column.generated:
        return f"{text} GENERATED ALWAYS AS ({translated(column.expression, table.columns)}) VIRTUAL"
    if column.filled:
        raise ddl.UnknownStatement(f"{table.name}.{column.name}: a default is not known to the tools")
    return text + (" NOT NULL" if column.not_null else "")


def _index(name: str, index: ddl.Index, made: schema.Schema) -> Iterator[str]:
    """The statements for one index. A unique index that is not null-filtered treats NULL as a value."""
    known, table = made.indexes[name], made.tables[index.table]
    places = plans.ordered((*known.key, *(() if index.unique else known.rest)))
    where = plans.present(table, known.key) if index.null_filtered else ""
    unique, on = "UNIQUE " if index.unique else "", schema.quoted(index.table)
    yield f"CREATE {unique}INDEX {schema.quoted(name)} ON {on} ({places})" + (
        f" WHERE {where}" if where else ""
    )
    if index.unique and not index.null_filtered:
        nullable = [part.name for part in known.key if table.columns[part.name].nullable]
        if nullable:
            columns = ", ".join(
                f"{schema.quoted(part.name)} IS NULL, ifnull({schema.quoted(part.name)}, 0)"
                for part in known.key
            )
            yield f"CREATE UNIQUE INDEX {schema.quoted(name + '_nulls')} ON {on} ({columns})"


def _described(found: ddl.Schema) -> schema.Schema:
    """The table properties that the store needs."""
    tables = {
        name: schema.Table(
            {
                column.name: schema.Column(
                    column.name, column.type, not column.not_null, column.commit_timestamp
                )
                for column in table.columns.values()
            },
            _parts(table.key, table.descending),
        )
        for name, table in found.tables.items()
    }
    indexes = {}
    for name, index in found.indexes.items():
        rest = tuple(part for part in tables[index.table].key if part.name not in index.key)
        readable = dict.fromkeys((*index.key, *(part.name for part in rest), *index.stored))
        indexes[name] = schema.Index(
            index.table, _parts(index.key, index.descending), rest, index.null_filtered, tuple(readable)
        )
    return schema.Schema(tables, indexes)


def _parts(names: tuple[str, ...], descending: frozenset[str]) -> tuple[schema.KeyPart, ...]:
    return tuple(schema.KeyPart(name, name in descending) for name in names)
