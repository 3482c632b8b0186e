"""One SQLite file that threads and processes share: many readers at any time, one writer at a time in fair order.

SQLite's own wait for the writer's lock is by sleeping: under load it starves some. So writers queue first and meet no
other. A process that is killed leaves its lock, and a transaction that it had not committed is gone.
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
# The longest wait for a turn, and for those that do not queue, as a person's sqlite3.
BUSY_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 5.0
Durability = Literal["NORMAL", "OFF"]


class SqliteFile:
    """Safe for threads; `prepare` is called with each new connection.

    With NORMAL a commit survives the end of the process, not of the machine; OFF is for tests."""

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
        self._writer: list[sqlite3.Connection] = []  # one at most
        weakref.finalize(self, _close, self._free, self._writer)

    def connect(self) -> sqlite3.Connection:
        """A connection of one's own."""
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
        """A connection to read with; each statement sees what is committed when it begins."""
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
        """The writer's turn: one transaction, committed at the block's end, or rolled back when it raises.

        Raises TurnNotReached when it does not come before the request's deadline, or within BUSY_SECONDS."""
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
        """Close what is not in use; a thread that writes ends its transaction first.

        Closed under a statement that runs, SQLite's connection takes the process with it."""
        with suppress(TurnNotReached), self._queue.turn(CLOSE_SECONDS):
            _close(self._writer)
        with self._lock:
            _close(self._free)

    def _mind_forks(self) -> None:
        """A connection must not be used, nor closed, in a child of the process that made it."""
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
