"""Mail an endpoint's owner that nothing more is delivered to it, unless they wanted that."""

from __future__ import annotations

from schemas.webhooks import Webhook
from shared import resources
from shared.auth import mails
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.users import USERS


@message("webhook-events", type="webhook.disabled", needs=("mail",))
def on_webhook_disabled(event: Event) -> None:
    webhook = Webhook.model_validate(event.data)
    if webhook.disabled_reason == "by_owner":
        return
    user = Session(resources.database().snapshot()).maybe(USERS.find(webhook.user_id))
    if user is not None and user.email is not None and not user.disabled:
        mails.webhook_disabled(user.email, webhook.id, webhook.url, str(webhook.disabled_reason))
