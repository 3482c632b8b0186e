"""List the open orders of other users, newest first, with their public part."""

from __future__ import annotations

from collections import defaultdict

from schemas.orders import AvailablePage, ListAvailable, PublicOrder
from shared import resources
from shared.desk import open_orders
from shared.domain.desk.orders import OrderItem
from shared.domain.permissions import Caller
from shared.reads import pagination
from shared.runtime.operation import http
from shared.store.port import Row
from shared.store.session import Session
from shared.store.tables import orders


@http(
    "GET",
    "/orders/available",
    permission="order:read",
    others="any",
    request=ListAvailable,
    answer=AvailablePage,
)
def list_available(request: ListAvailable, caller: Caller) -> AvailablePage:
    criteria = open_orders.Criteria.of(request.chain, request.currency, request.min_amount, caller.user_id)
    binding = ["available", caller.user_id, criteria.chain, criteria.currency, criteria.min_amount]
    after = pagination.decode(binding, request.cursor) if request.cursor else None
    entries, last = open_orders.newest(criteria, after, request.limit)
    cursor = None if last is None else pagination.encode(binding, (last["created_at"], last["order_id"]))
    return AvailablePage(items=_views(entries), next_cursor=cursor)


def _views(entries: list[Row]) -> list[PublicOrder]:
    """The orders as their rows are now; orders that were claimed since the index was read are left out."""
    if not entries:
        return []
    ids = [entry["order_id"] for entry in entries]
    session = Session(resources.database().snapshot(consistent=True))
    rows, all_items = session.read(orders.by_ids(ids), orders.items_below(ids))
    items: dict[str, list[OrderItem]] = defaultdict(list)
    for item in all_items:
        items[item.order_id].append(item)
    now = resources.clock().now()
    visible = {row.id: row for row in rows if row.visible_to_all(now)}
    return [PublicOrder.of(visible[one], items[one]) for one in ids if one in visible]
