"""An order with its items and allocations, read and displayed together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from schemas.orders import Order as OrderResource
from schemas.orders import PublicOrder
from shared import resources
from shared.domain.desk.allocation import Allocation
from shared.domain.desk.orders import Order, OrderItem
from shared.store.session import Session
from shared.store.tables import orders

View = TypeVar("View", OrderResource, PublicOrder, OrderResource | PublicOrder)


class OrderAggregate(NamedTuple):
    """An order, its items and its allocations, each in key order."""

    order: Order
    items: Sequence[OrderItem]
    allocations: Sequence[Allocation]

    @property
    def view(self) -> OrderResource:
        """The order as its owner sees it."""
        return OrderResource.of(self.order, self.items, self.allocations)

    def updated(self, order: Order, changed: Iterable[Allocation] = ()) -> OrderAggregate:
        """The aggregate with the changed order and allocations."""
        by_id = {allocation.id: allocation for allocation in changed}
        return OrderAggregate(order, self.items, [by_id.get(old.id, old) for old in self.allocations])


def read(session: Session, order_id: str) -> OrderAggregate:
    """Read all rows of the order in one round trip. Raises NotFound."""
    rows = session.read(orders.by_id(order_id), orders.items_of(order_id), orders.allocations_of(order_id))
    return OrderAggregate(*rows)


def as_of_now(view: View, now: datetime) -> View:
    """The order as of now: an open order past its time has expired, even before a timer has updated the row and
    released its reservations."""
    over = view.expires_at is not None and view.expires_at <= now
    if view.status == "open" and over:
        return view.model_copy(update={"status": "expired"})
    return view


def views(rows: Sequence[Order]) -> list[OrderResource]:
    """The orders as their owners see them; items and allocations of all orders are read together."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    session = Session(resources.database().snapshot())
    items: dict[str, list[OrderItem]] = defaultdict(list)
    allocations: dict[str, list[Allocation]] = defaultdict(list)
    all_items, all_allocations = session.read(orders.items_below(ids), orders.allocations_below(ids))
    for item in all_items:
        items[item.order_id].append(item)
    for part in all_allocations:
        allocations[part.order_id].append(part)
    return [OrderResource.of(row, items[row.id], allocations[row.id]) for row in rows]


def views_now(rows: Sequence[Order], now: datetime) -> list[OrderResource]:
    """The orders as their owners see them, as of now."""
    return [as_of_now(view, now) for view in views(rows)]
