"""Send the owner of a webhook endpoint a mail when it was disabled, unless the owner did it."""

from __future__ import annotations

from shared import resources
from shared.auth import mails
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.users import USERS
from shared.store.tables.webhooks import WEBHOOKS


@message("webhook-events", type="webhook.disabled", needs=("mail",))
def on_webhook_disabled(event: Event) -> None:
    session = Session(resources.database().snapshot())
    webhook = session.maybe(WEBHOOKS.find(event.subject))
    if webhook is None or webhook.disabled_reason in (None, "by_owner"):
        return
    user = session.maybe(USERS.find(webhook.user_id))
    if user is not None and user.email is not None and not user.disabled:
        mails.webhook_disabled(user.email, webhook.id, str(webhook.disabled_reason))
