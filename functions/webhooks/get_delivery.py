"""Get one webhook delivery with the body that is sent."""

from __future__ import annotations

from schemas.webhooks import OneDelivery, WebhookDeliveryDetail
from shared import resources
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.webhooks import DELIVERIES, owned
from shared.webhooks import access


@http(
    "GET",
    "/webhooks/{webhook_id}/deliveries/{delivery_id}",
    permission="webhook:read",
    request=OneDelivery,
    answer=WebhookDeliveryDetail,
)
def get_delivery(request: OneDelivery, caller: Caller) -> WebhookDeliveryDetail:
    access.require_events(caller)
    session = Session(resources.database().snapshot())
    session.one(owned(caller, request.webhook_id))
    return WebhookDeliveryDetail.of(session.one(DELIVERIES.get(request.webhook_id, request.delivery_id)))
