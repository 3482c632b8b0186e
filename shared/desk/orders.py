"""An order with the rows below it: what its owner's view needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from schemas.orders import Order as OrderView
from schemas.orders import PublicOrder
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.orders import Order, OrderItem
from shared.store.session import Session
from shared.store.tables import orders

V = TypeVar("V", OrderView, PublicOrder, OrderView | PublicOrder)


class OrderAggregate(NamedTuple):
    """In key order."""

    order: Order
    items: Sequence[OrderItem]
    allocations: Sequence[Allocation]

    @property
    def view(self) -> OrderView:
        return OrderView.of(self.order, self.items, self.allocations)

    def updated(self, order: Order, changed: Iterable[Allocation] = ()) -> OrderAggregate:
        """The order as it is now, with the allocations that changed."""
        news = {part.id: part for part in changed}
        return OrderAggregate(order, self.items, [news.get(part.id, part) for part in self.allocations])


def read(session: Session, order_id: str) -> OrderAggregate:
    """All of it in one wave. Raises NotFound."""
    found = session.read(orders.by_id(order_id), orders.items_of(order_id), orders.allocations_of(order_id))
    return OrderAggregate(*found)


def as_of_now(view: V, now: datetime) -> V:
    """An open order past its time has expired, also before a timer has written it down and given back its parts."""
    over = view.expires_at is not None and view.expires_at <= now
    if view.status == "open" and over:
        return view.model_copy(update={"status": "expired"})
    return view
