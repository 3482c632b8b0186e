"""A strictly serialisable database in memory: `shared.store.port.Database`.

Bodies run one at a time under a lock, so every history is serial. What production adds is injected by `Faults`:
aborts re-run a body, an unknown outcome commits (or not) and then loses the answer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sortedcontainers import SortedDict

from shared.store.port import (
    COMMIT_TIMESTAMP,
    AlreadyExists,
    Key,
    KeyRange,
    Mutation,
    Read,
    Row,
    Transaction,
    UnknownOutcome,
)
from shared.store.records import shard_of
from shared.store.table import INDEXES, TABLES, Index, Table

T = TypeVar("T")
Generated = Callable[[Row], Any]

# The generated columns of schemas/spanner; the shard's hash differs from FARM_FINGERPRINT, its use does not.
GENERATED: dict[str, dict[str, Generated]] = {
    "orders": {
        "open_shard": lambda row: (
            shard_of(row["order_id"], 16) if row["status"] == "open" and not row["hidden"] else None
        )
    },
    "claims": {
        "live_order_id": lambda row: (
            row["order_id"] if row["status"] in ("claimed", "processing", "processed", "failed") else None
        ),
        "live_user_id": lambda row: row["user_id"] if row["status"] == "claimed" else None,
        "paying_wallet_id": lambda row: (
            row["wallet_id"] if row["status"] in ("claimed", "processing", "failed") else None
        ),
    },
    "supplies": {
        "live_address": lambda row: (
            row["address"] if row["status"] in ("active", "paused", "exhausted") else None
        )
    },
    "funds": {"watch_shard": lambda row: shard_of(row["address"], 16) if row["supplies"] > 0 else None},
    "users": {"list_shard": lambda row: shard_of(row["id"], 4)},
    "wallets": {
        "active_address": lambda row: row["address"] if row["status"] == "active" else None,
        "disabled_shard": lambda row: shard_of(row["id"], 4) if row["status"] == "disabled" else None,
    },
    "transactions": {
        "due_shard": lambda row: (
            None if row["next_action_at"] is None else shard_of(row["transaction_id"], 16)
        ),
        "queued_lane_id": lambda row: row["lane_id"] if row["state"] == "accepted" else None,
        "open_wallet_id": lambda row: None if row["finalized"] else row["wallet_id"],
    },
}


@dataclass
class Faults:
    """What goes wrong, by a seeded generator; probabilities per commit."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))
    abort: float = 0.0
    unknown: float = 0.0


