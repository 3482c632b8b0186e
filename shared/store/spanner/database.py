"""The database port on Cloud Spanner and its emulator.

Facts this module encodes:
- `run_in_transaction` waits 2 s and more after an abort unless `default_retry_delay` is given.
- `timeout_secs` alone limits nothing: one gRPC interceptor (`interceptor.py`) caps each call at the request's
  remaining time and counts round trips.
- The emulator runs one read-write transaction at a time per database, and it reads whole ranges before it limits them:
  see `emulator.py`.
- A commit whose answer is lost has an unknown outcome; the caller resolves it by the operation record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from shared.runtime.context import operation_or, remaining_seconds
from shared.runtime.fair_queue import TurnNotReached
from shared.store.port import (
    Read,
    Row,
    StoreTransaction,
    Unavailable,
    Write,
)
from shared.store.spanner import codec
from shared.store.spanner.emulator import EmulatorQueue, LimitedReads
from shared.store.spanner.errors import translate
from shared.store.spanner.read_waves import ReadWaves
from shared.telemetry import metrics

T = TypeVar("T")
ABORT_RETRY_SECONDS = 0.008
TRANSACTION_CAP_SECONDS = 30.0
# A transaction that cannot end in time holds its locks until Spanner aborts it, ten seconds later.
MIN_SECONDS = 0.05


def connect(project: str, instance: str, database: str) -> SpannerDatabase:
    """Open the database. SPANNER_EMULATOR_HOST selects the emulator, without multiplexed sessions: its sessions run
    one transaction at a time, even for reading."""
    emulator = os.environ.get("SPANNER_EMULATOR_HOST")
    if emulator:
        os.environ["GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS"] = "false"
        os.environ["GOOGLE_CLOUD_SPANNER_MULTIPLEXED_SESSIONS_FOR_RW"] = "false"
    from google.cloud import spanner

    client: Any = spanner.Client(project=project, disable_builtin_metrics=True)
    pool = _emulator_sessions() if emulator else None
    handle = client.instance(instance).database(database, pool=pool)
    from shared.store.spanner.interceptor import intercepted_api

    handle._spanner_api = intercepted_api(client, handle, emulator)
    # If clients reach one emulator by several addresses, its configured name puts all of them in one queue.
    queue = os.environ.get("SPANNER_EMULATOR_NAME", emulator)
    return SpannerDatabase(handle, EmulatorQueue(f"{queue}/{instance}/{database}") if emulator else None)


def _emulator_sessions() -> Any:
    """A plain pool: the default pool calls GetSession before each use; FixedSizePool mixes naive and aware times."""
    from google.cloud.spanner_v1.pool import AbstractSessionPool

    class Sessions(AbstractSessionPool):
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._free: list[Any] = []

        def bind(self, database: Any) -> None:
            self._database = database

        def get(self) -> Any:
            try:
                return self._free.pop()
            except IndexError:
                session = self._new_session()  # type: ignore[no-untyped-call]
                session.create()
                return session

        def put(self, session: Any) -> None:
            self._free.append(session)

        def clear(self) -> None:
            while self._free:
                self._free.pop().delete()

    return Sessions()


class SpannerDatabase:
    """`Database` over google-cloud-spanner."""

    def __init__(self, handle: Any, queue: EmulatorQueue | None) -> None:
        self.handle = handle
        self._queue = queue
        self._limited_reads = LimitedReads() if queue else None
        self._waves = ReadWaves()

    def _turn(self) -> Any:
        """A turn in the emulator's queue. Raises Unavailable if the request's time ends first."""
        return _in_time(self._queue) if self._queue else nullcontext()

    def snapshot(self, *, staleness: float | None = None, consistent: bool = False) -> _Snapshot:
        return _Snapshot(self.handle, self._waves, staleness, consistent, self._limited_reads)

    def transact(
        self, body: Callable[[StoreTransaction], T], *, optimistic: bool = False
    ) -> tuple[T, datetime]:
        blind = _Blind()
        try:
            answer = body(blind)
        except _ReadNeeded:
            return self._read_write(body, optimistic)
        return answer, self.write(blind.writes)

    def _read_write(self, body: Callable[[StoreTransaction], T], optimistic: bool) -> tuple[T, datetime]:
        from google.cloud.spanner_v1 import TransactionOptions

        modes = TransactionOptions.ReadWrite.ReadLockMode
        seen: list[SpannerTransaction] = []

        def run(inner: Any) -> T:
            if seen:
                metrics.ABORTS.add(operation=operation_or("none"))
            seen[:] = [SpannerTransaction(inner, self._waves)]
            return body(seen[0])

        with self._turn(), self._no_thread_lost():
            if remaining_seconds(TRANSACTION_CAP_SECONDS) < MIN_SECONDS:
                raise Unavailable("the request's time is over")
            try:
                answer = self.handle.run_in_transaction(
                    run,
                    default_retry_delay=ABORT_RETRY_SECONDS,
                    timeout_secs=remaining_seconds(TRANSACTION_CAP_SECONDS),
                    read_lock_mode=modes.OPTIMISTIC if optimistic else modes.PESSIMISTIC,
                )
            except Exception as error:
                raise translate(error, committing=bool(seen) and seen[0].finished) from error
        committed = seen[0].inner.committed
        return answer, committed

    @contextmanager
    def _no_thread_lost(self) -> Iterator[None]:
        """Clear the client library's mark on this thread. The library marks a thread as inside a transaction before
        it has a session. If Spanner does not answer, the mark stays, and the thread would refuse every later
        transaction."""
        local = self.handle._local
        inside = getattr(local, "transaction_running", False)
        try:
            yield
        finally:
            local.transaction_running = inside

    def write(self, writes: Sequence[Write]) -> datetime:
        with ExitStack() as turn:
            try:
                with self.handle.batch() as batch:
                    codec.buffer(batch, writes)
                    turn.enter_context(self._turn())  # encoded already: only the commit waits in the queue
            except Exception as error:
                raise translate(error, committing=True) from error
        committed: datetime = batch.committed
        return committed


@contextmanager
def _in_time(queue: EmulatorQueue) -> Iterator[None]:
    try:
        with queue.turn(remaining_seconds(TRANSACTION_CAP_SECONDS)):
            yield
    except TurnNotReached as error:
        raise Unavailable(str(error)) from None


class _Snapshot:
    def __init__(
        self,
        handle: Any,
        waves: ReadWaves,
        staleness: float | None,
        consistent: bool,
        limited_reads: LimitedReads | None,
    ) -> None:
        self._handle = handle
        self._waves = waves
        self._limited_reads = limited_reads
        self._staleness = timedelta(seconds=staleness) if staleness else None
        self._consistent = consistent

    def read(self, *reads: Read) -> list[list[Row]]:
        if self._consistent and len(reads) > 1:
            try:
                with self._handle.snapshot(exact_staleness=self._staleness, multi_use=True) as snapshot:
                    return self._waves.first(snapshot, reads)
            except Exception as error:
                raise translate(error, committing=False) from error
        return self._waves.together([partial(self._single, read) for read in reads])

    def _single(self, read: Read) -> list[Row]:
        return self._limited_reads.rows(read, self._alone) if self._limited_reads else self._alone(read)

    def _alone(self, read: Read) -> list[Row]:
        with self._handle.snapshot(max_staleness=self._staleness) as snapshot:
            return codec.rows(snapshot, read)


class _ReadNeeded(Exception):
    """The body reads, so it needs a real transaction."""


class _Blind:
    """A transaction for bodies that only insert: one commit sends all writes, without BeginTransaction."""

    def __init__(self) -> None:
        self.writes: list[Write] = []

    def read(self, *reads: Read) -> list[list[Row]]:
        raise _ReadNeeded

    def buffer(self, writes: Sequence[Write]) -> None:
        self.writes = list(writes)


class SpannerTransaction:
    """`StoreTransaction` over `inner`, the client's transaction."""

    def __init__(self, inner: Any, waves: ReadWaves) -> None:
        self.inner = inner
        self._waves = waves
        self.finished = False
        self._begun = False

    def read(self, *reads: Read) -> list[list[Row]]:
        if self._begun:
            return self._waves.wave(self.inner, reads)
        rows = self._waves.first(self.inner, reads)
        self._begun = True
        return rows

    def buffer(self, writes: Sequence[Write]) -> None:
        codec.buffer(self.inner, writes)
        self.finished = True  # the body is done; the commit follows
