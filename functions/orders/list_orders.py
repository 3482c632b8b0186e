"""One's own orders, newest first; deleted ones are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from schemas.orders import ListOrders, Order, OrderPage
from shared import resources
from shared.desk import orders as desk_orders
from shared.desk import supplies
from shared.domain.desk import orders as rules
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.orders import OrderItem
from shared.domain.permissions import Caller
from shared.reads.pagination import page_now
from shared.runtime.operation import http
from shared.store.session import Session
from shared.store.tables import orders

WRITTEN = {"expired": ("expired", "open")}  # what the rows of a status may still say


@http("GET", "/orders", permission="order:read", request=ListOrders, answer=OrderPage)
def list_orders(request: ListOrders, caller: Caller) -> OrderPage:
    now, status = resources.clock().now(), request.status
    rows, cursor = page_now(
        orders.ORDERS_BY_OWNER,
        [caller.listed(request.user_id), False],
        limit=request.limit,
        cursor=request.cursor,
        filters={
            "status": WRITTEN.get(status or "", status),
            "currency": supplies.symbol_of(None, request.currency),
        },
        keep=lambda order: status in (None, order.status_at(now)),
    )
    return OrderPage(items=_views(rows, now), next_cursor=cursor)


def _views(rows: Sequence[rules.Order], now: datetime) -> list[Order]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    session = Session(resources.database().snapshot())
    items: dict[str, list[OrderItem]] = defaultdict(list)
    allocations: dict[str, list[Allocation]] = defaultdict(list)
    all_items, all_allocations = session.read(orders.items_below(ids), orders.allocations_below(ids))
    for item in all_items:
        items[item.order_id].append(item)
    for part in all_allocations:
        allocations[part.order_id].append(part)
    return [desk_orders.as_of_now(Order.of(row, items[row.id], allocations[row.id]), now) for row in rows]
