"""Wake the lanes of the webhook endpoints that subscribe to an event.

The event is only a hint: a lane reads its owner's event feed.
"""

from __future__ import annotations

from shared import resources
from shared.domain import event_types
from shared.domain.webhooks.endpoints import wants
from shared.runtime import subscription_filter
from shared.runtime.cloud_event import Event
from shared.runtime.errors import Unready
from shared.runtime.operation import message
from shared.store.session import Session
from shared.store.tables.webhooks import WEBHOOKS_BY_OWNER
from shared.webhooks import hints

# The publisher has found no subscribed endpoint (`shared.writes.delivery_marks`).
UNWANTED = {subscription_filter.WAKES: "no"}


def _in_feeds(*aggregates: str) -> tuple[str, ...]:
    """The event types of these aggregates that are written to users' feeds."""
    return tuple(
        kind for each in aggregates for kind in event_types.of(each) if kind not in event_types.IN_NO_FEED
    )


@message("supply-events", type=_in_feeds("supply", "command"), unless=UNWANTED, publishes=(hints.TOPIC,))
@message("order-events", type=_in_feeds("order", "command"), unless=UNWANTED)
@message("claim-events", type=_in_feeds("claim", "command"), unless=UNWANTED)
@message("transaction-events", type=_in_feeds("transaction", "wallet", "command"), unless=UNWANTED)
@message("contract-events", type=_in_feeds("contract", "command"), unless=UNWANTED)
@message("wallet-events", type=_in_feeds("wallet"), unless=UNWANTED)
@message("account-events", type=_in_feeds("account"), unless=UNWANTED)
@message("webhook-events", type=_in_feeds("webhook"), unless=UNWANTED)
def wake_webhooks(event: Event) -> None:
    if not event.audience:
        return
    session = Session(resources.database().snapshot())
    found = session.read_all([WEBHOOKS_BY_OWNER.scan(user_id) for user_id in event.audience])
    wanting = {
        entry["id"]
        for entries in found
        for entry in entries
        if entry["status"] == "active" and wants(entry["event_types"], event.type)
    }
    if wanting and not hints.wake(sorted(wanting)):
        raise Unready
