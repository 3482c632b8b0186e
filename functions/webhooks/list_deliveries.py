"""List the deliveries to a webhook endpoint, newest first, with status codes and excerpts of the answers."""

from __future__ import annotations

from schemas.webhooks import DeliveryPage, ListDeliveries, WebhookDelivery
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.webhooks import DELIVERIES_BY_TIME, owned


@http(
    "GET",
    "/webhooks/{webhook_id}/deliveries",
    permission="webhook:read",
    request=ListDeliveries,
    answer=DeliveryPage,
)
def list_deliveries(request: ListDeliveries, caller: Caller) -> DeliveryPage:
    Session(resources.database().snapshot()).one(owned(caller, request.webhook_id))
    rows, cursor = pagination.page(
        DELIVERIES_BY_TIME,
        [request.webhook_id],
        limit=request.limit,
        cursor=request.cursor,
        filters={"status": request.status, "event_type": request.event_type},
    )
    return DeliveryPage(items=[WebhookDelivery.of(row) for row in rows], next_cursor=cursor)
