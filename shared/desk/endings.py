"""End orders and claims: write the rows and events of an end, in the same way for every operation and timer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.claims import Claim as ClaimResource
from schemas.orders import Order as OrderResource
from shared.desk import orders as desk_orders
from shared.desk import supplies
from shared.desk.events import emit_claim, emit_order
from shared.desk.orders import OrderAggregate
from shared.domain.desk import claims, orders
from shared.domain.desk.allocation import Allocation, release_all
from shared.domain.desk.orders import Order
from shared.domain.desk.supplies import Supply
from shared.store.unit_of_work import UnitOfWork

OrderRule = Callable[[Order, Sequence[Allocation], Sequence[Supply], datetime], orders.Ended]
ClaimRule = Callable[[Order], claims.Ended]


def end_order(unit: UnitOfWork, kind: str, aggregate: OrderAggregate, rule: OrderRule) -> OrderResource:
    """End an order by a rule of the domain (cancel, expire); reservations return to their supplies.

    Raises the refusals of the rule.
    """
    before = supplies.reserved_by(unit, aggregate.allocations)
    ended = rule(aggregate.order, aggregate.allocations, before, unit.now)
    unit.write(ended.order, *ended.allocations)
    supplies.write(unit, before, ended.moves)
    return emit_order(unit, kind, aggregate.updated(ended.order, ended.allocations))


def end_claim(unit: UnitOfWork, kind: str, order_id: str, rule: ClaimRule) -> ClaimResource:
    """End a claim unpaid by a rule of the domain (release, reject, lapse), which gets the claim's order.

    The order is open again, or it expires and releases its reservations. Raises the refusals of the rule.
    """
    aggregate = desk_orders.read(unit, order_id)
    order, claim = rule(aggregate.order)
    unit.write(claim, order)
    view = emit_claim(unit, kind, claim)
    if order.status != "expired":
        emit_order(unit, "order.reopened", aggregate.updated(order))
        return view
    before = supplies.reserved_by(unit, aggregate.allocations)
    returned = release_all(order.id, aggregate.allocations, before, unit.now)
    unit.write(*returned.allocations)
    supplies.write(unit, before, returned.moves)
    emit_order(unit, "order.expired", aggregate.updated(order, returned.allocations))
    return view
