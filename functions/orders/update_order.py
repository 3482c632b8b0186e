"""Change the note, metadata or expiry of an order; its amount and items never change."""

from __future__ import annotations

from schemas.base import given
from schemas.orders import Order, UpdateOrder
from shared.desk import authorization, orders, timers
from shared.desk.events import emit_order
from shared.domain.desk import orders as rules
from shared.domain.permissions import Caller
from shared.runtime.operation import http, message
from shared.store.tables import metadata
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


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
    aggregate = orders.read(unit, request.order_id)
    authorization.as_owner(caller, aggregate.order.user_id)
    unit.match(aggregate.order)
    after = rules.update(aggregate.order, unit.now, **given(request, "note", "expires_at", "metadata"))
    if after == aggregate.order:
        return orders.as_of_now(aggregate.view, unit.now)
    unit.write(after)
    metadata.write_changes(unit, aggregate.order, after)
    if after.expires_at != aggregate.order.expires_at:
        unit.write(*timers.order_expiry(after))
    return emit_order(unit, "order.updated", aggregate.updated(after))
