"""Register a webhook endpoint for events. Its signing secret is shown only in this answer."""

from __future__ import annotations

from schemas.webhooks import CreateWebhook, SecretWebhook
from shared import resources
from shared.auth import notices
from shared.domain.permissions import Caller
from shared.domain.webhooks import endpoints, lanes
from shared.domain.webhooks.endpoints import MAX_WEBHOOKS, TooManyWebhooks, Webhook
from shared.runtime.clock import new_id
from shared.runtime.operation import http
from shared.store.port import COMMIT_TIMESTAMP
from shared.store.tables.webhooks import WEBHOOKS_BY_OWNER
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import access, secrets, targets
from shared.webhooks.signatures import SigningSecret
from shared.writes.commit import commit


@http(
    "POST",
    "/webhooks",
    permission="webhook:write",
    others="owner",
    request=CreateWebhook,
    answer=SecretWebhook,
    status=201,
    location="/webhooks/{id}",
    needs=("webhook_seal",),
    publishes=("account-events",),
)
def create_webhook(request: CreateWebhook, caller: Caller) -> SecretWebhook:
    access.require_events(caller)
    url = targets.checked_url(request.url)
    types = endpoints.checked_types(request.event_types)
    identity, now = new_id("whk"), resources.clock().now()
    fresh = secrets.fresh(caller.user_id, identity, 1)
    webhook = Webhook(
        id=identity,
        user_id=caller.user_id,
        url=url,
        event_types=types,
        description=request.description,
        metadata=request.metadata,
        payload=request.payload,
        status="active",
        disabled_reason=None,
        disabled_at=None,
        sealed=fresh.sealed,
        secret_version=fresh.version,
        public_key=fresh.secret.public_key,
        previous_sealed=None,
        previous_until=None,
        version=1,
        created_at=now,
        updated_at=now,
    )
    return commit(_create, webhook, fresh.secret)


def _create(unit: UnitOfWork, webhook: Webhook, secret: SigningSecret) -> SecretWebhook:
    unit.check_caller()
    if len(unit.many(WEBHOOKS_BY_OWNER.scan(webhook.user_id, limit=MAX_WEBHOOKS))) >= MAX_WEBHOOKS:
        raise TooManyWebhooks
    unit.write(webhook, lanes.new_lane(webhook.id, webhook.user_id, unit.now, COMMIT_TIMESTAMP))
    unit.audit(webhook.id, after={"url": webhook.url, "event_types": list(webhook.event_types)})
    notices.record(unit, webhook.user_id, "webhook_added", webhook_id=webhook.id)
    return SecretWebhook.made(webhook, secret.text)
