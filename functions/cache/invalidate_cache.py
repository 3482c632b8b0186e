"""Expire this region's copy of what changed, wherever it was changed.

The region that commits has done so already. Late and repeated events are harmless: an older version expires nothing
that is newer. What does not arrive is over by itself within the entry's hard limit, so a failure is not repeated.
"""

from __future__ import annotations

from shared import resources
from shared.runtime.cloud_event import Event
from shared.runtime.operation import message
from shared.store.tables import claims, orders, supplies

KINDS = {
    "supply": supplies.SUPPLIES.name,
    "order": orders.ORDERS.name,
    "claim": claims.CLAIMS.name,
}
SUPPLY = ("activated", "rejected", "updated", "paused", "resumed", "exhausted", "closed")
ORDER = ("updated", "claimed", "reopened", "cancelled", "expired", "completed", "failed", "deleted")
CLAIM = ("released", "expired", "rejected", "processing", "processed", "failed")


@message("supply-events", type=tuple(f"supply.{kind}" for kind in SUPPLY), each_region=True, needs=("cache",))
@message("order-events", type=tuple(f"order.{kind}" for kind in ORDER), each_region=True)
@message("claim-events", type=tuple(f"claim.{kind}" for kind in CLAIM), each_region=True)
def invalidate_cache(event: Event) -> None:
    kind = KINDS[event.type.partition(".")[0]]
    resources.cache().expire(kind, event.subject, event.sequence)
