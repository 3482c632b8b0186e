"""Check that the migrations follow expand and contract: `python -m schemas.database.lint`, a part of `make check`.

During a rollout, two releases use one schema. So a migration may add anything, but may only remove names that neither
this tree's code nor the newest release's (`schemas/releases/`) uses.

A finding is a sentence that starts with the file. A comment in the file accepts an intended finding and gives the
reason: `-- allow <rule>: <reason>`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.database import ddl, releases
from schemas.database.ddl import Column, Index, Schema, Statement, Table
from schemas.database.migration_files import Migration, migrations
from schemas.database.releases import Release

# Numbers that spread writes. Any other number at the start of a key is treated as a counter until it is listed here.
_SPREADING = re.compile(r"(^|_)shard$")
_TYPES = "STRING|BYTES|INT64|BOOL|TIMESTAMP|NUMERIC|JSON|FLOAT64|DATE|ARRAY"
_COLUMN = re.compile(rf"(?im)^\s*(?:ALTER TABLE \w+ ADD COLUMN\s+)?(\w+)\s+(?:{_TYPES})\b")


def _reserved(migration: Migration) -> Iterator[str]:
    """Columns whose names are reserved words in Spanner. The embedded store accepts them, but Spanner refuses them."""
    from google.cloud.spanner_dbapi.parse_utils import SPANNER_RESERVED_KEYWORDS

    for word in _COLUMN.findall(migration.text):
        if word.upper() in SPANNER_RESERVED_KEYWORDS:
            yield f"{migration.name}: column {word} needs backquotes, Spanner reserves the word"


@dataclass
class Lint:
    """One pass over the migrations in order; `released` are the names of the release's migrations."""

    migrations: list[Migration]
    live: Release | None
    schema: Schema = field(default_factory=Schema)
    old: Schema = field(default_factory=Schema)  # as the newest release left it

    def findings(self, code: Release) -> list[str]:
        """All faults, in the order of the files."""
        found = [*self._names(), *self._edited()]
        released = self.live.migrations if self.live else {}
        for migration in self.migrations:
            found += self._file(migration, new=migration.name not in released)
            if migration.name in released:
                self.old = Schema(dict(self.schema.tables), dict(self.schema.indexes))
        found += self._differences()
        for needs in [code, *([self.live] if self.live else [])]:
            found += missing(self.schema, needs)
        return found

    def _names(self) -> Iterator[str]:
        for place, migration in enumerate(self.migrations, start=1):
            if migration.name[:4] != f"{place:04}":
                yield f"{migration.name}: number {place:04} belongs here (two files with one number, or a gap)"

    def _edited(self) -> Iterator[str]:
        if self.live is None:
            return
        here = {each.name: releases.labelled(each.digest) for each in self.migrations}
        for name, digest in self.live.migrations.items():
            if name not in here:
                yield f"{name}: release {self.live.version} has applied it, the file is gone"
            elif here[name] != digest:
                yield f"{name}: edited after release {self.live.version} applied it; write a further migration"

    def _file(self, migration: Migration, *, new: bool) -> Iterator[str]:
        yield from _reserved(migration)
        allowed = dict(re.findall(r"(?m)^--\s*allow ([\w-]+):[ \t]*(\S.*)$", migration.text))
        for text in migration.statements:
            try:
                statement = ddl.parse(text)
                rules = [*keys(statement, self.schema), *(self._changes(statement) if new else ())]
                self.schema.apply(statement)
            except ddl.UnknownStatement as error:
                yield f"{migration.name}: {error}"
                continue
            yield from (f"{migration.name}: {why} [{rule}]" for rule, why in rules if rule not in allowed)

    def _changes(self, statement: Statement) -> Iterator[tuple[str, str]]:
        """The changes that would break the running release."""
        what, name = statement.what, statement.name
        if statement.kind == "add column" and isinstance(what, Column) and what.not_null and not what.filled:
            yield (
                "required-column",
                (f"{name}.{what.name} is required and has no default: rows of the release before lack it"),
            )
        if name in self.old.tables and statement.kind == "add check":
            yield "check", f"a CHECK on {name}, which has rows and writers that do not know it"
        if isinstance(what, Index) and what.unique and what.table in self.old.tables:
            added = set(what.key) - set(self.old.tables[what.table].columns)
            if not (what.null_filtered and added):
                yield "unique-index", f"{name} makes columns of {what.table} unique that may have duplicates"

    def _differences(self) -> Iterator[str]:
        """Columns that differ from the newest release."""
        for name, table in self.old.tables.items():
            for old in table.columns.values():
                new = self.schema.tables[name].columns.get(old.name) if name in self.schema.tables else None
                if new is None:
                    continue  # dropped: `missing` reports whether code reads it
                if new.not_null and not old.not_null:
                    yield f"{name}.{new.name} becomes required: the release before may write NULL"
                if not _wider(old.type, new.type):
                    yield f"{name}.{new.name} becomes {new.type} from {old.type}: only longer is safe"


