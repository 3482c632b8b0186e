"""Typed tables: the mapping between a frozen dataclass, its row and its keys.

`Table` and `Index` objects build `Query` values; a `Session` (see `session.py`) runs them. Column names are the
dataclass's field names (but see `id_column`). Integers beyond 64 bits must be declared: `numeric` columns hold ledger
amounts as NUMERIC (29 integer digits), `texts` hold uint256 values as decimal STRINGs, `documents` hold JSON.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar, cast

from shared.domain.errors import NotFound
from shared.store.port import Key, KeyRange, Read, Row, Write

T = TypeVar("T")
A = TypeVar("A")
_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


@dataclass(frozen=True)
class Query(Generic[A]):
    """A read, and the function that turns its rows into the answer: a row, a row or None, or a list."""

    read: Read
    answer: Callable[[list[Any]], A]
    table: Table[Any]
    decode_part: Callable[[Row], Any] | None = None  # set if only some columns are read

    @property
    def partial(self) -> bool:
        """Whether the answer holds partial rows, which a unit of work must not treat as full rows."""
        return self.decode_part is not None

    def decode(self, rows: list[Row]) -> list[Any]:
        return list(map(self.decode_part or self.table.decode, rows))

    def then(self, check: Callable[[A], Any]) -> Query[Any]:
        """The same query with its answer passed through `check`, which may raise a Refusal."""
        answer = self.answer
        return Query(self.read, lambda rows: check(answer(rows)), self.table, self.decode_part)

    def visible_if(self, rule: Callable[[A], bool]) -> Query[A]:
        """The same query for one row, which is NotFound unless the rule accepts it."""

        def check(row: A) -> A:
            if not rule(row):
                raise NotFound
            return row

        return self.then(check)


@dataclass(frozen=True)
class Table(Generic[T]):
    """One Spanner table. `row` is the dataclass of its rows; `cached`: commits expire the cached copies of its rows."""

    name: str
    row: type[T]
    key: tuple[str, ...]
    numeric: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    descending: frozenset[str] = frozenset()
    cached: bool = False
    id_column: str = "id"
    names: tuple[str, ...] = field(init=False)
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(f.name for f in fields(self.row))  # type: ignore[arg-type]
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "columns", tuple(self.column(name) for name in names))
        TABLES[self.name] = self
        BY_ROW[self.row] = self

    def column(self, name: str) -> str:
        """The column of a field. `id` is renamed if interleaved children repeat it (`order_id`)."""
        return self.id_column if name == "id" else name

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        return tuple(self.column(name) for name in self.key)

    @cached_property
    def _converted(self) -> dict[int, Callable[[Any], Any]]:
        """The converters of stored values, by the position of their field."""
        found = ((place, self._converter(name)) for place, name in enumerate(self.names))
        return {place: convert for place, convert in found if convert is not None}

    @cached_property
    def _of_columns(self) -> dict[str, Callable[[Any], Any]]:
        """The same converters, by the column."""
        return {self.columns[place]: convert for place, convert in self._converted.items()}

    @cached_property
    def _of_row(self) -> Callable[[Row], tuple[Any, ...]]:
        """A fast getter of all columns of a stored row."""
        return itemgetter(*self.columns)

    @cached_property
    def _all_of(self) -> Callable[[T], tuple[Any, ...]]:
        """A fast getter of all fields of a row, because it runs for each written row."""
        return cast("Callable[[T], tuple[Any, ...]]", attrgetter(*self.names))

    def key_of(self, value: T) -> Key:
        return tuple(getattr(value, name) for name in self.key)

    def encode(self, value: T) -> Row:
        return dict(zip(self.columns, self._encoded(value), strict=True))

    def _encoded(self, value: T) -> list[Any]:
        values: list[Any] = list(self._all_of(value))
        for place in self._converted:
            values[place] = self._to_column(self.names[place], values[place])
        return [list(one) if isinstance(one, tuple) else one for one in values]

    def decode(self, row: Row) -> T:
        values = [tuple(one) if type(one) is list else one for one in self._of_row(row)]
        for place, convert in self._converted.items():
            if values[place] is not None:
                values[place] = convert(values[place])
        return self.row(*values)

    def decode_columns(self, row: Row) -> Row:
        """Decode an index entry or another partial row into a dict."""
        return {name: self._from_column(name, value) for name, value in row.items()}

    def _to_column(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in self.numeric:
            return Decimal(value)
        if name in self.texts:
            return str(value)
        if name in self.documents:
            return _json(value)
        return list(value) if isinstance(value, tuple) else value

    def _converter(self, name: str) -> Callable[[Any], Any] | None:
        if name in self.numeric or name in self.texts:
            return int
        return json.loads if name in self.documents else None

    def _from_column(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        convert = self._of_columns.get(name)
        if convert is not None:
            return convert(value)
        return tuple(value) if isinstance(value, list) else value

    def write(self, kind: Any, value: T) -> Write:
        return Write(kind, self.name, self.columns, tuple(self._encoded(value)))

    def update(self, stored: T | None, value: T) -> Write:
        """An update of the columns that differ from the stored row; of all columns if the stored row is not known."""
        changed: Sequence[str] = self.names
        if stored is not None:
            pairs = zip(self.names, self._all_of(stored), self._all_of(value), strict=True)
            changed = [name for name, before, after in pairs if before != after or name in self.key]
        columns = tuple(self.column(name) for name in changed)
        values = tuple(self._to_column(name, getattr(value, name)) for name in changed)
        return Write("update", self.name, columns, values)

    def delete(self, value: T) -> Write:
        return Write("delete", self.name, self.key_columns, self.key_of(value))

    def get(self, *key: Any) -> Query[T]:
        """The row with this primary key. Raises NotFound if it does not exist."""
        return Query(Read(self.name, self.columns, keys=(key,)), _only, self)

    def find(self, *key: Any) -> Query[T | None]:
        """The row with this primary key, or None."""
        return Query(Read(self.name, self.columns, keys=(key,)), _first, self)

    def get_many(self, keys: Iterable[Key]) -> Query[list[T]]:
        """The existing rows with these primary keys, in key order."""
        return Query(Read(self.name, self.columns, keys=tuple(keys)), list, self)

    def versions(self, keys: Iterable[Key]) -> Query[list[Row]]:
        """Keys and versions of the existing rows with these primary keys, as dicts (see `UnitOfWork.adopt`)."""
        return self.columns_of(keys, "version")

    def columns_of(self, keys: Iterable[Key], *columns: str) -> Query[list[Row]]:
        """The primary key and these columns, also generated ones, of the existing rows with these primary keys, as
        dicts in key order."""
        read = Read(self.name, (*self.key_columns, *columns), keys=tuple(keys))
        return Query(read, list, self, self.decode_columns)

    def scan(self, *prefix: Any, after: Key | None = None, upto: Key = (), limit: int = 0) -> Query[list[T]]:
        """Rows whose primary key starts with `prefix`, after `after`, up to and including `upto`."""
        span = key_range(prefix, after, upto)
        return Query(Read(self.name, self.columns, span=span, limit=limit), list, self)

    def below(self, prefixes: Iterable[Key]) -> Query[list[T]]:
        """The rows whose primary keys start with any of these prefixes, in one read; () if there are no prefixes."""
        spans = tuple(KeyRange(prefix, prefix) for prefix in prefixes)
        return Query(Read(self.name, self.columns, spans=spans), list, self)

    def beyond(self, places: Iterable[tuple[Key, Key]], limit: int) -> Query[list[T]]:
        """The rows below each prefix after its position (() for all rows below it), in one read, in key order."""
        spans = tuple(key_range(prefix, after or None, ()) for prefix, after in places)
        return Query(Read(self.name, self.columns, spans=spans, limit=limit), list, self)

    def within(self, prefixes: Iterable[Key], after: Key | None, upto: Key, limit: int) -> Query[list[T]]:
        """The rows below each prefix after `after`, up to and including `upto`, in one read, in key order."""
        spans = tuple(key_range(prefix, after, upto) for prefix in prefixes)
        return Query(Read(self.name, self.columns, spans=spans, limit=limit), list, self)


@dataclass(frozen=True)
class Index(Generic[T]):
    """A secondary index. A read can return its own columns, its `stored` columns and the primary key.

    A query returns dicts of those columns; `Session.follow` then reads the rows by key.
    """

    name: str
    table: Table[T]
    key: tuple[str, ...]
    descending: frozenset[str] = frozenset()
    unique: bool = False
    null_filtered: bool = False
    stored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        INDEXES[self.name] = self

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.key, *self.table.key_columns, *self.stored)))

    def scan(
        self, *prefix: Any, after: Key | None = None, upto: Key = (), limit: int = 0
    ) -> Query[list[Row]]:
        """Index entries (as dicts) in index order; `after` continues after those key values (a cursor)."""
        span = key_range(prefix, after, upto)
        read = Read(self.table.name, self.columns, span=span, index=self.name, limit=limit)
        return Query(read, list, self.table, self.table.decode_columns)

    def counted(self, *prefix: Any, limit: int) -> Query[int]:
        """How many entries start with `prefix`, at most `limit`. Only primary keys are read."""
        span = key_range(prefix, None, ())
        read = Read(self.table.name, self.table.key_columns, span=span, index=self.name, limit=limit)
        return Query(read, len, self.table, dict)

    def below(self, prefixes: Iterable[Key]) -> Query[list[Row]]:
        """The entries that start with any of these prefixes, in one read."""
        spans = tuple(KeyRange(prefix, prefix) for prefix in prefixes)
        read = Read(self.table.name, self.columns, spans=spans, index=self.name)
        return Query(read, list, self.table, self.table.decode_columns)

    def without(self, prefix: Key, skipped: Iterable[Any], *, after: Any, limit: int) -> Query[list[Row]]:
        """The entries that start with `prefix` and continue with a value beyond `after`, in one read; without those
        that continue with one of the `skipped` values (in order, all beyond `after`)."""
        bounds = [(*prefix, value) for value in (after, *skipped)]
        between = [KeyRange(one, end, True, True) for one, end in pairwise(bounds)]
        spans = (*between, KeyRange(bounds[-1], prefix, start_open=True))
        read = Read(self.table.name, self.columns, spans=spans, index=self.name, limit=limit)
        return Query(read, list, self.table, self.table.decode_columns)

    def rows(self, *prefix: Any, limit: int = 0) -> Query[list[T]]:
        """Whole rows from an index that stores all columns of its table; for reading, not for changing."""
        span = key_range(prefix, None, ())
        read = Read(self.table.name, self.table.columns, span=span, index=self.name, limit=limit)
        return Query(read, list, self.table)


TABLES: dict[str, Table[Any]] = {}
BY_ROW: dict[type, Table[Any]] = {}
INDEXES: dict[str, Index[Any]] = {}


def table_of(value: Any) -> Table[Any]:
    """The table of a row object. A table is known once its module is imported, which an operation that only writes new
    rows need not have done. Raises KeyError if the object is no row."""
    if type(value) not in BY_ROW:
        package = importlib.import_module("shared.store.tables")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return BY_ROW[type(value)]


def key_range(prefix: Sequence[Any], after: Key | None, upto: Key) -> KeyRange:
    """The range of keys that start with `prefix`, excluding `after`, including `upto`."""
    lead = tuple(prefix)
    if after is not None:
        return KeyRange((*lead, *after), (*lead, *upto), start_open=True)
    return KeyRange(lead, (*lead, *upto))


def _only(rows: list[Any]) -> Any:
    if not rows:
        raise NotFound()
    return rows[0]


def _first(rows: list[Any]) -> Any:
    return rows[0] if rows else None
