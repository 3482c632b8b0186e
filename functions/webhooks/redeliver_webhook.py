"""Send one webhook delivery again, with the same webhook-id."""

from __future__ import annotations

from schemas.webhooks import OneDelivery, WebhookDelivery
from shared.domain.permissions import Caller
from shared.domain.webhooks import deliveries
from shared.runtime.operation import http
from shared.store.tables.webhooks import DELIVERIES
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import hints, requests
from shared.writes.commit import commit


@http(
    "POST",
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    permission="webhook:write",
    request=OneDelivery,
    answer=WebhookDelivery,
    status=202,
    location="/webhooks/{webhook_id}/deliveries/{id}",
    publishes=(hints.TOPIC,),
)
def redeliver_webhook(request: OneDelivery, caller: Caller) -> WebhookDelivery:
    answer = commit(_redeliver, request, caller)
    hints.wake([answer.webhook_id])
    return answer


def _redeliver(unit: UnitOfWork, request: OneDelivery, caller: Caller) -> WebhookDelivery:
    webhook, lane = requests.active_endpoint(unit, caller, request.webhook_id)
    delivery = unit.one(DELIVERIES.get(request.webhook_id, request.delivery_id))
    unit.match(delivery)
    after = deliveries.requested_again(delivery, unit.now)
    requests.put_in_front(unit, lane, [deliveries.first(after)])
    unit.note(webhook.id)
    return WebhookDelivery.of(after)
