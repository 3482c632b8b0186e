"""One's own orders, newest first; deleted ones are left out."""

from __future__ import annotations

from schemas.orders import ListOrders, OrderPage
from shared import resources
from shared.desk import orders as desk_orders
from shared.desk import supplies
from shared.domain.permissions import Caller
from shared.reads.pagination import page_now
from shared.runtime.operation import http
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
    return OrderPage(items=desk_orders.views_now(rows, now), next_cursor=cursor)