class Flipped:
    """Orders values the other way round, for descending index columns."""

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
    """See the module's text. `now` gives commit timestamps; they strictly increase."""

    def __init__(self, faults: Faults | None = None, now: Callable[[], datetime] | None = None) -> None:
        self.faults = faults or Faults()
        self._now = now or (lambda: datetime.now(UTC))
        self._last = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.RLock()
        self.rows: dict[str, SortedDict] = {name: SortedDict() for name in TABLES}
        self.entries: dict[str, SortedDict] = {name: SortedDict() for name in INDEXES}

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> MemoryDatabase:
        return self

    def read(self, *reads: Read) -> list[list[Row]]:
        with self._lock:
            return [self._one(read) for read in reads]

    def transact(self, body: Callable[[Transaction], T], *, optimistic: bool = False) -> tuple[T, datetime]:
        with self._lock:
            while True:
                attempt = _Attempt(self)
                answer = body(attempt)
                if self.faults.rng.random() >= self.faults.abort:
                    return answer, self._commit(attempt.mutations)

    def write(self, mutations: Sequence[Mutation]) -> datetime:
        with self._lock:
            return self._commit(list(mutations))

    def _commit(self, mutations: list[Mutation]) -> datetime:
        lost = self.faults.rng.random() < self.faults.unknown
        if lost and self.faults.rng.random() < 0.5:
            raise UnknownOutcome("the commit never arrived (injected)")
        self._last = max(self._now(), self._last + timedelta(microseconds=1))
        self._check(mutations)
        for mutation in mutations:
            self._apply(mutation)
        if lost:
            raise UnknownOutcome("the commit's answer was lost (injected)")
        return self._last

    def _check(self, mutations: list[Mutation]) -> None:
        """Refuse the whole commit before anything is applied."""
        taken: dict[str, set[Key]] = {}
        for mutation in mutations:
            table = TABLES[mutation.table]
            if mutation.kind == "delete":
                continue
            row = self._merged(table, mutation)
            key = tuple(row[name] for name in table.key_columns)
            exists = key in self.rows[table.name]
            if mutation.kind == "insert" and (exists or key in taken.setdefault(table.name, set())):
                raise AlreadyExists(f"Row {key} in table {table.name} already exists")
            if mutation.kind == "update" and not exists:
                raise KeyError(f"no row {key} in {table.name}")
            taken.setdefault(table.name, set()).add(key)
            for index in self._indexes(table):
                self._check_unique(index, table, row, key)

    def _check_unique(self, index: Index[Any], table: Table[Any], row: Row, key: Key) -> None:
        if not index.unique:
            return
        values = self._values(index, row)
        if index.null_filtered and None in values:
            return
        for found in _range(self.entries[index.name], index.key, index.descending, KeyRange(values, values)):
            if found[-1] != key:
                raise AlreadyExists(f"Unique index violation on index {index.name} at {values}")

    def _merged(self, table: Table[Any], mutation: Mutation) -> Row:
        given = dict(zip(mutation.columns, mutation.values, strict=True))
        given = {name: self._last if value == COMMIT_TIMESTAMP else value for name, value in given.items()}
        key = tuple(given[name] for name in table.key_columns)
        before = self.rows[table.name].get(key, {}) if mutation.kind != "insert" else {}
        row = {**before, **given}
        generated = {name: make(row) for name, make in GENERATED.get(table.name, {}).items()}
        return {**row, **generated}

    def _apply(self, mutation: Mutation) -> None:
        table = TABLES[mutation.table]
        if mutation.kind == "delete":
            old = self.rows[table.name].pop(mutation.values, None)
            self._unindex(table, old, mutation.values)
            return
        row = self._merged(table, mutation)
        key = tuple(row[name] for name in table.key_columns)
        self._unindex(table, self.rows[table.name].get(key), key)
        self.rows[table.name][key] = row
        for index in self._indexes(table):
            values = self._values(index, row)
            if not (index.null_filtered and None in values):
                self.entries[index.name][(*_ordered(index.key, index.descending, values), key)] = row

    def _unindex(self, table: Table[Any], row: Row | None, key: Key) -> None:
        if row is None:
            return
        for index in self._indexes(table):
            values = _ordered(index.key, index.descending, self._values(index, row))
            self.entries[index.name].pop((*values, key), None)

    def _indexes(self, table: Table[Any]) -> list[Index[Any]]:
        return [index for index in INDEXES.values() if index.table is table]

    def _values(self, index: Index[Any], row: Row) -> Key:
        return tuple(row[name] for name in index.key)

    def _one(self, read: Read) -> list[Row]:
        if read.spans:
            return [row for span in read.spans for row in self._one(replace(read, spans=(), span=span))]
        rows = self.rows[read.table]
        if read.span is None:
            keys = sorted({tuple(key) for key in read.keys})
            found = [rows[key] for key in keys if key in rows]
        else:
            span = read.span
            if read.index:
                index = INDEXES[read.index]
                source, names, descending = self.entries[read.index], index.key, index.descending
            else:
                source, names, descending = rows, TABLES[read.table].key_columns, frozenset()
            found = [source[key] for key in _range(source, names, descending, span, read.limit)]
        found = found[: read.limit] if read.limit else found
        return [{name: row[name] for name in read.columns} for row in found]


def _range(
    source: SortedDict, names: Sequence[str], descending: frozenset[str], span: KeyRange, limit: int = 0
) -> list[Any]:
    """Keys of the span, in order."""
    low, high = _ordered(names, descending, span.start), _ordered(names, descending, span.end)
    found = []
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
    flipped = zip(names, values, strict=False)
    return tuple(Flipped(value) if name in descending else _nullable(value) for name, value in flipped)


class _Nothing:
    """NULL, which orders before every value."""

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


class _Attempt:
    """One run of a body."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self.mutations: list[Mutation] = []

    def read(self, *reads: Read) -> list[list[Row]]:
        return self._database.read(*reads)

    def buffer(self, mutations: Sequence[Mutation]) -> None:
        self.mutations = list(mutations)
