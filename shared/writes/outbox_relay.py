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
from shared.store.commit_effects import Changes
from shared.store.port import Write
from shared.store.tables import system
from shared.telemetry import metrics, tracing
from shared.writes import delivery_marks

AFTER_COMMIT_SECONDS = 0.03
PUBLISH_SECONDS = 10.0
MOST_WAITING = 64  # commits whose events wait for a thread or for Pub/Sub; the sweeper publishes the others
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
        self._free = threading.Semaphore(MOST_WAITING)
        self._failures, self._paused_until = 0, 0.0

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
        published = publish(rows, region=resources.settings().region)
        self._failures = 0 if published.done or published.refused else self._failures + 1
        if self._failures >= FAILURES:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            _log.warning("nothing can be published; it is left to the sweeper for a while")


def after_commit(changes: Sequence[Changes], committed_at: datetime) -> None:
    """Publish the events of this commit and expire its cache entries, in parallel, waiting at most 30 ms; failures
    only delay."""
    for record in chain.from_iterable(each.measured for each in changes):
        record()
    events = [event for each in changes for event in each.events]
    for event in events:
        metrics.EVENTS.add(type=event.envelope["type"])
    futures: list[Future[None]] = []
    if events:
        futures += resources.memory(RelayThreads).publish([event.row(committed_at) for event in events])
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


class Published(NamedTuple):
    """The number of rows that Pub/Sub accepted, and the rows that it permanently refuses, with its reasons."""

    done: int
    refused: list[tuple[system.OutboxRow, str]]


def publish(rows: Sequence[system.OutboxRow], region: str = "") -> Published:
    """Publish rows and delete those that Pub/Sub has accepted. `region` is the region whose cache the commit itself
    expires."""
    publisher = resources.publisher()
    point("before_publish")
    with tracing.span("pubsub.publish", messaging_batch=len(rows)):
        told = delivery_marks.marked([row.envelope for row in rows], region)
        sent = [(row, _sent(publisher, row.topic, one)) for row, one in zip(rows, told, strict=True)]
        wait([future for _, future in sent], timeout=PUBLISH_SECONDS)
    done = [row for row, future in sent if future.done() and future.exception() is None]
    point("after_publish")
    if done:
        table = system.OUTBOX
        resources.database().write(
            [Write("delete", table.name, table.key_columns, table.key_of(row)) for row in done]
        )
    point("after_delete")
    refused = []
    for row, future in sent:
        error = future.exception() if future.done() else TimeoutError()
        if error is not None:
            _log.warning("an event was not published; it stays in the outbox", extra={"event": row.id})
            if pubsub.refused_for_good(error):
                refused.append((row, f"Pub/Sub refuses it: {error}"))
    return Published(len(done), refused)


def _sent(publisher: pubsub.Publisher, topic: str, envelope: dict[str, Any]) -> Future[str]:
    """Send a message. The client refuses some messages before it sends them; such a message must not block the
    others."""
    try:
        return publisher.publish(topic, envelope)
    except Exception as error:
        failed: Future[str] = Future()
        failed.set_exception(error)
        return failed
