"""The narrow port to the database: read rows by key or key range, buffer writes, commit.

The port has no SQL; reports and migrations use their own connections. Key reads perform best in production and on the
emulator. `store/spanner` implements it, `store/sqlite` for local runs, and a serialisable model in memory for tests
(`tests/model/store.py`); one contract suite checks that all of them behave alike.

    StoreError
    ├── AlreadyExists     a buffered insert met an existing row or unique index entry; nothing was written
    ├── Contention        aborted by concurrent writers until the deadline; nothing was written
    ├── UnknownOutcome    the commit's answer was lost: it may or may not have happened
    └── Unavailable       the database did not answer; nothing was written
    ConstraintViolation   a CHECK, NOT NULL, length limit or child row forbids it: a bug; nothing was written
    └── MissingRow        an update met no row, or a row's parent does not exist
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

T = TypeVar("T")
Key = tuple[Any, ...]
Row = dict[str, Any]

COMMIT_TIMESTAMP = "spanner.commit_timestamp()"


class StoreError(Exception):
    """A fault of the store, never of the request."""


class AlreadyExists(StoreError):
    """An insert met an existing row or unique index entry; nothing was written."""


class Contention(StoreError):
    """Concurrent writers aborted the transaction until its deadline; nothing was written."""


class UnknownOutcome(StoreError):
    """The commit was sent but its answer was lost: the operation record shows whether it happened."""


class Unavailable(StoreError):
    """The database did not answer; nothing was written."""


class ConstraintViolation(Exception):
    """A write breaks a rule of the schema: a bug of the caller. Nothing was written."""


class MissingRow(ConstraintViolation):
    """An update met no row, or the parent of a written row does not exist."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Rows whose key lies between `start` and `end` (prefixes allowed) in the order of the table or index."""

    start: Key
    end: Key
    start_open: bool = False
    end_open: bool = False

    def holds(self, key: Key) -> bool:
        """Whether an ascending key lies in the range."""
        head, tail = key[: len(self.start)], key[: len(self.end)]
        after = head > self.start if self.start_open else head >= self.start
        return after and (tail < self.end if self.end_open else tail <= self.end)


@dataclass(frozen=True, slots=True)
class Read:
    """One read by the table's primary key or an index: `keys`, one `span` or several `spans`."""

    table: str
    columns: tuple[str, ...]
    keys: tuple[Key, ...] = ()
    span: KeyRange | None = None
    spans: tuple[KeyRange, ...] = ()
    index: str | None = None
    limit: int = 0

    def covers(self, key: Key) -> bool:
        """Whether an ascending key lies in one of the ranges."""
        return any(span.holds(key) for span in (*((self.span,) if self.span else ()), *self.spans))


@dataclass(frozen=True, slots=True)
class Write:
    """One buffered write. For `delete`, `values` is the primary key."""

    kind: Literal["insert", "update", "upsert", "delete"]
    table: str
    columns: tuple[str, ...]
    values: Key


class Reader(Protocol):
    """Reads at one point of consistency."""

    def read(self, *reads: Read) -> list[list[Row]]:
        """The rows of each read in key order; independent reads are sent together."""
        ...


class StoreTransaction(Reader, Protocol):
    """A serialisable read-write transaction: writes are buffered and seen only after the commit."""

    def buffer(self, writes: Sequence[Write]) -> None: ...


class Database(Protocol):
    """The database interface that the services use."""

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> Reader:
        """A strong reader, or one that may be `staleness` seconds old; `consistent`: all reads use one timestamp."""
        ...

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        """Run `body` until it commits, and return its result and the commit time. Aborts re-run it, so it must be
        pure."""
        ...

    def write(self, writes: Sequence[Write]) -> datetime:
        """Commit inserts or deletes without a read, in one round trip."""
        ...
