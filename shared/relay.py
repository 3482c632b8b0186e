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
from typing import Any

from shared import metrics, resources, tracing
from shared.faults import point
from shared.store import records
from shared.store.changes import Changes
from shared.store.port import Mutation

AFTER_COMMIT_SECONDS = 0.03
PUBLISH_SECONDS = 10.0
_log = logging.getLogger(__name__)
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="relay")


def after_commit(changes: Changes, committed_at: datetime) -> None:
    """Publish this commit's events and fence the cache, together, waiting at most 30 ms; failures only delay."""
    work: list[Callable[[], Any]] = []
    for record in changes.measured:
        record()
    for event in changes.events:
        metrics.EVENTS.add(type=event.envelope["type"])
    if changes.events:
        rows = [
            records.OutboxRow(event.shard, committed_at, event.ord, event.id, event.topic, event.envelope, 0)
            for event in changes.events
        ]
        work.append(partial(publish, rows))
    cache = resources.cache()
    for (kind, identity), version in changes.stale.items():
        work.append(partial(cache.expire, kind, identity, version))
    futures = [_pool.submit(contextvars.copy_context().run, _quietly, task) for task in work]
    wait(futures, timeout=AFTER_COMMIT_SECONDS)


def _quietly(task: Callable[[], Any]) -> None:
    try:
        task()
    except Exception:
        _log.warning("work after a commit failed; the sweeper repeats it", exc_info=True)


def publish(rows: Sequence[records.OutboxRow]) -> int:
    """Publish rows and delete those that Pub/Sub has taken; answers how many."""
    publisher = resources.publisher()
    point("before_publish")
    with tracing.span("pubsub.publish", messaging_batch=len(rows)):
        sent: list[tuple[records.OutboxRow, Future[str]]] = [
            (row, publisher.publish(row.topic, row.envelope)) for row in rows
        ]
        wait([future for _, future in sent], timeout=PUBLISH_SECONDS)
    done = [row for row, future in sent if future.done() and future.exception() is None]
    point("after_publish")
    if done:
        table = records.OUTBOX
        resources.database().write(
            [Mutation("delete", table.name, table.key_columns, table.key_of(row)) for row in done]
        )
    point("after_delete")
    for row, future in sent:
        if not future.done() or future.exception() is not None:
            _log.warning("an event was not published; it stays in the outbox", extra={"event": row.id})
    return len(done)
