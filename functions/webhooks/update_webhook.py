"""Change a webhook endpoint, disable it, or enable it again. Its secret stays."""

from __future__ import annotations

from typing import Any

from schemas.base import given
from schemas.webhooks import UpdateWebhook
from schemas.webhooks import Webhook as WebhookResource
from shared.auth import notices
from shared.domain.permissions import Caller
from shared.domain.webhooks import endpoints, lanes
from shared.domain.webhooks.endpoints import Webhook
from shared.runtime.operation import http
from shared.store.port import COMMIT_TIMESTAMP
from shared.store.tables.webhooks import LANES, usable
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import access, hints, targets
from shared.webhooks.disabling import disabled
from shared.writes.commit import commit

FIELDS = ("url", "event_types", "description", "metadata", "payload")


@http(
    "PUT",
    "/webhooks/{webhook_id}",
    permission="webhook:write",
    request=UpdateWebhook,
    answer=WebhookResource,
    publishes=("webhook-events", "account-events", hints.TOPIC),
)
def update_webhook(request: UpdateWebhook, caller: Caller) -> WebhookResource:
    access.require_events(caller)
    changes = given(request, *FIELDS)
    changes = {name: value for name, value in changes.items() if value is not None or name == "description"}
    if "metadata" in request.model_fields_set:
        changes["metadata"] = request.metadata or {}
    if "url" in changes:
        changes["url"] = targets.checked_url(changes["url"])
    if "event_types" in changes:
        changes["event_types"] = endpoints.checked_types(changes["event_types"])
    answer = commit(_update, request, caller, changes)
    if request.status == "active":
        hints.wake([answer.id])
    return answer


def _update(
    unit: UnitOfWork, request: UpdateWebhook, caller: Caller, changes: dict[str, Any]
) -> WebhookResource:
    webhook, lane = unit.read(usable(caller, request.webhook_id), LANES.get(request.webhook_id))
    unit.match(webhook)
    after = endpoints.updated(webhook, changes, unit.now)
    if after != webhook:
        unit.write(after)
        unit.audit(webhook.id, before=_audited(webhook), after=_audited(after))
    if after.url != webhook.url:
        notices.record(unit, webhook.user_id, "webhook_added", webhook_id=webhook.id)
    if request.status == "disabled" and after.active:
        after = disabled(unit, after, "by_owner")
    elif request.status == "active" and not after.active:
        after = endpoints.enabled(after, unit.now)
        lane = lanes.restarted(lane, unit.now, COMMIT_TIMESTAMP)
        unit.write(after, lane)
        unit.audit(webhook.id, before=_audited(webhook), after=_audited(after))
    return WebhookResource.of(after, lane)


def _audited(webhook: Webhook) -> dict[str, Any]:
    return {"url": webhook.url, "event_types": list(webhook.event_types), "status": webhook.status}
