"""Get one webhook endpoint and the state of its deliveries."""

from __future__ import annotations

from schemas.webhooks import GetWebhook, Webhook
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.webhooks import LANES, owned


@http("GET", "/webhooks/{webhook_id}", permission="webhook:read", request=GetWebhook, answer=Webhook)
def get_webhook(request: GetWebhook, caller: Caller) -> Webhook:
    session = Session(resources.database().snapshot())
    webhook, lane = session.read(owned(caller, request.webhook_id), LANES.find(request.webhook_id))
    return Webhook.of(webhook, lane)
