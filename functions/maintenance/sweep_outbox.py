"""Publish outbox rows that are older than 10 s: events that their request could not publish itself are never lost.

An event that Pub/Sub refuses for good becomes a dead letter and does not hold up the rows behind it.

Each shard is scanned from its low-water mark, because deleted versions pile up in Spanner below it. Once an hour the
scan starts an hour before the last such scan, in case a wrong clock moved the mark too far. A run works page by page
while it has time and stores its progress, so any backlog is worked off. Two sweepers at once only publish twice.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from shared import resources
from shared.runtime import cloud_event
from shared.runtime.context import time_left
from shared.runtime.operation import schedule
from shared.store.port import Key
from shared.store.session import Session
from shared.store.tables.system import (
    OUTBOX,
    OUTBOX_BEGINS,
    OUTBOX_SHARDS,
    SWEEP_MARKS,
    OutboxRow,
    SweepMark,
    dead_letter,
    sweep_marks,
)
from shared.store.unit_of_work import UnitOfWork
from shared.writes import outbox_relay
from shared.writes.commit import commit
from shared.writes.outbox_relay import Refused

_log = logging.getLogger(__name__)
AGE = timedelta(seconds=10)
OVERLAP = timedelta(seconds=30)
FULL_SCAN = timedelta(hours=1)
BATCH = 500
RESERVE_SECONDS = 15.0  # no new page begins when less than this is left before the deadline


@schedule(seconds=2, needs=("pubsub", "relay"))
def sweep_outbox() -> None:
    now = resources.clock().now()
    session = Session(resources.database().snapshot(staleness=5))
    stored = session.many(sweep_marks("outbox", OUTBOX_SHARDS))
    marks = {mark.shard: mark for mark in stored}
    places: dict[int, Key] = {shard: (_start(marks.get(shard), now),) for shard in range(OUTBOX_SHARDS)}
    while places:
        places = _sweep(places, marks, now)
        if not time_left(RESERVE_SECONDS):
            return


def _sweep(places: dict[int, Key], marks: dict[int, SweepMark], now: datetime) -> dict[int, Key]:
    """Relay one page of each shard, starting after its place; returns the places from which shards with more rows
    continue. The new marks are stored, and updated in `marks`."""
    session = Session(resources.database().snapshot(staleness=5))
    queries = [
        OUTBOX.scan(shard, after=place, upto=(now - AGE,), limit=BATCH) for shard, place in places.items()
    ]
    following: dict[int, Key] = {}
    moved: list[SweepMark] = []
    for shard, rows in zip(places, session.read_all(queries), strict=True):
        handled = _relay(rows)
        if handled is None:
            return {}  # Pub/Sub takes nothing: the next run tries again
        if not handled:
            continue
        until = now - AGE
        if len(rows) == BATCH:
            last = rows[-1]
            following[shard], until = (last.committed_at, last.ord, last.id), last.committed_at
        mark = _advanced(marks.get(shard), shard, until - OVERLAP, now)
        if shard not in marks or mark.mark - marks[shard].mark > OVERLAP or len(rows) == BATCH:
            moved.append(mark)
            marks[shard] = mark
    if moved:
        resources.database().write([SWEEP_MARKS.write("upsert", mark) for mark in moved])
    return following


def _start(mark: SweepMark | None, now: datetime) -> datetime:
    """The time at which a shard's sweep begins: its mark, or once an hour an earlier one (see above)."""
    if mark is None:
        return OUTBOX_BEGINS
    looks_back = now - mark.full_scan_at > FULL_SCAN
    return min(mark.mark, mark.full_scan_at - FULL_SCAN) if looks_back else mark.mark


def _advanced(mark: SweepMark | None, shard: int, until: datetime, now: datetime) -> SweepMark:
    """The mark of a shard that was swept up to `until`; a mark never moves back."""
    if mark is None:
        return SweepMark("outbox", shard, until, now)
    looked_back = now - mark.full_scan_at > FULL_SCAN and until >= mark.mark
    return SweepMark("outbox", shard, max(until, mark.mark), now if looked_back else mark.full_scan_at)


def _relay(rows: list[OutboxRow]) -> bool | None:
    """Publish the rows; returns whether all of them are published or refused for good, or None if none is."""
    if not rows:
        return True
    published = outbox_relay.publish(rows)
    _log.info("relayed", extra={"rows": published.done, "of": len(rows), "shard": rows[0].shard})
    for row, events in published.refused:
        commit(_give_up, row, events)
    done = published.done + len(published.refused)
    return done == len(rows) if done else None


def _give_up(unit: UnitOfWork, row: OutboxRow, refused: list[Refused]) -> None:
    """Turn the refused events of a row into dead letters, once."""
    if unit.maybe(OUTBOX.find(row.shard, row.committed_at, row.ord, row.id)) is None:
        return
    unit.delete(row)
    for event, reason in refused:
        unit.write(
            dead_letter(
                unit.new_id("dlq"),
                consumer=sweep_outbox.__name__,
                topic=event.topic,
                reason=reason,
                body=json.dumps(event.envelope),
                attributes=cloud_event.attributes(event.envelope),
                now=unit.now,
            )
        )
