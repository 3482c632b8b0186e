"""Webhook endpoints by owner, their lanes by due time, their deliveries by time."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.permissions import Caller
from shared.domain.webhooks.deliveries import Delivery
from shared.domain.webhooks.endpoints import Webhook
from shared.domain.webhooks.lanes import WebhookLane
from shared.store.session import Session
from shared.store.table import Index, Query, Table

WEBHOOKS = Table("webhooks", Webhook, ("id",), documents=frozenset({"metadata"}))
WEBHOOKS_BY_OWNER = Index(
    "webhooks_by_owner",
    WEBHOOKS,
    ("user_id", "created_at", "id"),
    frozenset({"created_at"}),
    stored=("status", "event_types"),
)
LANES = Table("webhook_lanes", WebhookLane, ("webhook_id",))
LANES_DUE = Index("webhook_lanes_due", LANES, ("shard", "due_at", "webhook_id"), null_filtered=True)
DELIVERIES = Table("webhook_deliveries", Delivery, ("webhook_id", "id"), documents=frozenset({"attempts"}))
DELIVERIES_BY_TIME = Index(
    "webhook_deliveries_by_time",
    DELIVERIES,
    ("webhook_id", "created_at", "id"),
    frozenset({"created_at"}),
    stored=("status", "event_type"),
)
DELIVERIES_DUE = Index(
    "webhook_deliveries_due", DELIVERIES, ("webhook_id", "due_at", "id"), null_filtered=True
)


def owned(caller: Caller, webhook_id: str) -> Query[Webhook]:
    """For reading: the endpoint, if the caller may see its owner's rows; otherwise NotFound."""
    return WEBHOOKS.get(webhook_id).visible_if(lambda webhook: caller.sees(webhook.user_id))


def usable(caller: Caller, webhook_id: str) -> Query[Webhook]:
    """For changing: the caller's endpoint, or anybody's if the caller acts for others; otherwise NotFound."""
    return WEBHOOKS.get(webhook_id).visible_if(lambda webhook: caller.acts_for(webhook.user_id))


def of_user(session: Session, user_id: str) -> Sequence[Webhook]:
    """All endpoints of a user, the newest first."""
    return session.follow(WEBHOOKS, session.many(WEBHOOKS_BY_OWNER.scan(user_id)))
