"""Remove an order from all lists; an open order is cancelled. An existing claim on it continues."""

from __future__ import annotations

from schemas.orders import DeleteOrder
from shared.desk import authorization, endings, orders
from shared.desk.events import emit_order
from shared.domain.desk import orders as rules
from shared.domain.permissions import Caller
from shared.runtime.operation import http
from shared.store.unit_of_work import UnitOfWork
from shared.writes.commit import commit


@http(
    "DELETE",
    "/orders/{order_id}",
    permission="order:delete",
    request=DeleteOrder,
    status=204,
    publishes=("order-events", "supply-events"),
)
def delete_order(request: DeleteOrder, caller: Caller) -> None:
    commit(_delete, request, caller)


def _delete(unit: UnitOfWork, request: DeleteOrder, caller: Caller) -> None:
    aggregate = orders.read(unit, request.order_id)
    authorization.as_owner(caller, aggregate.order.user_id)
    unit.match(aggregate.order)
    if aggregate.order.status == "open":
        over = aggregate.order.expired(unit.now)
        kind, rule = ("order.expired", rules.expire) if over else ("order.cancelled", rules.cancel)
        endings.end_order(unit, kind, aggregate, rule)
        aggregate = orders.read(unit, request.order_id)
    hidden = rules.hide(aggregate.order, unit.now)
    if hidden != aggregate.order:
        unit.write(hidden)
        emit_order(unit, "order.deleted", aggregate.updated(hidden))
