"""List the caller's webhook endpoints, newest first."""

from __future__ import annotations

from schemas.webhooks import ListWebhooks, Webhook, WebhookPage
from shared import resources
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.webhooks import LANES, WEBHOOKS_BY_OWNER


@http("GET", "/webhooks", permission="webhook:read", request=ListWebhooks, answer=WebhookPage)
def list_webhooks(request: ListWebhooks, caller: Caller) -> WebhookPage:
    rows, cursor = pagination.page(
        WEBHOOKS_BY_OWNER,
        [caller.listed(request.user_id)],
        limit=request.limit,
        cursor=request.cursor,
        filters={"status": request.status},
    )
    if not rows:
        return WebhookPage(items=[], next_cursor=cursor)
    found = Session(resources.database().snapshot()).many(LANES.get_many((row.id,) for row in rows))
    lanes = {lane.webhook_id: lane for lane in found}
    return WebhookPage(items=[Webhook.of(row, lanes.get(row.id)) for row in rows], next_cursor=cursor)
