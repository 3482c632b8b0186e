"""List the orders of all users, newest first."""

from __future__ import annotations

from typing import get_args

from schemas.operators import ListAllOrders
from schemas.orders import OrderPage
from shared.desk import operator_lists, orders
from shared.domain.desk.states import OrderStatus
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.tables.orders import ORDERS_BY_OWNER, ORDERS_BY_STATUS

NOT_HIDDEN = [False]  # the list of one user leaves out orders that the user has deleted


@http("GET", "/admin/orders", permission="admin:read", request=ListAllOrders, answer=OrderPage)
def list_all_orders(request: ListAllOrders, caller: Caller) -> OrderPage:
    rows, cursor = operator_lists.page(
        request,
        every=ORDERS_BY_STATUS,
        statuses=get_args(OrderStatus),
        of_user=ORDERS_BY_OWNER,
        prefix=NOT_HIDDEN,
    )
    return OrderPage(items=orders.views(rows), next_cursor=cursor)
