"""Expire this region's cached copy of a resource that changed, in whichever region it was changed.

The region that commits expires its own copy, and its subscription filters those events out. Late and repeated events
are harmless: an older version never expires a newer one. If an event is lost, the copy expires by itself, so a
failure is not retried.
"""

from __future__ import annotations

from shared import resources
from shared.domain import event_types
from shared.runtime import subscription_filter
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.tables import claims, orders, supplies

KINDS = {
    "supply": supplies.SUPPLIES.name,
    "order": orders.ORDERS.name,
    "claim": claims.CLAIMS.name,
}
ELSEWHERE = {subscription_filter.REGION: subscription_filter.OWN_REGION}
CREATIONS = {
    "supply.created",
    "order.created",
    "claim.claimed",
}  # nobody can have a copy of a new resource yet


def _changes(aggregate: str) -> tuple[str, ...]:
    return tuple(kind for kind in event_types.of(aggregate) if kind not in CREATIONS)


@message("supply-events", type=_changes("supply"), each_region=True, unless=ELSEWHERE, needs=("cache",))
@message("order-events", type=_changes("order"), each_region=True, unless=ELSEWHERE)
@message("claim-events", type=_changes("claim"), each_region=True, unless=ELSEWHERE)
def invalidate_cache(event: Event) -> None:
    kind = KINDS[event.type.partition(".")[0]]
    resources.cache().expire(kind, event.subject, event.sequence)
