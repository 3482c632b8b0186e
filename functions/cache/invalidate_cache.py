"""Expire this region's copy of what changed, wherever it was changed.

The region that commits has done so already, and its own subscription leaves out what says so. Late and repeated events
are harmless: an older version expires nothing that is newer. What does not arrive is over by itself within the entry's
hard limit, so a failure is not repeated.
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
FIRST = {"supply.created", "order.created", "claim.claimed"}  # of what nobody can have a copy of


def _changes(aggregate: str) -> tuple[str, ...]:
    return tuple(kind for kind in event_types.of(aggregate) if kind not in FIRST)


@message("supply-events", type=_changes("supply"), each_region=True, unless=ELSEWHERE, needs=("cache",))
@message("order-events", type=_changes("order"), each_region=True, unless=ELSEWHERE)
@message("claim-events", type=_changes("claim"), each_region=True, unless=ELSEWHERE)
def invalidate_cache(event: Event) -> None:
    kind = KINDS[event.type.partition(".")[0]]
    resources.cache().expire(kind, event.subject, event.sequence)
