"""Orders with their items and allocations."""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.desk.allocation import Allocation
from shared.domain.desk.orders import Order, OrderItem
from shared.store.table import Index, Query, Table

ORDERS = Table(
    "orders",
    Order,
    ("id",),
    id_column="order_id",
    numeric=frozenset({"amount"}),
    documents=frozenset({"metadata"}),
    cached=True,
)
ORDER_ITEMS = Table("order_items", OrderItem, ("order_id", "line"), numeric=frozenset({"price", "total"}))
ALLOCATIONS = Table("allocations", Allocation, ("order_id", "id"), numeric=frozenset({"amount", "settled"}))
ORDERS_BY_OWNER = Index(
    "orders_by_owner",
    ORDERS,
    ("user_id", "hidden", "created_at", "order_id"),
    frozenset({"created_at"}),
    stored=("status", "currency"),
)
ORDERS_OPEN = Index(
    "orders_open",
    ORDERS,
    ("open_shard", "created_at", "order_id"),
    null_filtered=True,
    stored=("user_id", "chain", "currency", "amount", "decimals", "expires_at"),
)
ORDERS_AVAILABLE = Index(
    "orders_available",
    ORDERS,
    ("open_shard", "created_at", "order_id"),
    frozenset({"created_at"}),
    null_filtered=True,
    stored=ORDERS_OPEN.stored,
)
ORDERS_BY_STATUS = Index(  # of all users
    "orders_by_status",
    ORDERS,
    ("list_shard", "status", "created_at", "order_id"),
    frozenset({"created_at"}),
    stored=("chain", "currency"),
)
OPEN_SHARDS = 16


def by_id(order_id: str) -> Query[Order]:
    return ORDERS.get(order_id)


def find(order_id: str) -> Query[Order | None]:
    return ORDERS.find(order_id)


def by_ids(order_ids: Iterable[str]) -> Query[list[Order]]:
    return ORDERS.get_many([(order_id,) for order_id in order_ids])


def items_of(order_id: str) -> Query[list[OrderItem]]:
    return ORDER_ITEMS.scan(order_id)


def allocations_of(order_id: str) -> Query[list[Allocation]]:
    return ALLOCATIONS.scan(order_id)


def items_below(order_ids: Iterable[str]) -> Query[list[OrderItem]]:
    """The items of several orders, in one read."""
    return ORDER_ITEMS.below([(order_id,) for order_id in order_ids])


def allocations_below(order_ids: Iterable[str]) -> Query[list[Allocation]]:
    """The allocations of several orders, in one read."""
    return ALLOCATIONS.below([(order_id,) for order_id in order_ids])
