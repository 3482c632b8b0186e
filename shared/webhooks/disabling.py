"""Disable an endpoint: by its owner, after an answer 410, or after three days of failures only."""

from __future__ import annotations

import logging
from typing import Final

from schemas.webhooks import Webhook as WebhookResource
from shared.domain.webhooks import endpoints, lanes
from shared.domain.webhooks.endpoints import DisabledReason, Webhook
from shared.store.tables.webhooks import LANES, WEBHOOKS
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit

TOPIC: Final = "webhook-events"
_log = logging.getLogger(__name__)


def disable(webhook_id: str, reason: DisabledReason) -> None:
    """Disable an endpoint in a separate commit, which notifies its owner."""
    commit(_disable, webhook_id, reason)
    _log.info("a webhook was disabled", extra={"webhook": webhook_id, "reason": reason})


def _disable(unit: UnitOfWork, webhook_id: str, reason: DisabledReason) -> None:
    webhook = unit.maybe(WEBHOOKS.find(webhook_id))
    if webhook is not None and webhook.active:
        disabled(unit, webhook, reason)


def disabled(unit: UnitOfWork, webhook: Webhook, reason: DisabledReason) -> Webhook:
    """Disable the endpoint and stop its lane in this commit. Waiting deliveries stay, and continue once it is
    enabled."""
    lane = unit.maybe(LANES.find(webhook.id))
    after = endpoints.disabled(webhook, reason, unit.now)
    unit.write(after)
    if lane is not None:
        unit.write(lanes.stopped(lane))
    unit.audit(
        webhook.id, before={"status": webhook.status}, after={"status": after.status, "reason": reason}
    )
    unit.emit("webhook.disabled", after.id, after.version, WebhookResource.of(after), feed=[after.user_id])
    return after
