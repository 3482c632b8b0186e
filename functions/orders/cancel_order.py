"""Cancel an open order: its reservations return to their supplies."""

from __future__ import annotations

from schemas.orders import CancelOrder, Order
from shared.desk import authorization, endings, orders
from shared.domain.desk import orders as rules
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "POST",
    "/orders/{order_id}/cancel",
    permission="order:write",
    request=CancelOrder,
    answer=Order,
    publishes=("order-events", "supply-events"),
)
@message("order-commands", type="order.cancel", request=CancelOrder)
def cancel_order(request: CancelOrder, caller: Caller) -> Order:
    return commit(_cancel, request, caller)


def _cancel(unit: UnitOfWork, request: CancelOrder, caller: Caller) -> Order:
    aggregate = orders.read(unit, request.order_id)
    authorization.as_owner(caller, aggregate.order.user_id)
    unit.match(aggregate.order)
    return endings.end_order(unit, "order.cancelled", aggregate, rules.cancel)
