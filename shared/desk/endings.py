"""How orders and tenures end: what is written and told, whichever operation or timer ends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.claims import Claim as ClaimView
from schemas.orders import Order as OrderView
from shared.desk import supplies
from shared.desk.events import tell_claim, tell_order
from shared.desk.orders import Whole
from shared.domain.desk import claims, orders
from shared.domain.desk.allocation import Allocation, give_back
from shared.domain.desk.orders import Order
from shared.domain.desk.supplies import Supply
from shared.store.unit_of_work import UnitOfWork

Rule = Callable[[Order, Sequence[Allocation], Sequence[Supply], datetime], orders.Ended]


def end(unit: UnitOfWork, kind: str, whole: Whole, rule: Rule) -> OrderView:
    """End an order by a rule of the domain (cancel, expire, delete); reservations return to their supplies.

    Raises what the rule raises."""
    before = supplies.held_by(unit, whole.allocations)
    ended = rule(whole.order, whole.allocations, before, unit.now)
    unit.write(ended.order, *ended.allocations)
    supplies.move(unit, before, ended.moves)
    return tell_order(unit, kind, whole.now(ended.order, ended.allocations))


def end_tenure(unit: UnitOfWork, kind: str, ended: claims.Ended, whole: Whole) -> ClaimView:
    """Write a claim that ended unpaid; its order is open again, or expired and gives its reservations back."""
    order, claim = ended
    unit.write(claim, order)
    view = tell_claim(unit, kind, claim)
    if order.status != "expired":
        tell_order(unit, "order.reopened", whole.now(order))
        return view
    before = supplies.held_by(unit, whole.allocations)
    back = give_back(order.id, whole.allocations, before, unit.now)
    unit.write(*back.allocations)
    supplies.move(unit, before, back.moves)
    tell_order(unit, "order.expired", whole.now(order, back.allocations))
    return view
