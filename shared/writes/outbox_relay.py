"""Publish outbox rows to Pub/Sub: the request itself does it right after its commit, and the sweeper publishes the
rest.

A crash between publish and delete repeats an event, but loses none; consumers apply an event once. While Pub/Sub does
not answer, requests leave their events to the sweeper.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from shared import resources
from shared.adapters import pubsub
from shared.runtime.crash_points import point
from shared.store import event_rows
from shared.store.commit_effects import Changes
from shared.store.event_rows import Outgoing
from shared.store.port import StoreTransaction, Write
from shared.store.session import Session
from shared.store.tables import system
from shared.telemetry import metrics, tracing
from shared.writes import delivery_marks

AFTER_COMMIT_SECONDS = 0.03
PUBLISH_SECONDS = 10.0
MAX_WAITING = 64  # commits whose events wait for a thread or for Pub/Sub; the sweeper publishes the others
FAILURES = 3  # consecutive failures to publish anything before a pause
PAUSE_SECONDS = 10.0  # duration of the pause
_log = logging.getLogger(__name__)


class CacheThreads(ThreadPoolExecutor):
    """Threads that expire cache entries after a commit. They are separate, so that the cache never waits behind
    Pub/Sub."""

    def __init__(self) -> None:
        super().__init__(max_workers=8, thread_name_prefix="cache")


class RelayThreads(ThreadPoolExecutor):
    """Threads that publish events after a commit. The queue is bounded, and stays empty while Pub/Sub does not
    answer."""

    def __init__(self) -> None:
        super().__init__(max_workers=8, thread_name_prefix="relay")
        self._free = threading.Semaphore(MAX_WAITING)
        self._failures, self._paused_until = 0, 0.0

    @property
    def behind(self) -> bool:
        """Whether more commits wait for a thread than there are threads."""
        return self._work_queue.qsize() > self._max_workers

    def publish(self, rows: Sequence[system.OutboxRow]) -> list[Future[None]]:
        """Publish the rows soon; returns no future if the sweeper will publish them."""
        if time.monotonic() < self._paused_until or not self._free.acquire(blocking=False):
            return []
        future = self.submit(contextvars.copy_context().run, _quietly, partial(self._publish, rows))
        future.add_done_callback(lambda _: self._free.release())
        return [future]

    def _publish(self, rows: Sequence[system.OutboxRow]) -> None:
        if time.monotonic() < self._paused_until:
            return
        published = publish(rows)
        self._failures = 0 if published.done or published.refused else self._failures + 1
        if self._failures >= FAILURES:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            _log.warning("nothing can be published; it is left to the sweeper for a while")


def after_commit(changes: Sequence[Changes], committed_at: datetime) -> None:
    """Publish the events of this commit and expire its cache entries, in parallel, waiting at most 30 ms; failures
    only delay.

    Nobody needs to wait for Pub/Sub if the processor stays after the answer, unless the threads cannot keep up."""
    for record in chain.from_iterable(each.measured for each in changes):
        record()
    events = [event for each in changes for event in each.events]
    for event in events:
        metrics.EVENTS.add(type=event.envelope["type"])
    futures: list[Future[None]] = []
    if events:
        relay = resources.memory(RelayThreads)
        published = relay.publish([row for each in changes for row in each.outbox_rows(committed_at)])
        if relay.behind or not resources.settings().work_after_answers:
            futures += published
    cache, fences = resources.cache(), resources.memory(CacheThreads)
    stale = {place: version for each in changes for place, version in each.stale.items()}
    for (kind, identity), version in stale.items():
        task = partial(cache.expire, kind, identity, version)
        futures.append(fences.submit(contextvars.copy_context().run, _quietly, task))
    wait(futures, timeout=AFTER_COMMIT_SECONDS)


def _quietly(task: Callable[[], Any]) -> None:
    try:
        task()
    except Exception:
        _log.warning("work after a commit failed; the sweeper repeats it", exc_info=True)


class Refused(NamedTuple):
    """An event that Pub/Sub permanently refuses, with its reason."""

    event: Outgoing
    reason: str


class Published(NamedTuple):
    """The number of rows that Pub/Sub accepted, and the rows of which it permanently refuses events and accepted the
    others."""

    done: int
    refused: list[tuple[system.OutboxRow, list[Refused]]]


def publish(rows: Sequence[system.OutboxRow]) -> Published:
    """Publish the events of rows, delete the rows of which Pub/Sub has accepted all, and leave in the others only the
    events that it has not accepted."""
    point("before_publish")
    failed = _failed(rows)
    done = [row for row, failures in zip(rows, failed, strict=True) if not failures]
    point("after_publish")
    if done:
        table = system.OUTBOX
        resources.database().write(
            [Write("delete", table.name, table.key_columns, table.key_of(row)) for row in done]
        )
    _keep_only([(row, [event for event, _ in each]) for row, each in zip(rows, failed, strict=True) if each])
    point("after_delete")
    refused = []
    for row, failures in zip(rows, failed, strict=True):
        for event, _ in failures:
            _log.warning(
                "an event was not published; it stays in the outbox",
                extra={"event": event.envelope.get("id")},
            )
        if failures and all(pubsub.refused_for_good(error) for _, error in failures):
            refused.append(
                (row, [Refused(event, f"Pub/Sub refuses it: {error}") for event, error in failures])
            )
    return Published(len(done), refused)


def _failed(rows: Sequence[system.OutboxRow]) -> list[list[tuple[Outgoing, BaseException]]]:
    """Send the events of rows; the events of each row that Pub/Sub has not accepted, with the errors."""
    publisher, events = resources.publisher(), [event_rows.outgoing(row) for row in rows]
    envelopes = [event.envelope for each in events for event in each]
    with tracing.span("pubsub.publish", messaging_batch=len(envelopes)):
        marked = iter(delivery_marks.marked(envelopes))
        sent = [[(event, _sent(publisher, event.topic, next(marked))) for event in each] for each in events]
        wait([future for each in sent for _, future in each], timeout=PUBLISH_SECONDS)
    return [[(event, error) for event, future in each if (error := _error(future))] for each in sent]


def _keep_only(failed: Sequence[tuple[system.OutboxRow, list[Outgoing]]]) -> None:
    """Leave only these events in rows that still exist: otherwise the accepted ones would be published again as long as
    another event of their row is not accepted, for example because its topic is missing.

    Several runs may do this with one row. Whatever is missing in it has been published, whichever writes last."""
    smaller = [event_rows.with_only(row, left) for row, left in failed]
    wanted = {
        system.OUTBOX.key_of(one): one for one, (row, _) in zip(smaller, failed, strict=True) if one != row
    }
    if not wanted:
        return

    def body(transaction: StoreTransaction) -> None:
        there = Session(transaction).many(system.OUTBOX.get_many(wanted))
        transaction.buffer([system.OUTBOX.update(one, wanted[system.OUTBOX.key_of(one)]) for one in there])

    resources.database().transact(body)


def _error(future: Future[str]) -> BaseException | None:
    return future.exception() if future.done() else TimeoutError()


def _sent(publisher: pubsub.Publisher, topic: str, envelope: dict[str, Any]) -> Future[str]:
    """Send a message. The client refuses some messages before it sends them; such a message must not block the
    others."""
    try:
        return publisher.publish(topic, envelope)
    except Exception as error:
        failed: Future[str] = Future()
        failed.set_exception(error)
        return failed
