"""Turn events of a user's feed into deliveries of an endpoint, from the position up to which its lane was fed.

The feed is in commit order and read strongly, so nothing can appear before a position that was passed. One commit
writes the position and the deliveries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from shared import resources
from shared.domain.webhooks import deliveries
from shared.domain.webhooks.deliveries import Delivery
from shared.domain.webhooks.endpoints import Webhook, wants
from shared.domain.webhooks.lanes import WebhookLane
from shared.store import event_rows
from shared.store.port import StoreTransaction
from shared.store.session import Session
from shared.store.tables.system import FEED, FeedEvent
from shared.store.tables.webhooks import DELIVERIES, LANES
from shared.webhooks import payloads

CHUNK: Final = 100


def fed(webhook: Webhook, lane: WebhookLane, now: datetime) -> WebhookLane | None:
    """The lane after the next events of the feed; unchanged if there are none, None if another process has taken it."""
    session = Session(resources.database().snapshot())
    after = (lane.fed_at, lane.fed_ord, lane.fed_id)
    rows = session.many(FEED.scan(lane.user_id, after=after, limit=CHUNK))
    events = event_rows.feed_events(rows, after)[:CHUNK]
    if not events:
        return lane
    last = events[-1]
    moved = replace(lane, fed_at=last.committed_at, fed_ord=last.ord, fed_id=last.id)
    made = made_of(webhook, events, now)
    stored, _ = resources.database().transact(lambda transaction: _store(transaction, lane, moved, made))
    return moved if stored else None


def made_of(webhook: Webhook, events: Sequence[FeedEvent], now: datetime) -> list[Delivery]:
    """The deliveries of the events that the endpoint subscribes to."""
    return [
        deliveries.new_delivery(
            webhook.id,
            event.envelope,
            payloads.body(event.envelope, webhook.payload),
            event.committed_at,
            now,
        )
        for event in events
        if wants(webhook.event_types, event.type)
    ]


def _store(
    transaction: StoreTransaction, lane: WebhookLane, moved: WebhookLane, made: Sequence[Delivery]
) -> bool:
    session = Session(transaction)
    keys = [DELIVERIES.key_of(one) for one in made]
    current, known = session.read(LANES.find(lane.webhook_id), DELIVERIES.get_many(keys or [("", "")]))
    if current is None or current.lease != lane.lease:
        return False
    there = {one.id for one in known}  # an event that its owner requested again before the feed reached it
    writes = [DELIVERIES.write("insert", one) for one in made if one.id not in there]
    place = {"fed_at": moved.fed_at, "fed_ord": moved.fed_ord, "fed_id": moved.fed_id}
    transaction.buffer([LANES.update(current, replace(current, **place)), *writes])
    return True
