"""Deliveries that an endpoint's owner requests: a test, one delivery again, or all since a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.permissions import Caller
from shared.domain.webhooks import deliveries, lanes
from shared.domain.webhooks.deliveries import Delivery
from shared.domain.webhooks.endpoints import Webhook, WebhookDisabled, wants
from shared.domain.webhooks.lanes import WebhookLane
from shared.store import event_rows
from shared.store.session import Session
from shared.store.tables.system import FEED, FeedEvent
from shared.store.tables.webhooks import DELIVERIES, LANES, usable
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import feeding

MAX_RESENT: Final = 500  # deliveries that one call sends again
SCANNED: Final = 2_000  # rows of the feed that are searched for them
AT_ONCE: Final = 100  # of these, in one read
MAX_CHARACTERS: Final = 8_000_000  # of these; an event has a quarter of a megabyte at most
_BEFORE: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Since:
    """Events of a feed; if there are more, `following` is the time to continue from."""

    events: Sequence[FeedEvent]
    following: datetime | None


def active_endpoint(unit: UnitOfWork, caller: Caller, webhook_id: str) -> tuple[Webhook, WebhookLane]:
    """The endpoint and its lane, to request a delivery. Raises NotFound, WebhookDisabled."""
    webhook, lane = unit.read(usable(caller, webhook_id), LANES.get(webhook_id))
    if not webhook.active:
        raise WebhookDisabled(reason=webhook.disabled_reason)
    return webhook, lane


def put_in_front(unit: UnitOfWork, lane: WebhookLane, wanted: Sequence[Delivery]) -> None:
    """Write these deliveries and have the lane processed, whatever the endpoint has answered so far."""
    if wanted:
        unit.write(*wanted, lanes.without_pause(lane, unit.now))


def since(session: Session, webhook: Webhook, moment: datetime) -> Since:
    """The events since a time that the endpoint subscribes to: at most MAX_RESENT, or all of one commit, because the
    next call continues from a time."""
    rows, following = _rows(session, webhook.user_id, moment)
    wanted = [event for event in event_rows.feed_events(rows) if wants(webhook.event_types, event.type)]
    if len(wanted) > MAX_RESENT:
        first, beyond = wanted[0].committed_at, wanted[MAX_RESENT].committed_at
        most = MAX_RESENT if first < beyond else sum(event.committed_at == first for event in wanted)
        if most < len(wanted):
            return Since(wanted[:most], wanted[most].committed_at)
    return Since(wanted, following)


def _rows(session: Session, user_id: str, moment: datetime) -> tuple[list[FeedEvent], datetime | None]:
    """Rows of a feed from a time on, and the time to continue from if there may be more. Of large rows, there are
    fewer: more than those of one commit, so that the next call gets further."""
    rows: list[FeedEvent] = []
    after: tuple[Any, ...] = (moment - _BEFORE,)
    characters = 0
    while len(rows) < SCANNED and (
        characters < MAX_CHARACTERS or rows[-1].committed_at == rows[0].committed_at
    ):
        some = session.many(FEED.scan(user_id, after=after, limit=AT_ONCE))
        rows += some
        characters += sum(len(json.dumps(row.envelope)) for row in some)
        if len(some) < AT_ONCE:
            return rows, None
        after = (some[-1].committed_at, some[-1].ord, some[-1].id)
    return rows, rows[-1].committed_at


def redeliver(unit: UnitOfWork, webhook: Webhook, found: Since, *, taken_too: bool) -> list[Delivery]:
    """The deliveries of these events, due now. Deliveries that never existed, because the endpoint was disabled, are
    created."""
    made = feeding.made_of(webhook, found.events, unit.now)
    keys = [DELIVERIES.key_of(one) for one in made]
    known = {one.id: one for one in unit.many(DELIVERIES.get_many(keys))} if keys else {}
    return [
        deliveries.requested_again(known[one.id], unit.now) if one.id in known else one
        for one in made
        if taken_too or one.id not in known or known[one.id].status != "delivered"
    ]
