"""From the outbox to Pub/Sub: by the request itself right after its commit, and by the sweeper for what is left.

A crash between publish and delete repeats an event; nothing is ever lost. Consumers apply an event once.
"""

from __future__ import annotations

import contextvars
import logging
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

AFTER_COMMIT_SECONDS = 0.03
PUBLISH_SECONDS = 10.0
_log = logging.getLogger(__name__)


class RelayThreads(ThreadPoolExecutor):
    """What runs after a commit, beside the request's answer."""

    def __init__(self) -> None:
        super().__init__(max_workers=8, thread_name_prefix="relay")


def after_commit(changes: Sequence[Changes], committed_at: datetime) -> None:
    """Publish this commit's events and fence the cache, together, waiting at most 30 ms; failures only delay."""
    work: list[Callable[[], Any]] = []
    for record in chain.from_iterable(each.measured for each in changes):
        record()
    events = [event for each in changes for event in each.events]
    for event in events:
        metrics.EVENTS.add(type=event.envelope["type"])
    if events:
        work.append(partial(publish, [event.row(committed_at) for event in events]))
    cache = resources.cache()
    stale = {place: version for each in changes for place, version in each.stale.items()}
    for (kind, identity), version in stale.items():
        work.append(partial(cache.expire, kind, identity, version))
    threads = resources.memory(RelayThreads)
    futures = [threads.submit(contextvars.copy_context().run, _quietly, task) for task in work]
    wait(futures, timeout=AFTER_COMMIT_SECONDS)


def _quietly(task: Callable[[], Any]) -> None:
    try:
        task()
    except Exception:
        _log.warning("work after a commit failed; the sweeper repeats it", exc_info=True)


class Published(NamedTuple):
    """How many rows Pub/Sub has taken, and which it will never take, with what it says."""

    done: int
    refused: list[tuple[system.OutboxRow, str]]


def publish(rows: Sequence[system.OutboxRow]) -> Published:
    """Publish rows and delete those that Pub/Sub has taken."""
    publisher = resources.publisher()
    point("before_publish")
    with tracing.span("pubsub.publish", messaging_batch=len(rows)):
        sent: list[tuple[system.OutboxRow, Future[str]]] = [(row, _sent(publisher, row)) for row in rows]
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


def _sent(publisher: pubsub.Publisher, row: system.OutboxRow) -> Future[str]:
    """The client refuses some messages before it sends them: one such must not keep the others."""
    try:
        return publisher.publish(row.topic, row.envelope)
    except Exception as error:
        failed: Future[str] = Future()
        failed.set_exception(error)
        return failed
