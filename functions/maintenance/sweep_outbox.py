"""Relay outbox rows that are older than 10 s: what a request could not publish itself is never lost.

What Pub/Sub refuses for good becomes a dead letter and keeps nothing behind it.

Each shard is scanned from its low-water mark, because deleted versions pile up in Spanner below it; once an hour
the whole shard is scanned. Two sweepers at once only publish twice.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from shared import resources
from shared.runtime import cloud_event
from shared.runtime.operation import schedule
from shared.store.session import Session
from shared.store.tables.system import OUTBOX, OUTBOX_SHARDS, SWEEP_MARKS, DeadLetter, OutboxRow, SweepMark
from shared.store.unit_of_work import UnitOfWork
from shared.triggers.pubsub_push import REASON_LIMIT
from shared.writes import outbox_relay
from shared.writes.commit import commit

_log = logging.getLogger(__name__)
AGE = timedelta(seconds=10)
OVERLAP = timedelta(seconds=30)
FULL_SCAN = timedelta(hours=1)
BATCH = 500
EPOCH = datetime.fromisoformat("2020-01-01T00:00:00+00:00")


@schedule(seconds=2, needs=("pubsub", "relay"))
def sweep_outbox() -> None:
    now = resources.clock().now()
    session = Session(resources.database().snapshot(staleness=5))
    stored = session.one(SWEEP_MARKS.get_many([("outbox", shard) for shard in range(OUTBOX_SHARDS)]))
    marks = {mark.shard: mark for mark in stored}
    starts = {shard: _start(marks.get(shard), now) for shard in range(OUTBOX_SHARDS)}
    queries = [
        OUTBOX.scan(shard, after=(start,), upto=(now - AGE,), limit=BATCH) for shard, start in starts.items()
    ]
    moved: list[SweepMark] = []
    for shard, rows in zip(starts, session.read_all(queries), strict=True):
        handled = _relay(rows)
        if handled:
            full = marks[shard].full_scan_at if shard in marks and starts[shard] > EPOCH else now
            moved.append(SweepMark("outbox", shard, now - AGE - OVERLAP, full))
    due = [mark for mark in moved if mark.shard not in marks or mark.mark - marks[mark.shard].mark > OVERLAP]
    if due:
        resources.database().write([SWEEP_MARKS.write("upsert", mark) for mark in due])


def _start(mark: SweepMark | None, now: datetime) -> datetime:
    return EPOCH if mark is None or now - mark.full_scan_at > FULL_SCAN else mark.mark


def _relay(rows: list[OutboxRow]) -> bool:
    """True when nothing of this shard is left behind the mark."""
    if not rows:
        return True
    published = outbox_relay.publish(rows)
    _log.info("relayed", extra={"events": published.done, "of": len(rows), "shard": rows[0].shard})
    for row, reason in published.refused:
        commit(_give_up, row, reason)
    return published.done + len(published.refused) == len(rows) < BATCH


def _give_up(unit: UnitOfWork, row: OutboxRow, reason: str) -> None:
    """A row that Pub/Sub will never take becomes a dead letter, once."""
    if unit.maybe(OUTBOX.find(row.shard, row.committed_at, row.ord, row.id)) is None:
        return
    unit.delete(row)
    unit.write(
        DeadLetter(
            unit.new_id("dlq"),
            sweep_outbox.__name__,
            row.topic,
            reason[:REASON_LIMIT],
            json.dumps(row.envelope),
            cloud_event.attributes(row.envelope),
            "new",
            1,
            unit.now,
            unit.now,
        )
    )