def keys(statement: Statement, schema: Schema) -> Iterator[tuple[str, str]]:
    """Keys that start with a time or a counter; they send all writes to one server."""
    what = statement.what
    if isinstance(what, Table) and what.key:
        columns, first = what.columns, what.key[0]
    elif isinstance(what, Index) and what.table in schema.tables:
        columns, first = schema.tables[what.table].columns, what.key[0]
    elif isinstance(what, Index):
        raise ddl.UnknownStatement(f"index {what.name} is on a table that is not there: {what.table}")
    else:
        return
    kind = columns[first].type if first in columns else ""
    if not kind:
        raise ddl.UnknownStatement(f"{statement.name} has a key column {first} that is not there")
    if kind in ("TIMESTAMP", "DATE"):
        yield "hot-key", f"{statement.name} begins with the time {first}: put a shard or an id before it"
    elif kind in ("INT64", "NUMERIC") and not _SPREADING.search(first):
        yield "hot-key", f"{statement.name} begins with the number {first}: a counter there is a hot spot"


def missing(schema: Schema, needs: Release) -> Iterator[str]:
    """The columns that a release's code reads or writes but the schema lacks or requires differently."""
    for name, table in needs.tables.items():
        found = schema.tables.get(name)
        if found is None:
            yield f"{name}: {needs.version} uses this table and no migration leaves it there"
            continue
        for column in sorted(set(table["columns"]) - set(found.columns)):
            yield f"{name}.{column}: {needs.version} reads this column and no migration leaves it there"
        for column in found.columns.values():
            if column.not_null and not column.filled and column.name not in table["columns"]:
                yield f"{name}.{column.name}: required, and {needs.version} does not write it"
        wanted = (table["key"], set(table["descending"]))
        if wanted != (list(found.key), set(found.descending)):
            yield f"{name}: {needs.version} expects the key {', '.join(table['key'])} in that order"
    for name, index in needs.indexes.items():
        yield from _index(schema, name, index, needs.version)


def _index(schema: Schema, name: str, wanted: dict[str, object], version: str) -> Iterator[str]:
    found = schema.indexes.get(name)
    if found is None:
        yield f"{name}: {version} reads this index and no migration leaves it there"
        return
    there = {
        "table": found.table,
        "key": list(found.key),
        "descending": sorted(found.descending),
        "unique": found.unique,
        "null_filtered": found.null_filtered,
    }
    for what, value in there.items():
        if wanted[what] != value:
            yield f"{name}: its {what} is {value}; {version} expects {wanted[what]}"
    table = schema.tables.get(found.table)
    held = {*found.key, *found.stored, *(table.key if table else ())}
    columns = wanted["columns"]
    assert isinstance(columns, list)
    for column in sorted(set(columns) - held):
        yield f"{name}: {version} reads {column} from it, which it does not store"


def _wider(old: str, new: str) -> bool:
    """Whether every value of the old type is also a value of the new type, in the same form."""
    before, after = (re.fullmatch(r"(STRING|BYTES)\((\w+)\)", kind) for kind in (old, new))
    if before and after and before[1] == after[1]:
        return after[2] == "MAX" or (before[2] != "MAX" and int(after[2]) >= int(before[2]))
    return old == new


def main() -> int:
    """Print the findings; returns 1 if there are any."""
    found = Lint(migrations(), releases.newest()).findings(releases.current())
    for finding in found:
        sys.stderr.write(f"{finding}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
