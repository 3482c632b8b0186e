"""A strictly serialisable database in memory: `shared.store.port.Database`.

Bodies run one at a time under a lock, so every history is serial. `Faults` injects the failures of production: an abort
re-runs a body; an unknown outcome commits (or not) and then loses the answer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

from sortedcontainers import SortedDict

from shared.store.port import (
    COMMIT_TIMESTAMP,
    AlreadyExists,
    Key,
    KeyRange,
    MissingRow,
    Read,
    Row,
    StoreTransaction,
    UnknownOutcome,
    Write,
)
from shared.store.table import INDEXES, TABLES, Index, Table
from tests.model.generated import GENERATED

T = TypeVar("T")


@dataclass
class Faults:
    """Faults from a seeded generator; probabilities per commit."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))
    abort: float = 0.0
    unknown: float = 0.0
    lost: int = 0  # lost answers of commits so far


class Flipped:
    """Reverses the order of a value, for descending index columns."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Flipped) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flipped) and bool(other.value == self.value)

    def __hash__(self) -> int:
        return hash(self.value)


class MemoryDatabase:
    """The database of this module. `now` gives commit timestamps; they strictly increase."""

    def __init__(self, faults: Faults | None = None, now: Callable[[], datetime] | None = None) -> None:
        self.faults = faults or Faults()
        self._now = now or (lambda: datetime.now(UTC))
        self._last = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.RLock()
        self.rows: dict[str, SortedDict] = {name: SortedDict() for name in TABLES}
        self.entries: dict[str, SortedDict] = {name: SortedDict() for name in INDEXES}
        self._indexes = {name: [one for one in INDEXES.values() if one.table.name == name] for name in TABLES}
        self._unique = {name: [one for one in some if one.unique] for name, some in self._indexes.items()}

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> MemoryDatabase:
        return self

    def read(self, *reads: Read) -> list[list[Row]]:
        with self._lock:
            return [self._one(read) for read in reads]

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        with self._lock:
            while True:
                attempt = Attempt(self)
                answer = body(attempt)
                if self.faults.rng.random() >= self.faults.abort:
                    return answer, self._commit(attempt.writes)

    def write(self, writes: Sequence[Write]) -> datetime:
        with self._lock:
            return self._commit(list(writes))

    def _commit(self, writes: list[Write]) -> datetime:
        lost = self.faults.rng.random() < self.faults.unknown
        self.faults.lost += lost
        if lost and self.faults.rng.random() < 0.5:
            raise UnknownOutcome("the commit never arrived (injected)")
        self._last = max(self._now(), self._last + timedelta(microseconds=1))
        done: list[tuple[Table[Any], Key, Row | None]] = []
        try:
            for write in writes:
                done.append(self._apply(write))
        except BaseException:
            for table, key, before in reversed(done):
                self._put(table, key, before)
            raise
        if lost:
            raise UnknownOutcome("the commit's answer was lost (injected)")
        return self._last

    def _apply(self, write: Write) -> tuple[Table[Any], Key, Row | None]:
        """Apply one write; writes run in order, so that one may take a key that an earlier one frees. Returns the old
        row."""
        table = TABLES[write.table]
        if write.kind == "delete":
            key, row = write.values, None
        else:
            row = dict(zip(write.columns, write.values, strict=True))
            if COMMIT_TIMESTAMP in write.values:
                row = {
                    name: self._last if value == COMMIT_TIMESTAMP else value for name, value in row.items()
                }
            key = tuple([row[name] for name in table.key_columns])
        before: Row | None = self.rows[table.name].get(key)
        if row is not None:
            if write.kind == "insert" and before is not None:
                raise AlreadyExists(f"Row {key} in table {table.name} already exists")
            if write.kind == "update" and before is None:
                raise MissingRow(f"no row {key} in {table.name}")
            row = row if before is None else before | row
            for name, make in GENERATED.get(table.name, {}).items():
                row[name] = make(row)
            for index in self._unique[table.name]:
                self._check_unique(index, row, key)
        self._put(table, key, row)
        return table, key, before

    def _check_unique(self, index: Index[Any], row: Row, key: Key) -> None:
        values = tuple(row[name] for name in index.key)
        if index.null_filtered and None in values:
            return
        for found in _range(self.entries[index.name], index.key, index.descending, KeyRange(values, values)):
            if found[-1] != _place(index.table, key):
                raise AlreadyExists(f"Unique index violation on index {index.name} at {values}")

    def _put(self, table: Table[Any], key: Key, row: Row | None) -> None:
        """Store the row's new state (None: deleted), and its index entries."""
        rows = self.rows[table.name]
        before = rows.get(key)
        if row is not None:
            rows[key] = row
        elif before is not None:
            del rows[key]
        for index in self._indexes[table.name]:
            entries = self.entries[index.name]
            new = _entry(index, key, row)
            if before is not None and (row is None or any(before[name] != row[name] for name in index.key)):
                old = _entry(index, key, before)
                if old is not None:
                    del entries[old]
            if new is not None:
                entries[new] = row

    def _one(self, read: Read) -> list[Row]:
        source, names, descending = self._source(read)
        if not source:
            return []
        spans = read.spans or ((read.span,) if read.span else ())
        if spans:
            places = [
                place for span in spans for place in _range(source, names, descending, span, read.limit)
            ]
        else:
            keys = (_ordered(names, descending, tuple(key)) for key in read.keys)
            places = [place for place in keys if place in source]
        if len(spans) != 1 and len(places) > 1:
            places = sorted(set(places))
        if read.limit:
            del places[read.limit :]
        if not places:
            return []
        chosen = _getter(read.columns)
        return [dict(zip(read.columns, chosen(source[place]), strict=True)) for place in places]

    def _source(self, read: Read) -> tuple[SortedDict, Sequence[str], frozenset[str]]:
        """Rows by their positions in the order of the table or index."""
        if read.index:
            index = INDEXES[read.index]
            return self.entries[read.index], index.key, index.descending
        table, rows = TABLES[read.table], self.rows[read.table]
        if table.descending:  # rows are kept in ascending order: such tables have few rows
            rows = SortedDict((_place(table, key), row) for key, row in rows.items())
        return rows, table.key_columns, frozenset(map(table.column, table.descending))


