"""Measure the backlog: unpublished events, transactions without a nonce, due webhooks and new dead letters.

Sets gauges for metrics and writes one log line. It reads index entries only, with a limit on each read: a number that
reaches its limit means "that many or more".
"""

from __future__ import annotations

import logging
from datetime import datetime

from shared import resources
from shared.domain.webhooks.lanes import SHARDS
from shared.reads import by_status
from shared.runtime.operation import schedule
from shared.store.session import Session
from shared.store.tables.system import DEAD_LETTERS_BY_TIME, OUTBOX, OUTBOX_BEGINS, OUTBOX_SHARDS, sweep_marks
from shared.store.tables.transactions import TRANSACTIONS_QUEUED_BY_AGE
from shared.store.tables.webhooks import LANES_DUE
from shared.telemetry import metrics

_log = logging.getLogger(__name__)
STALE_SECONDS = 5
LIMIT = 2_000
OUTBOX_OLDEST = metrics.gauge(
    "wallet_outbox_oldest_seconds",
    "Seconds that the oldest unpublished event has waited; 0 if there is none.",
)
DEAD_LETTERS = metrics.gauge("wallet_dead_letters", "Dead letters that wait for a decision.")
LANE_DEPTH = metrics.gauge("wallet_lane_depth", "Transactions that wait for a nonce.", "chain")
LANE_OLDEST = metrics.gauge(
    "wallet_lane_oldest_seconds", "Seconds since the oldest of them was accepted.", "chain"
)
WEBHOOKS_DUE = metrics.gauge(
    "wallet_webhook_lanes_due", "Webhook lanes that are due while no process works on them."
)
WEBHOOKS_OLDEST = metrics.gauge(
    "wallet_webhook_lanes_oldest_seconds", "Seconds since the first of them was due; 0 if there is none."
)


@schedule(seconds=5)
def measure_backlog() -> None:
    session = Session(resources.database().snapshot(staleness=STALE_SECONDS))
    now = resources.clock().now()
    outbox = _outbox(session, now)
    letters = len(session.many(DEAD_LETTERS_BY_TIME.scan("new", limit=LIMIT)))
    OUTBOX_OLDEST.set(outbox)
    DEAD_LETTERS.set(letters)
    lanes = _queued(session, now)
    webhooks = _webhooks(session, now)
    figures = {"outbox_seconds": outbox, "dead_letters": letters, "lanes": lanes, "webhooks": webhooks}
    _log.info("backlog", extra=figures)


def _outbox(session: Session, now: datetime) -> float:
    """Seconds since the commit of the oldest event that is not published yet; 0 if there is none.

    The scan starts at the sweeper's marks, because below them are only deleted rows, which would slow it down."""
    stored = session.many(sweep_marks("outbox", OUTBOX_SHARDS))
    starts = {mark.shard: mark.mark for mark in stored}
    shards = session.read_all(
        [
            OUTBOX.scan(shard, after=(starts.get(shard, OUTBOX_BEGINS),), limit=1)
            for shard in range(OUTBOX_SHARDS)
        ]
    )
    oldest = min((row.committed_at for rows in shards for row in rows), default=now)
    return max(0.0, (now - oldest).total_seconds())


def _queued(session: Session, now: datetime) -> dict[str, int]:
    """The number of transactions that wait for a nonce, by chain; of each shard the oldest are read, so that long
    queues do not hide an old one. All known chains are measured, because this service does not have the nodes'
    addresses and so does not know which chains are served."""
    chains, shards = sorted(resources.registry().chains), range(by_status.SHARDS)
    scans = [
        TRANSACTIONS_QUEUED_BY_AGE.scan(chain, shard, limit=LIMIT // len(shards))
        for chain in chains
        for shard in shards
    ]
    found, depths = iter(session.read_all(scans)), {}
    for chain in chains:
        since = [entry["created_at"] for _ in shards for entry in next(found)]
        depths[chain] = len(since)
        LANE_DEPTH.set(len(since), chain=chain)
        LANE_OLDEST.set(max(0.0, (now - min(since, default=now)).total_seconds()), chain=chain)
    return {chain: depth for chain, depth in depths.items() if depth}


def _webhooks(session: Session, now: datetime) -> int:
    """The number of webhook lanes that are due while no process works on them. A lane that waits because its endpoint
    fails is not due."""
    shards = session.read_all(
        [LANES_DUE.scan(shard, upto=(now,), limit=LIMIT // SHARDS) for shard in range(SHARDS)]
    )
    due = [entry["due_at"] for entries in shards for entry in entries]
    WEBHOOKS_DUE.set(len(due))
    WEBHOOKS_OLDEST.set(max(0.0, (now - min(due, default=now)).total_seconds()))
    return len(due)
