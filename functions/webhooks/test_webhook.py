"""Send a `webhook.test` event to one endpoint. The result is shown in its deliveries."""

from __future__ import annotations

import json

from schemas.webhooks import GetWebhook, WebhookDelivery, WebhookTest
from shared.domain.permissions import Caller
from shared.domain.webhooks import deliveries
from shared.runtime import cloud_event
from shared.runtime.operation import http
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import hints, payloads, requests
from shared.writes.commit import commit


@http(
    "POST",
    "/webhooks/{webhook_id}/test",
    permission="webhook:write",
    request=GetWebhook,
    answer=WebhookDelivery,
    status=202,
    location="/webhooks/{webhook_id}/deliveries/{id}",
    publishes=(hints.TOPIC,),
)
def test_webhook(request: GetWebhook, caller: Caller) -> WebhookDelivery:
    answer = commit(_test, request, caller)
    hints.wake([answer.webhook_id])
    return answer


def _test(unit: UnitOfWork, request: GetWebhook, caller: Caller) -> WebhookDelivery:
    webhook, lane = requests.active_endpoint(unit, caller, request.webhook_id)
    head = cloud_event.EventHead(unit.new_id("evt"), "webhook.test", webhook.id, webhook.version, unit.now)
    envelope = cloud_event.envelope(unit.context, head, WebhookTest(webhook_id=webhook.id))
    body = payloads.body(json.loads(json.dumps(envelope)), webhook.payload)
    made = deliveries.new_delivery(webhook.id, envelope, body, unit.now, unit.now)
    requests.put_in_front(unit, lane, [deliveries.first(made)])
    unit.note(webhook.id)
    return WebhookDelivery.of(made)
