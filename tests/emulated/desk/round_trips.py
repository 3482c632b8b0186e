"""Count the round trips that a request waits for: each wave of reads and each commit is one round trip to the
database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from shared.store.port import Database, Read, Reader, Row, StoreTransaction, Write

T = TypeVar("T")


class CountingDatabase:
    """The database; it records the round trips of the thread that created it (work after a commit runs in other
    threads)."""

    def __init__(self, inner: Database) -> None:
        self._inner, self._thread = inner, threading.get_ident()
        self.trips: list[str] = []

    def note(self, what: str) -> None:
        if threading.get_ident() == self._thread:
            self.trips.append(what)

    def snapshot(self, **options: Any) -> Reader:
        return _Counting(self._inner.snapshot(**options), self, "read")

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        before = len(self.trips)

        def counted(transaction: StoreTransaction) -> T:
            del self.trips[before:]  # a trial run without a transaction, or one that was aborted
            return body(_Counting(transaction, self, "read in transaction"))

        answer = self._inner.transact(counted, optimistic=optimistic)
        self.note("commit")
        return answer

    def write(self, writes: Sequence[Write]) -> datetime:
        self.note("commit")
        return self._inner.write(writes)


class _Counting:
    def __init__(self, inner: Any, owner: CountingDatabase, kind: str) -> None:
        self._inner, self._owner, self._kind = inner, owner, kind

    def read(self, *reads: Read) -> list[list[Row]]:
        self._owner.note(f"{self._kind}: {', '.join(read.index or read.table for read in reads)}")
        rows: list[list[Row]] = self._inner.read(*reads)
        return rows

    def buffer(self, writes: Sequence[Write]) -> None:
        self._inner.buffer(writes)
