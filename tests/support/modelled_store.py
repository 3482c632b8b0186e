"""The store of the simulation: it counts round trips and written rows, follows what becomes of transactions, and
forgets those that are final, so that an hour of them fits into memory."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.store.port import Key, Read, Row, Write
from shared.store.table import Table
from shared.store.tables import system
from shared.store.tables import transactions as tables
from tests.model.store import MemoryDatabase
from tests.support.modelled_node import Latencies, Time

# What the engine only writes: counted, not kept.
UNREAD = frozenset({system.OUTBOX.name, system.FEED.name, system.AUDIT.name, system.OPERATIONS.name})
INDEXES = frozenset(
    index.name
    for index in (
        tables.TRANSACTIONS_BY_NONCE,
        tables.TRANSACTIONS_UNMINED,
        tables.TRANSACTIONS_IN_BLOCKS,
        tables.TRANSACTIONS_QUEUES,
        tables.TRANSACTIONS_QUEUED,
    )
)  # that the engine reads; reading another one is a KeyError
FINAL = "final"
WINDOW = 600.0  # seconds of one part of a long run


class Lives:
    """How many transactions are in each state, how many ever reached it, and after how many seconds since they were
    accepted, by the part of the run in which that happened."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self.now: Counter[str] = Counter()
        self.reached: Counter[str] = Counter()
        self.seconds: defaultdict[tuple[int, str], array[float]] = defaultdict(lambda: array("f"))

    def follow(self, before: Row | None, row: Row | None) -> None:
        """Count the change of a row."""
        old, new = _stage(before), _stage(row)
        if old == new:
            return
        if old:
            self.now[old] -= 1
        if new and row is not None:
            self.now[new] += 1
            self.reached[new] += 1
            if before is not None:
                took = (self._time.now() - row["created_at"]).total_seconds()
                self.seconds[int(self._time.now_seconds / WINDOW), new].append(took)

    @property
    def unsent(self) -> int:
        return self.now["accepted"] + self.now["nonced"]

    @property
    def unmined(self) -> int:
        return self.now["signed"] + self.now["submitted"]


def _stage(row: Row | None) -> str:
    if row is None:
        return ""
    return FINAL if row["finalized"] else str(row["state"])


class Store(MemoryDatabase):
    """Counts waves of reads, commits and written rows. `forgotten` is called with the hash of each transaction that is
    final, whose rows are then gone."""

    def __init__(self, time: Time, latencies: Latencies, forgotten: Callable[[str], None]) -> None:
        super().__init__(now=time.now)
        self.time, self.latencies, self.free, self.lives = time, latencies, False, Lives(time)
        self.written: Counter[str] = Counter()
        self._forgotten = forgotten
        for table in (tables.TRANSACTIONS, tables.ATTEMPTS):
            for kept in (self._indexes, self._unique):
                kept[table.name] = [one for one in kept[table.name] if one.name in INDEXES]

    def read(self, *reads: Read) -> list[list[Any]]:
        if not self.free:
            self.time.trip("read", self.latencies.read)
        found = super().read(*reads)
        self.time.counts["rows"] += sum(map(len, found))
        return found

    def _commit(self, writes: list[Write]) -> datetime:
        if not self.free:
            self.time.trip("commit", self.latencies.commit)
            self.written.update(write.table for write in writes)
        done = super()._commit([write for write in writes if write.table not in UNREAD])
        for write in writes:
            if write.table == tables.TRANSACTIONS.name and write.kind != "delete":
                self._forget((dict(zip(write.columns, write.values, strict=True))["transaction_id"],))
        return done

    def _forget(self, key: Key) -> None:
        row = self.rows[tables.TRANSACTIONS.name].get(key)
        if row is None or not row["finalized"]:
            return
        self._forgotten(row["hash"])
        for k in range(row["attempt_count"]):
            self._put(tables.ATTEMPTS, (*key, k + 1), None)
        self._put(tables.RECEIPTS, key, None)
        super()._put(tables.TRANSACTIONS, key, None)  # still counted as final

    def _put(self, table: Table[Any], key: Key, row: Row | None) -> None:
        if table is tables.TRANSACTIONS:
            self.lives.follow(self.rows[table.name].get(key), row)
        super()._put(table, key, row)
