"""List the orders of all users, newest first."""

from __future__ import annotations

from typing import get_args

from schemas.operators import ListAllOrders
from schemas.orders import OrderPage
from shared import resources
from shared.desk import orders as desk_orders
from shared.desk import supplies
from shared.domain.desk.states import OrderStatus
from shared.domain.permissions import Caller
from shared.reads import by_status, pagination
from shared.runtime.operation import http
from shared.store.tables.orders import ORDERS_BY_OWNER, ORDERS_BY_STATUS


@http("GET", "/admin/orders", permission="admin:read", request=ListAllOrders, answer=OrderPage)
def list_all_orders(request: ListAllOrders, caller: Caller) -> OrderPage:
    filters = {
        "chain": resources.registry().named(request.chain),
        "currency": supplies.symbol_of(request.chain, request.currency),
    }
    limit, cursor, until = request.limit, request.cursor, request.created_before
    if request.user_id is not None:
        chain = filters.pop("chain")
        rows, following = pagination.page_now(
            ORDERS_BY_OWNER,
            [request.user_id, False],
            limit=limit,
            cursor=cursor,
            filters=filters | {"status": request.status},
            keep=lambda row: chain in (None, row.chain) and (until is None or row.created_at < until),
        )
    else:
        statuses = [request.status] if request.status else get_args(OrderStatus)
        rows, following = by_status.page(
            ORDERS_BY_STATUS, statuses, limit=limit, cursor=cursor, until=until, filters=filters
        )
    return OrderPage(items=desk_orders.views(rows), next_cursor=following)
