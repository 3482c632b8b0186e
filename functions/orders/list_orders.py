"""List the caller's orders, newest first, without deleted ones."""

from __future__ import annotations

from schemas.orders import ListOrders, OrderPage
from shared import resources
from shared.desk import orders as desk_orders
from shared.desk import supplies
from shared.domain.desk.orders import Order
from shared.domain.permissions import Caller
from shared.reads import owned_lists
from shared.reads.pagination import kept_page
from shared.runtime.operation import http
from shared.store.tables import orders

STORED_AS = {"expired": ("expired", "open")}  # stored statuses of rows that may have this status now


@http("GET", "/orders", permission="order:read", request=ListOrders, answer=OrderPage)
def list_orders(request: ListOrders, caller: Caller) -> OrderPage:
    now, status = resources.clock().now(), request.status
    filters = {
        "status": STORED_AS.get(status or "", status),
        "currency": supplies.symbol_of(None, request.currency),
    }
    prefix = [caller.listed(request.user_id), False]

    def read(limit: int, cursor: str | None) -> tuple[list[Order], str | None]:
        return owned_lists.page(
            orders.ORDERS_BY_OWNER, prefix, request, filters=filters, limit=limit, cursor=cursor
        )

    rows, cursor = kept_page(
        read,
        limit=request.limit,
        cursor=request.cursor,
        keep=lambda order: status in (None, order.status_at(now)),
    )
    return OrderPage(items=desk_orders.views_now(rows, now), next_cursor=cursor)