@cache
def _getter(columns: tuple[str, ...]) -> Callable[[Row], tuple[Any, ...]]:
    """A fast getter of these columns of a row, because it runs for each row that is read."""
    if len(columns) == 1:
        return lambda row: (row[columns[0]],)
    return itemgetter(*columns)


def _entry(index: Index[Any], key: Key, row: Row | None) -> Key | None:
    """The row's position in the index: its values, followed by the primary key."""
    if row is None:
        return None
    values = tuple([row[name] for name in index.key])
    if index.null_filtered and None in values:
        return None
    return (*_ordered(index.key, index.descending, values), _place(index.table, key))


def _place(table: Table[Any], key: Key) -> Key:
    """The row's position in the table's order."""
    if not table.descending:
        return key
    return _ordered(table.key_columns, frozenset(map(table.column, table.descending)), key)


def _range(
    source: SortedDict, names: Sequence[str], descending: frozenset[str], span: KeyRange, limit: int = 0
) -> list[Any]:
    """The keys in the span, in order."""
    found: list[Any] = []
    if not source:
        return found
    low, high = _ordered(names, descending, span.start), _ordered(names, descending, span.end)
    for key in source.irange(minimum=(*low,)):
        if span.start_open and key[: len(low)] == low:
            continue
        tail = key[: len(high)]
        if tail > high or (span.end_open and tail == high):
            break
        found.append(key)
        if limit and len(found) >= limit:
            break
    return found


def _ordered(names: Sequence[str], descending: frozenset[str], values: Key) -> Key:
    if not descending and None not in values:
        return values
    flipped = zip(names, values, strict=False)
    return tuple(
        Flipped(_nullable(value)) if name in descending else _nullable(value) for name, value in flipped
    )


class _Nothing:
    """NULL, which sorts before every value."""

    def __lt__(self, other: object) -> bool:
        return not isinstance(other, _Nothing)

    def __gt__(self, other: object) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Nothing)

    def __hash__(self) -> int:
        return 0


_NULL = _Nothing()


def _nullable(value: Any) -> Any:
    return _NULL if value is None else value


class Attempt:
    """One run of a body."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self.writes: list[Write] = []

    def read(self, *reads: Read) -> list[list[Row]]:
        return self._database.read(*reads)

    def buffer(self, writes: Sequence[Write]) -> None:
        self.writes = list(writes)
