"""Rotate the signing secret of a webhook endpoint. The new one is shown only in this answer.

Deliveries are signed with both secrets for a while.
"""

from __future__ import annotations

from datetime import timedelta

from schemas.webhooks import RotateWebhookSecret, SecretWebhook
from shared import resources
from shared.auth import notices
from shared.domain.permissions import Caller
from shared.domain.webhooks import endpoints
from shared.runtime.errors import Contended
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables.webhooks import usable
from shared.store.unit_of_work import UnitOfWork
from shared.webhooks import secrets
from shared.webhooks.secrets import FreshSecret
from shared.writes.commit import commit


@http(
    "POST",
    "/webhooks/{webhook_id}/rotate-secret",
    permission="webhook:write",
    request=RotateWebhookSecret,
    answer=SecretWebhook,
    needs=("webhook_seal",),
    publishes=("account-events",),
)
def rotate_webhook_secret(request: RotateWebhookSecret, caller: Caller) -> SecretWebhook:
    webhook = Session(resources.database().snapshot()).one(usable(caller, request.webhook_id))
    fresh = secrets.fresh(webhook.user_id, webhook.id, webhook.secret_version + 1)
    return commit(_rotate, request, caller, fresh)


def _rotate(
    unit: UnitOfWork, request: RotateWebhookSecret, caller: Caller, fresh: FreshSecret
) -> SecretWebhook:
    webhook = unit.one(usable(caller, request.webhook_id))
    unit.match(webhook)
    if webhook.secret_version != fresh.version - 1:
        raise Contended  # another rotation was faster, and the seal is bound to the version
    overlap = timedelta(seconds=request.overlap_seconds)
    after = endpoints.rotated(webhook, fresh.sealed, fresh.secret.public_key, overlap, unit.now)
    unit.write(after)
    versions = [{"secret_version": one.secret_version} for one in (webhook, after)]
    unit.audit(webhook.id, before=versions[0], after=versions[1])
    notices.record(unit, webhook.user_id, "webhook_secret_rotated", webhook_id=webhook.id)
    return SecretWebhook.made(after, fresh.secret.text)
