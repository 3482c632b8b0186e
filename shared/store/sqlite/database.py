"""The storage port on one SQLite file, for local runs and tests. docs/embedded.md lists its limits.

Facts that this module encodes:

- A body that reads holds the write lock from its first read to the commit. So transactions are serial, nothing is
  aborted, and a body runs once. A body that only inserts holds the lock during the commit; a body that is refused
  before it reads never takes it.
- Writes are applied in the order in which they were buffered; the first failure rolls everything back.
- A commit's timestamp is later than all earlier ones of any process: the newest is stored in a row of the file.
- Reads are never stale, whatever staleness they allow.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from shared.runtime.context import count_call
from shared.runtime.fair_queue import TurnNotReached
from shared.runtime.sqlite_file import Durability, SqliteFile
from shared.store.port import (
    Contention,
    Read,
    Row,
    StoreTransaction,
    Unavailable,
    Write,
)
from shared.store.sqlite import functions, plans, schema, values
from shared.store.sqlite.plans import Plans, Unknown
from shared.telemetry import tracing

T = TypeVar("T")
_log = logging.getLogger(__name__)
CREATE_CLOCK = (
    "CREATE TABLE IF NOT EXISTS store_clock (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL)"
)


def connect(path: Path, durability: Durability = "NORMAL") -> SqliteDatabase:
    """Open a file to which the migrations have been applied (`schemas.database.embedded`)."""
    return SqliteDatabase(SqliteFile(path, functions.register, durability))


class SqliteDatabase:
    """A `Database` in one file; safe for threads and processes."""

    def __init__(self, file: SqliteFile) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._plans = plans.of("")

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> _Snapshot:
        return _Snapshot(self, consistent)

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        with _faults(), ExitStack() as turn:
            attempt = _Attempt(self, turn)
            answer = body(attempt)
            return answer, attempt.apply()

    def write(self, writes: Sequence[Write]) -> datetime:
        with _faults(), self.file.writing() as connection:
            return self.apply(connection, writes)

    def apply(self, connection: sqlite3.Connection, writes: Sequence[Write]) -> datetime:
        """Apply the transaction's writes and return its timestamp; the caller commits."""
        count_call("Commit")
        now = tick(connection)
        with tracing.span("spanner.Commit"):
            self._planned(connection, lambda plans: plans.apply(connection, writes, now))
        return values.moment(now)

    def rows(self, connection: sqlite3.Connection, read: Read) -> list[Row]:
        """The rows of one read."""
        count_call("StreamingRead")
        with tracing.span("spanner.Read", db_collection_name=read.table):
            return self._planned(connection, lambda plans: plans.rows(connection, read))

    def _planned(self, connection: sqlite3.Connection, run: Callable[[Plans], T]) -> T:
        """Run with the SQL of the file's schema; if the schema seems to have changed, read it again."""
        try:
            return run(self._plans)
        except (Unknown, sqlite3.OperationalError) as error:
            if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
                raise
            with self._lock:
                self._plans = plans.of(schema.stored_text(connection))
            return run(self._plans)


class _Snapshot:
    def __init__(self, database: SqliteDatabase, consistent: bool) -> None:
        self._database = database
        self._consistent = consistent

    def read(self, *reads: Read) -> list[list[Row]]:
        with _faults(), self._database.file.reading() as connection:
            whole = (self._consistent and len(reads) > 1) or any(
                len(read.spans) + len(read.keys) > 1 for read in reads
            )
            if whole:
                connection.execute("BEGIN")
            return [self._database.rows(connection, read) for read in reads]


class _Attempt:
    """One run of a body; it holds the write lock from its first read."""

    def __init__(self, database: SqliteDatabase, turn: ExitStack) -> None:
        self._database = database
        self._turn = turn
        self._connection: sqlite3.Connection | None = None
        self._writes: list[Write] = []

    def _begun(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._turn.enter_context(self._database.file.writing())
        return self._connection

    def read(self, *reads: Read) -> list[list[Row]]:
        connection = self._begun()
        return [self._database.rows(connection, read) for read in reads]

    def buffer(self, writes: Sequence[Write]) -> None:
        self._writes += writes

    def apply(self) -> datetime:
        return self._database.apply(self._begun(), self._writes)


def tick(connection: sqlite3.Connection) -> int:
    """The timestamp of this commit, in microseconds."""
    row = connection.execute(
        "INSERT INTO store_clock VALUES (1, :now) ON CONFLICT DO UPDATE SET last = max(last + 1, :now) RETURNING last",
        {"now": time.time_ns() // 1000},
    ).fetchone()
    return int(row[0])


@contextmanager
def _faults() -> Iterator[None]:
    """Translate SQLite's errors into the port's. SQLite rolls a failed commit back, so no outcome is unknown."""
    try:
        yield
    except TurnNotReached as error:
        _log.warning("the writer's turn did not come before the deadline", extra={"error": str(error)})
        raise Unavailable(str(error)) from error
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise Contention(str(error)) from error
        raise Unavailable(str(error)) from error
