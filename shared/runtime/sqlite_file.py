"""One SQLite file shared by threads and processes: many readers at any time, one writer at a time in fair order.

SQLite itself waits for the write lock by sleeping, which starves some writers under load. So writers queue first and
then meet no other writer. If a process is killed, its lock is released and its uncommitted transaction is lost.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from shared.runtime.context import remaining_seconds
from shared.runtime.fair_queue import FairQueue, TurnNotReached

OLDEST: Final = (3, 38, 0)  # generated columns in partial indexes, upserts, DROP COLUMN
# The longest wait for a turn, and for writers that do not queue, such as a person's sqlite3.
BUSY_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 5.0
Durability = Literal["NORMAL", "OFF"]


class SqliteFile:
    """An SQLite file; safe for threads. `prepare` is called with each new connection.

    With NORMAL a commit survives the end of the process, but not of the machine; OFF is for tests."""

    def __init__(
        self,
        path: Path,
        prepare: Callable[[sqlite3.Connection], object] = lambda _: None,
        durability: Durability = "NORMAL",
    ) -> None:
        if sqlite3.sqlite_version_info < OLDEST:
            raise RuntimeError(f"this Python has SQLite {sqlite3.sqlite_version}: 3.38 or later is needed")
        self.path = path
        self._prepare = prepare
        self._durability = durability
        self._lock = threading.Lock()
        self._start_over()

    def _start_over(self) -> None:
        self._process = os.getpid()
        self._queue = FairQueue(self.path.with_name(self.path.name + "-lock"))
        self._free: list[sqlite3.Connection] = []  # readers
        self._writer: list[sqlite3.Connection] = []  # at most one
        weakref.finalize(self, _close, self._free, self._writer)

    def connect(self) -> sqlite3.Connection:
        """A new connection for the caller alone."""
        made = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        made.execute("PRAGMA journal_mode = WAL")
        made.execute(f"PRAGMA synchronous = {self._durability}")
        made.execute("PRAGMA foreign_keys = ON")
        self._prepare(made)
        return made

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; each statement sees what was committed when it started."""
        self._mind_forks()
        with self._lock:
            connection = self._free.pop() if self._free else None
        connection = connection or self.connect()
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            with self._lock:
                self._free.append(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writer's turn: one transaction, committed at the end of the block, or rolled back if it raises.

        Raises TurnNotReached if the turn does not come before the request's deadline, or within BUSY_SECONDS."""
        self._mind_forks()
        with self._queue.turn(remaining_seconds(BUSY_SECONDS)):
            if not self._writer:
                self._writer.append(self.connect())
            connection = self._writer[0]
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the unused connections; a thread that writes ends its transaction first.

        Closing an SQLite connection while a statement runs on it would crash the process."""
        with suppress(TurnNotReached), self._queue.turn(CLOSE_SECONDS):
            _close(self._writer)
        with self._lock:
            _close(self._free)

    def _mind_forks(self) -> None:
        """Drop the connections in a child process, which must neither use nor close its parent's connections."""
        if self._process != os.getpid():
            with self._lock:
                if self._process != os.getpid():
                    for connections in (self._free, self._writer):
                        _abandoned.extend(connections)
                        connections.clear()
                    self._start_over()


_abandoned: list[sqlite3.Connection] = []


def _close(*lists: list[sqlite3.Connection]) -> None:
    for connections in lists:
        while connections:
            connections.pop().close()
