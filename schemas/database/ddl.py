"""Parse the part of Spanner's DDL that the migrations use into a `Schema`.

It covers only the facts that tools need: tables with columns and keys, indexes. An unknown statement raises
UnknownStatement: extend this module instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

_NAME = r"`?(\w+)`?"
_TYPE = re.compile(r"ARRAY<[^>]*>(?:\([^)]*\))?|\w+(?:\(\s*\w+\s*\))?", re.I)


class UnknownStatement(ValueError):
    """The tools cannot interpret this statement."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    not_null: bool = False
    filled: bool = False  # has a default or is generated, so an insert may omit it
    generated: bool = False
    expression: str = ""  # of a generated column
    commit_timestamp: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`key` holds the key's column names, `descending` those in descending order, `checks` the constraints'
    expressions by name. A row of `parent` must exist (INTERLEAVE IN PARENT); `cascade`: deleting it deletes this
    table's rows."""

    name: str
    columns: dict[str, Column]
    key: tuple[str, ...]
    descending: frozenset[str] = frozenset()
    parent: str | None = None
    cascade: bool = False
    checks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    table: str
    key: tuple[str, ...]
    descending: frozenset[str] = frozenset()
    unique: bool = False
    null_filtered: bool = False
    stored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `kind` is create table, create index, add column, drop column, alter column, drop table,
    drop index, store column, add check, drop constraint or other; `what` is the table, index, column or check."""

    text: str
    kind: str
    name: str
    what: Table | Index | Column | dict[str, str] | str | None = None


@dataclass
class Schema:
    """The schema that results from a sequence of statements."""

    tables: dict[str, Table] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)

    @classmethod
    def of(cls, statements: Iterable[str]) -> Schema:
        schema = cls()
        for text in statements:
            schema.apply(parse(text))
        return schema

    def apply(self, statement: Statement) -> None:
        """Apply one statement. Raises UnknownStatement if it refers to an object that does not exist."""
        what, name = statement.what, statement.name
        if isinstance(what, Table):
            self.tables[name] = what
        elif isinstance(what, Index):
            self.indexes[name] = what
        elif statement.kind == "drop table":
            self.tables.pop(name, None)
        elif statement.kind == "drop index":
            self.indexes.pop(name, None)
        elif statement.kind in ("add column", "alter column", "drop column"):
            self._columns(statement)
        elif statement.kind in ("add check", "drop constraint"):
            self._checks(statement)
        elif statement.kind == "store column":
            index = self.indexes.get(name)
            if index is None:
                raise UnknownStatement(f"there is no index {name}: {statement.text}")
            self.indexes[name] = replace(index, stored=(*index.stored, str(what)))

    def _columns(self, statement: Statement) -> None:
        table, what = self.tables.get(statement.name), statement.what
        if table is None:
            raise UnknownStatement(f"there is no table {statement.name}: {statement.text}")
        columns = dict(table.columns)
        if isinstance(what, Column):
            columns[what.name] = what
        else:
            columns.pop(str(what), None)
        self.tables[statement.name] = replace(table, columns=columns)

    def _checks(self, statement: Statement) -> None:
        table, what = self.tables[statement.name], statement.what
        if isinstance(what, dict):
            checks = table.checks | what
        else:
            checks = {name: text for name, text in table.checks.items() if name != what}
        self.tables[statement.name] = replace(table, checks=checks)


def parse(text: str) -> Statement:
    """Parse one statement, without comments and semicolon."""
    flat = " ".join(text.split())
    for pattern, make in _FORMS:
        found = re.match(pattern, flat, re.I)
        if found:
            return make(flat, found)
    raise UnknownStatement(f"not known to the tools: {flat[:100]}")


def _create_table(text: str, found: re.Match[str]) -> Statement:
    name = found[1]
    body, rest = _parenthesis(text, found.end() - 1)
    columns, checks, key_text = {}, dict[str, str](), ""
    for part in split(body):
        if re.match(r"(CONSTRAINT|CHECK|FOREIGN)\b", part, re.I):
            checks |= _check(part, f"{name}_check_{len(checks)}")
            continue
        if re.match(r"PRIMARY KEY", part, re.I):
            key_text = part
            continue
        column = _column(part)
        columns[column.name] = column
    place = re.search(r"PRIMARY KEY\s*\(", rest, re.I)
    key_text = rest[place.end() - 1 :] if place else key_text[key_text.find("(") :]
    names, descending = _key(_parenthesis(key_text, 0)[0]) if key_text else ((), frozenset())
    parent = re.search(rf"INTERLEAVE IN (?:PARENT )?{_NAME}", rest, re.I)
    cascade = bool(re.search(r"ON DELETE CASCADE", rest, re.I))
    table = Table(name, columns, names, descending, parent[1] if parent else None, cascade, checks)
    return Statement(text, "create table", name, table)


def _check(text: str, unnamed: str) -> dict[str, str]:
    """A check constraint's expression by its name; empty for other kinds of constraints."""
    found = re.match(rf"(?:CONSTRAINT {_NAME}\s+)?CHECK\s*\(", text, re.I)
    return {found[1] or unnamed: _parenthesis(text, found.end() - 1)[0].strip()} if found else {}


