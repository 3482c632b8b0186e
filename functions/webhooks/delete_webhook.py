"""Delete a webhook endpoint. Deliveries stop, and their records are removed within 30 days."""

from __future__ import annotations

from schemas.webhooks import GetWebhook
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.tables.webhooks import LANES, usable
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http("DELETE", "/webhooks/{webhook_id}", permission="webhook:write", request=GetWebhook, status=204)
def delete_webhook(request: GetWebhook, caller: Caller) -> None:
    commit(_delete, request, caller)


def _delete(unit: UnitOfWork, request: GetWebhook, caller: Caller) -> None:
    webhook, lane = unit.read(usable(caller, request.webhook_id), LANES.find(request.webhook_id))
    unit.match(webhook)
    unit.delete(webhook)
    if lane is not None:
        unit.delete(lane)
    unit.audit(webhook.id, before={"url": webhook.url})
