"""Change an order's note or expiry; the amount and the items never change."""

from __future__ import annotations

from schemas.base import given
from schemas.orders import Order, UpdateOrder
from shared.commit import commit
from shared.desk import access, due, whole
from shared.desk.telling import tell_order
from shared.domain import orders as rules
from shared.identity.permissions import Caller
from shared.operation import http, message
from shared.store.unit import UnitOfWork


@http(
    "PUT",
    "/orders/{order_id}",
    permission="order:write",
    request=UpdateOrder,
    answer=Order,
    publishes=("order-events",),
)
@message("order-commands", type="order.update", request=UpdateOrder)
def update_order(request: UpdateOrder, caller: Caller) -> Order:
    return commit(_update, request, caller)


def _update(unit: UnitOfWork, request: UpdateOrder, caller: Caller) -> Order:
    held = whole.read(unit, request.order_id)
    access.as_owner(caller, held.order.user_id)
    unit.match(held.order)
    after = rules.update(held.order, unit.now, **given(request, "note", "expires_at"))
    if after == held.order:
        return whole.as_of_now(held.view, unit.now)
    unit.write(after)
    if after.expires_at != held.order.expires_at:
        unit.write(*due.order_expiry(after))
    return tell_order(unit, "order.updated", held.now(after))