def _create_index(text: str, found: re.Match[str]) -> Statement:
    body, rest = _parenthesis(text, found.end() - 1)
    names, descending = _key(body)
    stored = re.match(r"\s*STORING\s*\(", rest, re.I)
    columns = split(_parenthesis(rest, stored.end() - 1)[0]) if stored else []
    index = Index(
        name=found[3],
        table=found[4],
        key=names,
        descending=descending,
        unique=bool(found[1]),
        null_filtered=bool(found[2]),
        stored=tuple(column.strip("` ") for column in columns),
    )
    return Statement(text, "create index", index.name, index)


def _column(text: str) -> Column:
    found = re.match(rf"{_NAME}\s+", text)
    kind = _TYPE.match(text, found.end()) if found else None
    if not found or not kind:
        raise UnknownStatement(f"not a column: {text[:100]}")
    rest = text[kind.end() :]
    generated = bool(re.search(r"\bAS\s*\(", rest, re.I))
    filled = generated or bool(re.search(r"\b(DEFAULT|AUTO_INCREMENT|GENERATED)\b", rest, re.I))
    required = bool(re.search(r"\bNOT NULL\b", re.sub(r"\(.*\)", "", rest), re.I))
    formula = re.search(r"\bAS\s*\(", rest, re.I)
    expression = _parenthesis(rest, formula.end() - 1)[0].strip() if formula else ""
    stamped = bool(re.search(r"allow_commit_timestamp\s*=\s*true", rest, re.I))
    return Column(
        found[1], kind[0].upper().replace(" ", ""), required, filled, generated, expression, stamped
    )


def _key(text: str) -> tuple[tuple[str, ...], frozenset[str]]:
    parts = [part.split() for part in split(text)]
    names = tuple(part[0].strip("`") for part in parts)
    return names, frozenset(n for n, p in zip(names, parts, strict=True) if p[-1].upper() == "DESC")


def _parenthesis(text: str, start: int) -> tuple[str, str]:
    """The text inside the parenthesis that opens at `start`, and the text after it."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place], text[place + 1 :]
    raise UnknownStatement(f"a parenthesis is not closed: {text[:100]}")


def split(text: str) -> list[str]:
    """Split at the commas outside of parentheses."""
    return [part.strip() for part in _parts(text) if part.strip()]


def _parts(text: str) -> Iterator[str]:
    depth = start = 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)  # < and > are comparisons: no type here contains a comma
        if letter == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


_ALTER = rf"ALTER TABLE {_NAME} "
_FORMS = (
    (rf"CREATE TABLE (?:IF NOT EXISTS )?{_NAME}\s*\(", _create_table),
    (
        rf"CREATE (UNIQUE )?(NULL_FILTERED )?INDEX (?:IF NOT EXISTS )?{_NAME}\s+ON\s+{_NAME}\s*\(",
        _create_index,
    ),
    (
        rf"{_ALTER}ADD COLUMN (?:IF NOT EXISTS )?(?=`?\w)",
        lambda text, found: Statement(text, "add column", found[1], _column(text[found.end() :])),
    ),
    (
        rf"{_ALTER}ALTER COLUMN {_NAME} (?:SET|DROP) ",
        lambda text, found: Statement(text, "other", found[1], found[2]),
    ),
    (
        rf"{_ALTER}ALTER COLUMN (?=`?\w)",
        lambda text, found: Statement(text, "alter column", found[1], _column(text[found.end() :])),
    ),
    (
        rf"{_ALTER}DROP COLUMN (?:IF EXISTS )?{_NAME}",
        lambda text, found: Statement(text, "drop column", found[1], found[2]),
    ),
    (
        rf"{_ALTER}ADD (?=(?:CONSTRAINT \w+ )?CHECK)",
        lambda text, found: Statement(
            text, "add check", found[1], _check(text[found.end() :], f"{found[1]}_check")
        ),
    ),
    (
        rf"{_ALTER}(?:ADD|REPLACE|DROP) ROW DELETION POLICY",
        lambda text, found: Statement(text, "other", found[1]),
    ),
    (
        rf"{_ALTER}DROP CONSTRAINT {_NAME}",
        lambda text, found: Statement(text, "drop constraint", found[1], found[2]),
    ),
    (
        rf"ALTER INDEX {_NAME} ADD STORED COLUMN {_NAME}",
        lambda text, found: Statement(text, "store column", found[1], found[2]),
    ),
    (
        rf"DROP TABLE (?:IF EXISTS )?{_NAME}",
        lambda text, found: Statement(text, "drop table", found[1]),
    ),
    (
        rf"DROP INDEX (?:IF EXISTS )?{_NAME}",
        lambda text, found: Statement(text, "drop index", found[1]),
    ),
)
